"""NCT07161193: what was given before, and for how long."""

from __future__ import annotations

from functools import partial

from tests.situations.autoimmune import (
    BELIMUMAB,
    HYDROXYCHLOROQUINE,
    MYCOPHENOLATE,
    RITUXIMAB,
    STUDY,
    fits,
    intolerance,
    treated,
    without,
)
from tests.situations.builders import RXNORM, SUBJECT, Json, concept, icd, ordered, sle, stated
from tests.situations.situation import OPEN, Situation, cases, check

On = partial(Situation, study=STUDY)
ATC = "http://www.whocc.no/atc"
BLINATUMOMAB, CILTACABTAGENE, TISAGENLECLEUCEL, OBINUTUZUMAB = "1597258", "2594775", "1986438", "974779"


def _given(system: str, code: str, date: str) -> Json:
    """A MedicationAdministration of a drug."""
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": concept(system, code),
        "subject": SUBJECT,
        "effectiveDateTime": date,
    }


def _contained(rxnorm: str, date: str) -> Json:
    """An order whose drug is a contained Medication."""
    order = ordered(rxnorm, date)
    del order["medicationCodeableConcept"]
    medication = {"resourceType": "Medication", "id": "m", "code": concept(RXNORM, rxnorm)}
    return {**order, "contained": [medication], "medicationReference": {"reference": "#m"}}


@cases(
    # directed at CD19 without being a cell
    On(
        "91",
        "blinatumomab in 2022",
        (sle(), _given(RXNORM, BLINATUMOMAB, "2022-05-01")),
        {"E11": "unmet"},
        "ineligible",
    ),
    On("91", "inebilizumab in 2024", (sle(), _given(ATC, "L04AG10", "2024-05-01")), {"E11": "unmet"}, "ineligible"),
    # directed at CD20
    On(
        "91",
        "rituximab and obinutuzumab",
        (*fits("SLE"), treated(RITUXIMAB), treated(OBINUTUZUMAB)),
        {"E11.a": "unknown:no-record", "E11": "unknown"},
        "likely",
    ),
    # directed at BCMA, and gene-modified all the same
    On(
        "92",
        "ciltacabtagene autoleucel in 2023, no CD19 product ever",
        (
            sle(),
            _given(RXNORM, CILTACABTAGENE, "2023-03-01"),
            stated(TISAGENLECLEUCEL, "2023-01-01", status="not-taken"),
        ),
        {"E11.a": "met:evidence", "E11": "met", "E12.a": "unmet:evidence", "E12": "unmet"},
        "ineligible",
    ),
    On(
        "92",
        "CAR-T therapy in the history (Z92.850), against what is not said",
        (sle(), icd("Z92.850", "2023")),
        {"E11.b2": "unknown:not-computable", "E11": "unknown", "E12": "unmet"},
        "ineligible",
    ),
    On("92", "gene therapy in the history", (sle(), icd("Z92.86", "2023")), {"E12": "unmet"}, "ineligible"),
    On(
        "92",
        "other cellular therapy in the history: was it a gene therapy?",
        (*fits("SLE"), icd("Z92.858", "2023")),
        {"E12.d1": "unmet:evidence", "E12.d2": "unknown:judgement", "E12": "unknown"},
        "likely",
    ),
    # the drug is named by reference
    On(
        "148",
        "blinatumomab as a contained Medication",
        (sle(), _contained(BLINATUMOMAB, "2022-05-01")),
        {"E11.a": "unmet:evidence", "E11": "unmet"},
        "ineligible",
    ),
    # what was only thought of is no exposure, and no evidence of its absence
    *[
        On("109", f"blinatumomab: {words}", (sle(), order), {"E11.a": "unknown:no-record"}, OPEN)
        for words, order in {
            "draft": ordered(BLINATUMOMAB, "2025-11-01", status="draft"),
            "proposal": ordered(BLINATUMOMAB, "2025-11-01", intent="proposal"),
            "do not perform": ordered(BLINATUMOMAB, "2025-11-01", doNotPerform=True),
            "cancelled": ordered(BLINATUMOMAB, "2025-11-01", status="cancelled"),
        }.items()
    ],
    On(
        "110",
        "blinatumomab not taken",
        (*fits("SLE"), stated(BLINATUMOMAB, "2022-05-01", status="not-taken")),
        {"E11.a": "met:evidence", "E11": "met"},
        "likely",
    ),
    On(
        "112",
        "blinatumomab intended",
        (sle(), stated(BLINATUMOMAB, "2026-02-01", status="intended")),
        {"E11.a": "unknown:provisional", "E11": "unknown"},
        "possible",
    ),
    On("112", "blinatumomab ordered", (sle(), ordered(BLINATUMOMAB, "2026-02-01")), {"E11": "unmet"}, "ineligible"),
    On(
        "112",
        "blinatumomab ordered, where taking has to be on record",
        (sle(), ordered(BLINATUMOMAB, "2026-02-01")),
        {"E11.a": "unknown:provisional"},
        "possible",
        given={"exposure": "taken"},
    ),
)
def test_what_was_given(situation: Situation) -> None:
    check(situation)


