"""Chapter 3: truth, status and basis, and what blocks."""

from __future__ import annotations

from tests.spec.cases.groups import HIGH_ALT, HIGH_AST, LOW_ALT, LOW_AST, LVEF
from tests.spec.criteria import (
    NEGATIVE,
    age,
    all_of,
    any_of,
    applicability,
    at_most,
    diagnosis,
    exclude,
    exposure,
    judgement,
    measured,
    method,
    named,
    open_list,
    printed_as,
    quantity,
    sex,
    times,
    within,
)
from tests.spec.model import (
    BASES,
    PRECEDENCE,
    Chapter,
    Section,
    Trial,
    markdown_table,
    met,
    row,
    rule,
    unknown,
    unmet,
)
from tests.spec.record import alt, ast, condition, lab, negative, patient, raw, took

MYOSITIS = (
    named("E2", exclude(all_of(
        named("E2.a", any_of(
            named("E2.a1", measured("alt", times(">", 5))),
            named("E2.a2", measured("ast", times(">", 5))),
        )),
        named("E2.b", exclude(all_of(
            named("E2.b1", diagnosis("inflammatory-myopathy")),
            named("E2.b2", judgement("attribution", "inflammatory-myopathy")),
        ))),
    ))),
)
ATTRIBUTION = {"judgement": "attribution", "concept": "inflammatory-myopathy", "by": "Dr A", "at": "2026-02-25"}
CLEARANCE = method(measured("creatinine-clearance", quantity(">=", 60, "mL/min")), "cockcroft-gault")
UNREADABLE_ALT = raw(
    "an ALT result whose date is a number instead of a string",
    resourceType="Observation", status="final", effectiveDateTime=20260220,
    code={"coding": [{"system": "http://loinc.org", "code": "1742-6"}]},
    valueQuantity={"value": 40, "unit": "U/L", "system": "http://unitsofmeasure.org", "code": "U/L"},
)

BASIS_TABLE = markdown_table(("basis", "status", "meaning"), *((f"`{name}`", *words) for name, words in BASES.items()))

