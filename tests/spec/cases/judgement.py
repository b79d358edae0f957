"""Chapter 8: what only a person can say, and how a printed text was read."""

from __future__ import annotations

from tests.spec.criteria import (
    all_of,
    any_of,
    diagnosis,
    exclude,
    gate,
    judgement,
    measured,
    named,
    quantity,
    reading,
    text_only,
    times,
)
from tests.spec.model import Chapter, Json, Section, Trial, met, row, rule, unknown, unmet
from tests.spec.record import alt, condition, lab

LOW_ALT = measured("alt", times("<=", 3))
LVEF = measured("lvef", quantity(">=", 50, "%"))
MYOSITIS = "inflammatory-myopathy"
CODES = ("consent", "investigator", "adherence", "attribution", "classification", "prognosis", "response", "imaging",
         "histology")


def said(answer: str, judgement_: str | None = None, concept: str | None = None, link_id: str | None = None,
         at: str = "2026-02-25", **more: str) -> Json:
    """An attestation by Dr A."""
    about = {"judgement": judgement_, "concept": concept, "linkId": link_id}
    return {**{key: value for key, value in about.items() if value is not None}, "answer": answer, "by": "Dr A",
        "at": at,
            **more}


ATTESTATIONS = Section(
    "Statements that need a person",
    """
`definitionCodeableConcept` of `{base}/CodeSystem/judgement` (`consent`, `investigator`, `adherence`, `attribution`,
`classification`, `prognosis`, `response`, `imaging`, `histology` …), perhaps with a concept beside it, is unknown
until a person attests it. An attestation says who, when, the answer, and perhaps until when. It is given in one of
two ways:

- by `judgement` (and `concept`, where the criterion has one): the answer is the truth of the statement, `met` = true,
  and serves every trial that asks the same code about the same concept;
- by `study` and `linkId`: the answer is the requirement's status in that study. `study` may be left out where only
  one is in play.

The newest in force counts, one by `linkId` before one by `judgement`. It is in force from `at` to `until`, both days
included.
""",
    rules=(
        rule(
            "Consent",
            "Nobody knows until it is said.",
            judgement("consent"),
            row(unknown("judgement", blocking=True), trial=Trial("likely", (0.75, 0.99), missing=("1",))),
            row(met("attested"), attestations=[said("met", "consent")], trial=Trial("eligible", (1, 1))),
            row(unmet("attested"), attestations=[said("unmet", "consent")], trial=Trial("ineligible", (0, 0))),
            row(unknown("judgement"), attestations=[said("met", "adherence")], why="another statement"),
        ),
        rule(
            "Each of the codes",
            "All of them wait for a person.",
            tuple(judgement(code) for code in CODES),
            row({str(number): unknown("judgement") for number in range(1, len(CODES) + 1)}),
        ),
        rule(
            "About a concept",
            "The same code on another concept is another statement.",
            judgement("attribution", MYOSITIS),
            row(met("attested"), attestations=[said("met", "attribution", MYOSITIS)]),
            row(unmet("attested"), attestations=[said("unmet", "attribution", MYOSITIS)]),
            row(unknown("judgement"), attestations=[said("met", "attribution", "sle")]),
            row(unknown("judgement"), attestations=[said("met", "attribution")], why="said of nothing in particular"),
        ),
        rule(
            "About nothing in particular",
            "And the other way round.",
            judgement("attribution"),
            row(met("attested"), attestations=[said("met", "attribution")]),
            row(unknown("judgement"), attestations=[said("met", "attribution", MYOSITIS)]),
        ),
        rule(
            "Twice in one trial",
            "One answer by judgement settles every place that asks.",
            (judgement("attribution", MYOSITIS), any_of(LOW_ALT, judgement("attribution", MYOSITIS))),
            row({"1": met("attested"), "2.2": met("attested")}, attestations=[said("met", "attribution", MYOSITIS)]),
            row({"1": met("attested"), "2.2": unknown("judgement")}, attestations=[said("met", link_id="1")],
                why="by linkId only the place that is named"),
        ),
        rule(
            "The same by `definitionId`",
            "What repeats another characteristic is the same question: an answer to that one, by linkId, answers both.",
            (named("1", judgement("histology")), any_of(LOW_ALT, {"definitionId": "1"})),
            row({"1": met("attested"), "2.2": met("attested")}, attestations=[said("met", link_id="1")]),
            row({"1": unknown("judgement"), "2.2": met("attested")}, attestations=[said("met", link_id="2.2")],
                why="the other way round only the place that is named"),
        ),
        rule(
            "Under an exclusion, by judgement",
            "The answer is the truth of the statement: true excludes.",
            exclude(judgement("prognosis")),
            row(unmet("attested"), attestations=[said("met", "prognosis")]),
            row(met("attested"), attestations=[said("unmet", "prognosis")]),
        ),
        rule(
            "Under an exclusion, by linkId",
            "The answer is the status of the requirement: met is good news.",
            exclude(judgement("prognosis")),
            row(met("attested"), attestations=[said("met", link_id="1")]),
            row(unmet("attested"), attestations=[said("unmet", link_id="1")]),
        ),
        rule(
            "Deeper under an exclusion",
            "The same with the exclusion above the leaf.",
            exclude(all_of(measured("alt", times(">", 3)), judgement("attribution", MYOSITIS))),
            row({"1": met(None), "1.2": met("attested")}, alt(200), attestations=[said("met", link_id="1.2")]),
            row({"1": unmet(None), "1.2": unmet("attested")}, alt(200), attestations=[said("unmet", link_id="1.2")]),
            row({"1": unmet(None), "1.2": unmet("attested")}, alt(200),
                attestations=[said("met", "attribution", MYOSITIS)]),
            row({"1": met(None), "1.2": met("attested")}, alt(200),
                attestations=[said("unmet", "attribution", MYOSITIS)]),
        ),
        rule(
            "From when, until when",
            "Both days are included; what is said later does not count yet.",
            judgement("consent"),
            row(met("attested"), attestations=[said("met", "consent", at="2026-03-01")]),
            row(unknown("judgement"), attestations=[said("met", "consent", at="2026-03-02")]),
            row(met("attested"), attestations=[said("met", "consent", until="2026-03-01")]),
            row(unknown("judgement"), attestations=[said("met", "consent", until="2026-02-28")]),
        ),
        rule(
            "Two answers",
            "The newest counts; by linkId before by judgement.",
            judgement("consent"),
            row(unmet("attested"), attestations=[said("met", "consent", at="2026-02-01"),
                                                 said("unmet", "consent", at="2026-02-25")]),
            row(met("attested"), attestations=[said("met", "consent", at="2026-02-25"),
                                               said("unmet", "consent", at="2026-02-01")], why="whatever the order"),
            row(met("attested"), attestations=[said("met", link_id="1", at="2026-02-01"),
                                               said("unmet", "consent", at="2026-02-25")]),
            row(met("attested"), attestations=[said("met", "consent", at="2026-02-01"),
                                               said("unmet", "consent", at="2026-02-25", until="2026-02-27")],
                why="the newer one is over"),
        ),
    ),
)

