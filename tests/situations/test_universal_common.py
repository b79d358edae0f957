"""The universal CD19/BCMA record: neutrophils and growth factors, performance, pregnancy test, target antigens."""

from __future__ import annotations

from tests.situations.builders import (
    LOINC,
    amount,
    concept,
    observation,
    ordered,
    patient,
    resulted,
    sle,
)
from tests.situations.situation import OPEN, Situation, cases, check
from tests.situations.universal import (
    ALT,
    ECOG,
    FILGRASTIM,
    NEUTROPHILS,
    SERUM_HCG,
    URINE_HCG,
    attested,
    attributed,
    flow,
    given_once,
    loinc,
    neutrophils,
    universal,
)

#: a count on 26 February, and no colony-stimulating factor before it by word of mouth
COUNTED = "2026-02-26"
NOT_GIVEN = given_once(FILGRASTIM, "2026-02-15", status="not-done")


@cases(
    # "1x109/L" is 10⁹; 0.9 fails it, and the exception leaves it to a person
    universal(
        "23",
        "neutrophils 0.9 10*3/uL",
        (sle(), neutrophils(0.9, unit="10*3/uL")),
        {"C3.1A": "unknown", "C3.1A.a.1": "unmet:evidence", "C3.1A.b.1": "met:evidence", "C3.1A.b.3": "unknown"},
        OPEN,
    ),
    universal(
        "23",
        "neutrophils 0.9 10*3/uL, due to the disease",
        (sle(), neutrophils(0.9, unit="10*3/uL")),
        {"C3.1A": "met", "C3.1A.b": "met"},
        OPEN,
        given=attributed("neutrophils", "met"),
    ),
    universal(
        "23",
        "neutrophils 0.9 10*3/uL, not due to the disease",
        (sle(), neutrophils(0.9, unit="10*3/uL")),
        {"C3.1A": "unmet"},
        "ineligible",
        given=attributed("neutrophils", "unmet"),
    ),
    universal(
        "23",
        "neutrophils 1.0 10*3/uL, no colony-stimulating factor given",
        (sle(), neutrophils(1.0, COUNTED, "10*3/uL"), NOT_GIVEN),
        {"C3.1A": "met", "C3.1A.a.1": "met:evidence", "C3.1A.a.2.1": "met:evidence"},
        OPEN,
    ),
    # silence about the factor asks one question, and none about the disease
    universal(
        "122",
        "neutrophils 1.4, nothing said of colony-stimulating factors",
        (sle(), neutrophils(1.4, COUNTED)),
        {
            "C3.1A": "unknown",
            "C3.1A.a.2.1": "unknown:no-record",
            "C3.1A.a.2.2": "unmet",
            "C3.1A.b": "unmet",
        },
        OPEN,
    ),
    # six days after filgrastim a count proves nothing: it has to be repeated
    universal(
        "122",
        "filgrastim on 2026-02-20, neutrophils 1.4 on 2026-02-26",
        (sle(), neutrophils(1.4, COUNTED), given_once(FILGRASTIM, "2026-02-20")),
        {
            "C3.1A": "unknown",
            "C3.1A.a.1": "met:evidence",
            "C3.1A.a.2.1": "unmet:evidence",
            "C3.1A.a.2.2.1": "met:evidence",
            "C3.1A.a.2.2.2": "unknown:judgement",
            "C3.1A.b": "unmet",
        },
        OPEN,
    ),
    # … even where a person denies that the disease lowers anything
    universal(
        "122",
        "the same, attribution denied",
        (sle(), neutrophils(1.4, COUNTED), given_once(FILGRASTIM, "2026-02-20")),
        {"C3.1A": "unknown"},
        OPEN,
        given=attributed("neutrophils", "unmet"),
    ),
    universal(
        "122",
        "filgrastim from 2026-02-10 to 2026-02-24: the last dose counts, not the first",
        (
            sle(),
            neutrophils(1.4, COUNTED),
            {
                **given_once(FILGRASTIM, COUNTED),
                "effectiveDateTime": None,
                "effectivePeriod": {"start": "2026-02-10", "end": "2026-02-24"},
            },
        ),
        {"C3.1A": "unknown", "C3.1A.a.2.1": "unmet:evidence"},
        OPEN,
    ),
    # fourteen days before is within two weeks, fifteen is not
    universal(
        "122",
        "filgrastim on 2026-02-12",
        (sle(), neutrophils(1.4, COUNTED), given_once(FILGRASTIM, "2026-02-12")),
        {"C3.1A": "unknown", "C3.1A.a.2.1": "unmet:evidence"},
        OPEN,
    ),
    universal(
        "122",
        "filgrastim on 2026-02-11",
        (sle(), neutrophils(1.4, COUNTED), given_once(FILGRASTIM, "2026-02-11")),
        {"C3.1A": "met", "C3.1A.a.2.1": "met:evidence"},
        OPEN,
    ),
    # given after the count it cannot have raised it
    universal(
        "122",
        "filgrastim on 2026-02-27, the day after the count",
        (sle(), neutrophils(1.4, COUNTED), given_once(FILGRASTIM, "2026-02-27")),
        {"C3.1A": "met", "C3.1A.a.2.1": "met:evidence"},
        OPEN,
    ),
    universal(
        "122",
        "filgrastim on 2026-02-20, a repeated count attested",
        (sle(), neutrophils(1.4, COUNTED), given_once(FILGRASTIM, "2026-02-20")),
        {"C3.1A": "met", "C3.1A.a.2.2.2": "met:attested"},
        OPEN,
        given=attested("met", "C3.1A.a.2.2.2"),
    ),
    universal(
        "122",
        "no neutrophil count",
        (sle(), loinc(NEUTROPHILS, {"dataAbsentReason": concept(LOINC, "unknown")})),
        {"C3.1A": "unknown", "C3.1A.a.1": "unknown:missing-data"},
        "possible",
    ),
)
def test_neutrophils(situation: Situation) -> None:
    check(situation)