#: a lupus patient whose treatment is still to be said
UNTREATED = tuple(without(fits("SLE"), HYDROXYCHLOROQUINE, MYCOPHENOLATE))


@cases(
    # 1 January to 10 April are 100 days
    On(
        "113",
        "hydroxychloroquine 2025-01-01 to 02-20 and 02-01 to 04-10",
        (
            *UNTREATED,
            treated(HYDROXYCHLOROQUINE, "2025-01-01", "2025-02-20"),
            treated(HYDROXYCHLOROQUINE, "2025-02-01", "2025-04-10"),
        ),
        {"1.10.a1": "met:evidence", "1.10.a2": "unknown:judgement", "1.10": "unknown"},
        "likely",
    ),
    # 43 and 43 days, but 74 in all: fewer than 84, and no intolerance
    On(
        "113",
        "hydroxychloroquine 2025-01-01 to 02-12 and 02-01 to 03-15",
        (
            *UNTREATED,
            treated(HYDROXYCHLOROQUINE, "2025-01-01", "2025-02-12"),
            treated(HYDROXYCHLOROQUINE, "2025-02-01", "2025-03-15"),
        ),
        {"1.10.a1": "unmet:evidence", "1.10.b": "unmet", "1.10": "unmet", "SLE": "unmet"},
        "ineligible",
    ),
    # two drugs one after the other: 42 days each
    On(
        "113",
        "hydroxychloroquine to 02-11, mycophenolate from 02-12 to 03-25",
        (
            *UNTREATED,
            treated(HYDROXYCHLOROQUINE, "2025-01-01", "2025-02-11"),
            treated(MYCOPHENOLATE, "2025-02-12", "2025-03-25"),
        ),
        {"1.10.a1": "met:evidence"},
        "likely",
    ),
    On(
        "1.10",
        "hydroxychloroquine for 40 days, then an intolerance",
        (*UNTREATED, treated(HYDROXYCHLOROQUINE, "2025-01-01", "2025-02-09"), intolerance(HYDROXYCHLOROQUINE)),
        {"1.10.a1": "unmet:evidence", "1.10.b1": "met:evidence", "1.10.b2": "unknown:judgement", "1.10": "unknown"},
        "likely",
    ),
    On(
        "1.10",
        "hydroxychloroquine for 40 days, an intolerance that was refuted",
        (
            *UNTREATED,
            treated(HYDROXYCHLOROQUINE, "2025-01-01", "2025-02-09"),
            intolerance(HYDROXYCHLOROQUINE, "refuted"),
        ),
        {"1.10.b1": "unmet:evidence", "1.10": "unmet"},
        "ineligible",
    ),
    # silence about the treatment is no proof of its absence
    On(
        "1.10",
        "nothing on record about treatment",
        UNTREATED,
        {"1.10.a1": "unknown:no-record", "1.10": "unknown"},
        "likely",
    ),
    On(
        "1.10",
        "belimumab stopped, its end not said",
        (*UNTREATED, stated(BELIMUMAB, "2025-01-01", status="stopped")),
        {"1.10.a1": "unknown:imprecise", "1.10": "unknown"},
        "possible",
    ),
    # rituximab is no standard therapy of psoriasis
    On(
        "5.9",
        "Psoriasis. rituximab only",
        (*without(fits("Psoriasis"), "6851"), treated(RITUXIMAB)),
        {"5.9.a1": "unknown:no-record"},
        "likely",
    ),
)
def test_treatment_before(situation: Situation) -> None:
    check(situation)