TRUTH = Chapter(
    "Truth, status and basis",
    """
Three values: *met*, *unmet*, *unknown*, combined by Kleene's logic. There is no short cut: every leaf is evaluated
and reported, because a coordinator wants to see all that speaks against a patient, not only what was found first.

Every leaf carries one **basis**, which says why it is what it is, and lists the facts that made it so. A group has no
basis of its own, except `not-applicable`.
"""
    + BASIS_TABLE,
    (
        Section(
            "Status",
            "The status of an item is that of the *requirement*, so that met is always good news. A characteristic's "
            "truth is taken after its own `exclude`; its status is that truth where an even number of its ancestors "
            "exclude, and the negation where the number is odd.",
            rules=(
                rule(
                    "No short cut",
                    "Leaves after one that has decided the group are evaluated all the same.",
                    all_of(LOW_ALT, LOW_AST, LVEF),
                    row({"1": unmet(None), "1.1": unmet(), "1.2": unmet(), "1.3": unknown("missing-data")}, alt(200),
                        ast(200),
                        trial=Trial(counts={"met": 0, "unmet": 2, "unknown": 1}, unmet=("1.1", "1.2"))),
                ),
                rule(
                    "Leaves under an exclusion",
                    "In \"not: ALT or AST > 3 × ULN\" a high ALT is bad news, so the leaf is unmet as the group is.",
                    exclude(any_of(HIGH_ALT, HIGH_AST)),
                    row({"1": unmet(None), "1.1": unmet(), "1.2": met()}, alt(160), ast(40)),
                    row({"1": met(None), "1.1": met(), "1.2": met()}, alt(40), ast(40)),
                    row({"1": unknown(None), "1.1": met(), "1.2": unknown("missing-data", blocking=True)}, alt(40)),
                ),
                rule(
                    "An exception inside an exclusion",
                    "Two exclusions cancel out: for the members of the exception, true is good news again.",
                    MYOSITIS,
                    row(
                        {
                            "E2": unknown(None, kind="exclusion"),
                            "E2.a": unmet(None, kind="exclusion"),
                            "E2.a1": unmet(kind="exclusion"),
                            "E2.a2": met(kind="exclusion"),
                            "E2.b": unknown(None, kind="inclusion"),
                            "E2.b1": met(kind="inclusion"),
                            "E2.b2": unknown("judgement", kind="inclusion", blocking=True),
                        },
                        alt(240), ast(40), condition("dermatomyositis", "2020-01-01"),
                        why="whether the myositis is the cause decides",
                    ),
                    row(
                        {"E2": met(None), "E2.a1": unmet(), "E2.b": met(None), "E2.b2": met("attested")},
                        alt(240), ast(40), condition("dermatomyositis", "2020-01-01"),
                        attestations=[{**ATTRIBUTION, "answer": "met"}],
                        why="attributed to the myositis: the exclusion does not apply",
                    ),
                    row(
                        {"E2": unmet(None), "E2.a1": unmet(), "E2.b": unmet(None), "E2.b2": unmet("attested")},
                        alt(240), ast(40), condition("dermatomyositis", "2020-01-01"),
                        attestations=[{**ATTRIBUTION, "answer": "unmet"}],
                        why="not attributed: it applies",
                    ),
                    row({"E2": met(None), "E2.a": met(None), "E2.b1": unknown("no-record", blocking=False)}, alt(40),
                        ast(40),
                        why="without a high value the exception is not needed"),
                ),
                rule(
                    "Members of at-most",
                    "at-most is a negation, so it counts as one more `exclude` above its members; not for itself.",
                    at_most(1, HIGH_ALT, HIGH_AST),
                    row({"1": met(None, kind="inclusion"), "1.1": unmet(kind="exclusion"),
                        "1.2": met(kind="exclusion")},
                        alt(160), ast(40), why="one raised value is allowed; it is bad news all the same"),
                    row({"1": unmet(None), "1.1": unmet(), "1.2": unmet()}, alt(160), ast(160)),
                ),
                rule(
                    "Members of an excluded at-most",
                    "Its own `exclude` makes the number of negations above the members even.",
                    exclude(at_most(1, HIGH_ALT, HIGH_AST)),
                    row({"1": met(None, kind="exclusion"), "1.1": met(kind="inclusion"), "1.2": met(kind="inclusion")},
                        alt(160), ast(160)),
                    row({"1": unmet(None), "1.1": met(), "1.2": unmet()}, alt(160), ast(40)),
                ),
            ),
        ),
        Section(
            "Inclusion or exclusion",
            "`kind` is `exclusion` where the number of `exclude`s on an item and above it is odd. The extension "
            "`printed-as` says how the record prints it, where that differs.",
            rules=(
                rule(
                    "Printed as",
                    "`printed-as` changes the kind and nothing else, and only that of the item it stands on.",
                    printed_as(exclude(any_of(HIGH_ALT, HIGH_AST)), "inclusion"),
                    row({"1": unmet(None, kind="inclusion"), "1.1": unmet(kind="exclusion"),
                        "1.2": met(kind="exclusion")},
                        alt(160), ast(40)),
                ),
                rule(
                    "An inclusion printed among the exclusions",
                    "The same the other way round.",
                    printed_as(LOW_ALT, "exclusion"),
                    row(met(kind="exclusion"), alt(40)),
                    row(unmet(kind="exclusion"), alt(200)),
                ),
            ),
        ),
        Section(
            "One basis for an unknown",
            f"Where several apply, the first of these is given: {', '.join(f'`{basis}`' for basis in PRECEDENCE)}.",
            rules=(
                rule(
                    "A result with several flaws",
                    "The flaw that has to be dealt with first.",
                    LOW_ALT,
                    row(unknown("source-failed"), UNREADABLE_ALT, alt(40, "2025-06-01"), why="before stale"),
                    row(unknown("unusable"), alt(40, "2025-06-01", high=None), why="no range: before stale"),
                    row(unknown("unusable"), alt(40, high=None).but("{}, preliminary", status="preliminary"),
                        why="no range: before provisional"),
                    row(unknown("provisional"), alt(40, "2025-06-01").but("{}, preliminary", status="preliminary"),
                        why="before stale"),
                    row(unknown("stale"), alt(40, "2025-06-01"),
                        alt(40, "2025-06-02").but("{}, preliminary", status="preliminary"),
                        why="both too old: the final one is what there is"),
                    row(unknown("unusable"), alt(40, "2025-06-01", high=None),
                        alt(40, "2025-06-02").but("{}, preliminary", status="preliminary"),
                        why="the same, and the final one has no range"),
                ),
                rule(
                    "A derived value with several flaws",
                    "The inputs are looked at together.",
                    CLEARANCE,
                    row(unknown("unusable"), patient("1976-01-01", "male"), lab("creatinine", 1, None),
                        why="creatinine without a unit: before the missing weight"),
                    row(unknown("stale"), patient("1976-01-01", "male"), lab("creatinine", 1, "mg/dL", "2025-06-01"),
                        why="old creatinine: before the missing weight"),
                    row(unknown("missing-data"), patient("1976-01-01", "male"), lab("creatinine", 1, "mg/dL"),
                        why="only the weight is missing"),
                ),
                rule(
                    "An unknown anchor and no record",
                    "Before anything is looked for, one has to know when.",
                    within(diagnosis("stroke"), -30, 0, "d", "infusion"),
                    row(unknown("anchor-unknown"), why="before no-record"),
                    row(unknown("no-record"), infusion="2026-03-15"),
                ),
                rule(
                    "An open list and no record",
                    "Silence comes first; the open list matters once something is known.",
                    open_list(exposure("immunosuppressant")),
                    row(unknown("no-record"), why="before open-list"),
                    row(unknown("open-list"), took("azathioprine", None, status="not-taken"),
                        why="none of the named drugs, but there may be others"),
                ),
            ),
        ),
        Section(
            "What blocks",
            "A leaf blocks where it is unknown and every group above it is unknown too, the whole trial included. A "
            "decided group masks what is below it, and nothing blocks once a patient is ineligible. Only leaves that "
            "block are listed as missing.",
            rules=(
                rule(
                    "Masked by a decided group",
                    "An any-of that is met does not need its other members.",
                    (any_of(LOW_ALT, LVEF), LOW_AST),
                    row({"1.2": unknown("missing-data", blocking=False), "2": unknown("missing-data", blocking=True)},
                        alt(40),
                        trial=Trial("possible", missing=("2",),
                            counts={"met": 1, "unmet": 0, "unknown": 2, "blocking": 1})),
                    row({"1.2": unknown("missing-data", blocking=False)}, alt(40), ast(40),
                        trial=Trial("eligible", missing=())),
                    row({"1.1": unmet(), "1.2": unknown("missing-data", blocking=True)}, alt(200), ast(40),
                        trial=Trial("possible", missing=("1.2",))),
                ),
                rule(
                    "Nothing blocks the ineligible",
                    "One unmet criterion of the top level ends the search.",
                    (LOW_ALT, LVEF),
                    row({"1": unmet(), "2": unknown("missing-data", blocking=False)}, alt(200),
                        trial=Trial("ineligible", (0, 0), missing=(), unmet=("1",),
                            counts={"blocking": 0, "unknown": 1})),
                    row({"2": unknown("missing-data", blocking=True)}, alt(40),
                        trial=Trial("possible", missing=("2",))),
                ),
                rule(
                    "Masked above an unknown group",
                    "Every group on the way up has to be unknown, not only the nearest.",
                    (any_of(LOW_ALT, all_of(LVEF, LOW_AST)),),
                    row({"1.2": unknown(None), "1.2.1": unknown("missing-data", blocking=False)}, alt(40), ast(40)),
                    row({"1.2": unknown(None), "1.2.1": unknown("missing-data", blocking=True)}, alt(200), ast(40)),
                ),
            ),
        ),
        Section(
            "Not applicable",
            "A criterion may not concern a patient at all. Its any-of then holds a member with extension "
            "`applicability` = true that says so; where that member is met, the any-of is met with basis "
            "`not-applicable`.",
            rules=(
                rule(
                    "The pregnancy test of a man",
                    "Nobody has to do it, so it does not block either.",
                    any_of(applicability(sex("male")), within(measured("hcg", NEGATIVE), -7, 0, "d")),
                    row({"1": met("not-applicable"), "1.1": met(), "1.2": unknown("missing-data", blocking=False)},
                        patient("1990-01-01", "male"), trial=Trial("eligible", (1, 1), missing=())),
                    row({"1": unknown(None), "1.1": unmet(), "1.2": unknown("missing-data", blocking=True)},
                        patient("1990-01-01", "female")),
                    row({"1": met(None), "1.1": unmet(), "1.2": met()}, patient("1990-01-01", "female"),
                        negative("hcg serum", "2026-02-25")),
                    row({"1": unknown(None), "1.1": unknown("missing-data")}, patient("1990-01-01"),
                        why="sex not recorded: the test may be needed"),
                ),
                rule(
                    "More than one reason not to be concerned",
                    "The member may be a group.",
                    any_of(applicability(any_of(sex("male"), age(">=", 60))), measured("hcg", NEGATIVE)),
                    row({"1": met("not-applicable"), "1.1": met(None), "1.2": unknown("missing-data", blocking=False)},
                        patient("1960-01-01", "female")),
                    row({"1": unknown(None), "1.1": unmet(None)}, patient("1990-01-01", "female")),
                ),
                rule(
                    "Without the extension",
                    "An ordinary any-of that is met has no basis: the man is then simply one of the alternatives.",
                    any_of(sex("male"), within(measured("hcg", NEGATIVE), -7, 0, "d")),
                    row({"1": met(None)}, patient("1990-01-01", "male")),
                ),
            ),
        ),
    ),
)