SETTLING = Section(
    "What an attestation can settle",
    """
By `linkId`, an attestation settles any leaf that is unknown, for whatever reason: the person has seen the paper. It
settles a leaf that silence alone decided as well. It never overrides what evidence decides; that is shown as a
conflict.
""",
    rules=(
        rule(
            "A missing value",
            "An echocardiogram that was read on paper.",
            LVEF,
            row(met("attested"), attestations=[said("met", link_id="1")], trial=Trial("eligible", (1, 1))),
            row(unmet("attested"), attestations=[said("unmet", link_id="1")]),
            row(met("attested"), lab("lvef", 55, "%", "2025-01-01"), attestations=[said("met", link_id="1")],
                why="a stale value, seen again"),
            row(met("attested"), lab("lvef", 55, None), attestations=[said("met", link_id="1")], why="an unusable one"),
        ),
        rule(
            "A printed text",
            "What no program can compute a person can answer.",
            text_only("Able to comply with the visit schedule"),
            row(met("attested"), attestations=[said("met", link_id="1")]),
            row(unmet("attested"), attestations=[said("unmet", link_id="1")]),
        ),
        rule(
            "What silence decided",
            "A gate that nothing on record opens.",
            gate(diagnosis("sle")),
            row(met("attested"), attestations=[said("met", link_id="1")]),
            row(unmet("no-record")),
        ),
        rule(
            "Evidence",
            "A person's word does not change a result.",
            LOW_ALT,
            row(unmet("evidence", mentions="conflict"), alt(200), attestations=[said("met", link_id="1")]),
            row(met("evidence", mentions="conflict"), alt(40), attestations=[said("unmet", link_id="1")]),
            row(met("evidence"), alt(40), attestations=[said("met", link_id="1")], why="no conflict"),
        ),
        rule(
            "A group",
            "An attestation settles leaves; a group follows from its members.",
            any_of(LVEF, LOW_ALT),
            row({"1": unknown(None), "1.1": unknown("missing-data")}, attestations=[said("met", link_id="1")]),
            row({"1": met(None), "1.1": met("attested")}, attestations=[said("met", link_id="1.1")]),
        ),
        rule(
            "Another study's criterion",
            "An attestation that names another study does not count here.",
            LVEF,
            row(unknown("missing-data"), attestations=[said("met", link_id="1", study="ANOTHER-STUDY")]),
        ),
    ),
)