@cases(
    # an answer of the list without a number; its display tells it
    universal(
        "50",
        "ECOG as an answer code, displayed as ECOG 2",
        (sle(), loinc(ECOG, {"valueCodeableConcept": concept(LOINC, "LA9624-3", "ECOG 2")})),
        {"C4": "met:evidence"},
        OPEN,
    ),
    universal(
        "50",
        "ECOG as an answer code of the site, displayed as ECOG 3",
        (sle(), loinc(ECOG, {"valueCodeableConcept": concept("urn:site:answers", "E3", "ECOG 3")})),
        {"C4": "unmet:evidence"},
        "ineligible",
    ),
    universal(
        "50",
        "ECOG as an answer code of the site that nobody maps",
        (sle(), loinc(ECOG, {"valueCodeableConcept": concept("urn:site:answers", "X17")})),
        {"C4": "unknown:unusable"},
        "possible",
    ),
    # eight days before enrolment is too old, seven is not; when it was issued does not matter
    universal(
        "61",
        "hCG negative on 2026-02-21, issued on 2026-02-23",
        (sle(), resulted(SERUM_HCG, "negative", "2026-02-21", issued="2026-02-23T08:00:00Z")),
        {"C5.b.2.a": "unknown:stale", "C5.b": "unknown"},
        "possible",
    ),
    universal(
        "61",
        "hCG negative on 2026-02-22",
        (sle(), resulted(SERUM_HCG, "negative", "2026-02-22")),
        {"C5.b.2.a": "met:evidence", "C5.b.2.b": "unknown:no-record", "C5.b": "unknown"},
        OPEN,
    ),
    universal(
        "61",
        "hCG negative on 2026-02-22, not lactating by a person's word",
        (sle(), resulted(SERUM_HCG, "negative", "2026-02-22")),
        {"C5.b": "met", "C5.b.2.b": "met:attested"},
        OPEN,
        given=attested("met", "C5.b.2.b"),
    ),
    # enrolment four days after screening
    universal(
        "61",
        "hCG negative on 2026-02-25, enrolment on 2026-03-05",
        (sle(), resulted(SERUM_HCG, "negative", "2026-02-25")),
        {"C5.b.2.a": "unknown:stale"},
        "possible",
        given={"enrolment": "2026-03-05"},
    ),
    # a woman of 39 without a record of menopause or sterilisation is taken as fertile
    universal(
        "61",
        "hCG positive on 2026-02-25",
        (sle(), resulted(SERUM_HCG, "positive", "2026-02-25")),
        {"C5.b.2.a": "unmet:evidence", "C5.b.2": "unmet", "C5.b": "unmet"},
        "ineligible",
    ),
    # no specimen is printed
    universal(
        "62",
        "urine hCG negative on 2026-02-25",
        (sle(), resulted(URINE_HCG, "negative", "2026-02-25")),
        {"C5.b.2.a": "met:evidence"},
        OPEN,
    ),
    # CD19 or BCMA: one positive is enough, both negative are needed to fail
    universal("C2", "CD19 positive", (sle(), flow("cd19_expression")), {"C2": "met", "C2.a": "met:evidence"}, OPEN),
    universal(
        "C2",
        "CD19 negative, BCMA positive",
        (sle(), flow("cd19_expression", "negative"), flow("bcma_expression")),
        {"C2": "met"},
        OPEN,
    ),
    universal(
        "C2",
        "CD19 negative, BCMA not tested",
        (sle(), flow("cd19_expression", "negative")),
        {"C2": "unknown", "C2.b": "unknown:missing-data"},
        "possible",
    ),
    universal(
        "C2",
        "CD19 and BCMA negative",
        (sle(), flow("cd19_expression", "negative"), flow("bcma_expression", "negative")),
        {"C2": "unmet"},
        "ineligible",
    ),
)
def test_other_common_criteria(situation: Situation) -> None:
    check(situation)


def test_an_order_of_a_factor_without_an_end_may_reach_the_count() -> None:
    # 122: ordered three weeks before and completed, nobody says when: it may have been given until the count
    order = ordered("0", "2026-02-05", status="completed")
    order["medicationCodeableConcept"] = concept("http://www.whocc.no/atc", FILGRASTIM)
    check(
        universal(
            "122",
            "filgrastim ordered on 2026-02-05, completed without an end",
            (patient(), sle(), neutrophils(1.4, COUNTED), order),
            {"C3.1A": "unknown", "C3.1A.a.2.1": "unknown:imprecise"},
            "possible",
        )
    )


def test_a_misprinted_limit_is_shown_with_its_row() -> None:
    from tests.situations.situation import match, walk

    found = match(
        universal("23", "reading", (sle(), observation(concept(LOINC, ALT), {"valueQuantity": amount(1, "1")})), {})
    )
    shown = {item["linkId"]: item.get("reading") for item in walk(found["items"])}
    assert (shown["C3.1A"], shown["C3.3"], shown["SLE2.b"], shown["IIM3or4"]) == ("corrected",) * 4