CARVE_OUTS = Section(
    "Unless due to the disease",
    """
"ALT ≤ 3 × ULN unless due to myositis" is any-of(limit, all-of(disease, attribution)). A value beyond the limit is
then unknown until somebody attributes it: never a silent pass, and no failure before it is denied.
""",
    rules=(
        rule(
            "A carve-out",
            "Both the disease and its being the cause are needed.",
            any_of(LOW_ALT, all_of(diagnosis(MYOSITIS), judgement("attribution", MYOSITIS))),
            row({"1": met(None), "1.1": met(), "1.2.2": unknown("judgement", blocking=False)}, alt(120)),
            row({"1": unknown(None), "1.1": unmet(), "1.2.1": met(), "1.2.2": unknown("judgement", blocking=True)},
                alt(200),
                condition("dermatomyositis", "2020-01-01"), trial=Trial("likely", missing=("1.2.2",))),
            row({"1": met(None), "1.1": unmet()}, alt(200), condition("dermatomyositis", "2020-01-01"),
                attestations=[said("met", "attribution", MYOSITIS)]),
            row({"1": unmet(None)}, alt(200), condition("dermatomyositis", "2020-01-01"),
                attestations=[said("unmet", "attribution", MYOSITIS)], trial=Trial("ineligible")),
            row({"1": unmet(None)}, alt(200), condition("dermatomyositis", None, verification="refuted")),
            row({"1": unknown(None), "1.2.1": unknown("no-record", blocking=True),
                 "1.2.2": unknown("judgement", blocking=True)}, alt(200), why="no myositis on record"),
        ),
    ),
)

READING = Section(
    "How the print was read",
    """
Where a printed criterion had lost a comparator or was garbled, extension `reading` (valueCode `as-printed`,
`inferred` or `corrected`), with a note beside it, says what was done. It is shown with the item and changes nothing.
""",
    rules=(
        rule(
            "A lost comparator",
            "The note says why.",
            reading(LOW_ALT, "inferred",
                "The printed text has lost the sign before 3; other limits of the list are upper limits."),
            row(met(reading="inferred"), alt(40)),
            row(unmet(reading="inferred"), alt(200)),
        ),
        rule(
            "As printed, or corrected",
            "The other two.",
            (reading(LOW_ALT, "as-printed"), reading(LOW_ALT, "corrected", "Printed 109/L for 10⁹/L.")),
            row({"1": met(reading="as-printed"), "2": met(reading="corrected")}, alt(40)),
        ),
    ),
)

CHAPTER = Chapter(
    "Judgement and provenance",
    "Not everything that decides is in a record.",
    (ATTESTATIONS, SETTLING, CARVE_OUTS, READING),
)

