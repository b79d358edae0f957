"""NCT06892145: what counts as treatment, how long, how much, how many (criterion I3)."""

from __future__ import annotations

from tests.situations.builders import (
    PATIENT,
    RXNORM,
    SUBJECT,
    concept,
    daily,
    ordered,
    sle,
    sledai_2k,
    stated,
    weight,
)
from tests.situations.situation import OPEN, Situation, cases, check

HCQ, BELIMUMAB, METHOTREXATE, LEFLUNOMIDE = "5521", "1092437", "6851", "27169"
MOFETIL, MYCOPHENOLIC, PREDNISONE, DEXAMETHASONE = "68149", "7145", "8640", "3264"


def _given(status: str) -> dict:
    """An administration of hydroxychloroquine."""
    return {
        "resourceType": "MedicationAdministration",
        "status": status,
        "subject": SUBJECT,
        "medicationCodeableConcept": concept(RXNORM, HCQ),
        "effectiveDateTime": "2026-01-10",
    }


@cases(
    # nothing was ordered, taken or refused: the record stays silent
    Situation(
        "109",
        "belimumab: a draft request",
        (sle(), ordered(BELIMUMAB, "2025-06-01", status="draft")),
        {"I3.c1.d": "unknown:no-record"},
        "possible",
    ),
    Situation(
        "109",
        "belimumab: a proposal",
        (sle(), ordered(BELIMUMAB, "2025-06-01", intent="proposal")),
        {"I3.c1.d": "unknown:no-record"},
        "possible",
    ),
    Situation(
        "109",
        "belimumab: doNotPerform",
        (sle(), ordered(BELIMUMAB, "2025-06-01", doNotPerform=True)),
        {"I3.c1.d": "unknown:no-record"},
        "possible",
    ),
    # evidence of not taking; of one drug that is an answer
    Situation(
        "110",
        "hydroxychloroquine: MedicationStatement not-taken",
        (sle(), stated(HCQ, "2025-06-01", status="not-taken")),
        {"I3.c1.a": "unmet:evidence"},
        OPEN,
    ),
    Situation(
        "110",
        "hydroxychloroquine: MedicationAdministration not-done",
        (sle(), _given("not-done")),
        {"I3.c1.a": "unmet:evidence"},
        OPEN,
    ),
    Situation(
        "110",
        "hydroxychloroquine: MedicationRequest cancelled",
        (sle(), ordered(HCQ, "2025-06-01", status="cancelled")),
        {"I3.c1.a": "unknown:no-record"},
        "possible",
    ),
    # of a list that ends in "etc." it is none: another, unnamed one may have been taken
    Situation(
        "110",
        "belimumab: MedicationStatement not-taken",
        (sle(), stated(BELIMUMAB, "2025-06-01", status="not-taken")),
        {"I3.c1.d": "unknown:open-list"},
        OPEN,
    ),
    Situation(
        "112",
        "hydroxychloroquine: MedicationStatement intended",
        (sle(), stated(HCQ, "2025-06-01", status="intended")),
        {"I3.c1.a": "unknown:provisional"},
        "possible",
    ),
    # an order counts, since many hospitals record nothing more
    Situation(
        "112",
        "hydroxychloroquine: MedicationRequest active, no dispense",
        (sle(), ordered(HCQ, "2025-06-01")),
        {"I3.c1.a": "met:evidence"},
        OPEN,
    ),
    # a Medication by reference is resolved, contained or beside it
    Situation(
        "148",
        "hydroxychloroquine by reference to a contained Medication",
        (
            sle(),
            {
                **{k: v for k, v in ordered(HCQ, "2025-06-01").items() if k != "medicationCodeableConcept"},
                "contained": [{"resourceType": "Medication", "id": "m", "code": concept(RXNORM, HCQ)}],
                "medicationReference": {"reference": "#m"},
            },
        ),
        {"I3.c1.a": "met:evidence"},
        OPEN,
    ),
    Situation(
        "148",
        "hydroxychloroquine by reference to a Medication of its own",
        (
            sle(),
            {"resourceType": "Medication", "id": "m", "code": concept(RXNORM, HCQ)},
            {
                **{k: v for k, v in ordered(HCQ, "2025-06-01").items() if k != "medicationCodeableConcept"},
                "medicationReference": {"reference": "Medication/m"},
            },
        ),
        {"I3.c1.a": "met:evidence"},
        OPEN,
    ),
)
def test_what_counts_as_treatment(situation: Situation) -> None:
    check(situation)


@cases(
    # 1 January to 10 April is 100 days, more than three months
    Situation(
        "113",
        "hydroxychloroquine 01-01 to 02-20 and 02-01 to 04-10 of 2025",
        (
            sle(),
            stated(HCQ, "2025-01-01", "2025-02-20", status="completed"),
            stated(HCQ, "2025-02-01", "2025-04-10", status="completed"),
        ),
        {"I3.c1.e": "met:evidence"},
        OPEN,
    ),
    # overlaps count once: 1 January to 15 March is 74 days (the sum would be 94); the lists are open, so it is no miss
    Situation(
        "113",
        "hydroxychloroquine 01-01 to 02-20 and 02-01 to 03-15 of 2025",
        (
            sle(),
            stated(HCQ, "2025-01-01", "2025-02-20", status="completed"),
            stated(HCQ, "2025-02-01", "2025-03-15", status="completed"),
        ),
        {"I3.c1.e": "unknown:open-list"},
        OPEN,
    ),
    # the regimen counts as a whole: two drugs one after the other make three months
    Situation(
        "113",
        "hydroxychloroquine in January and February, belimumab in March of 2025",
        (
            sle(),
            stated(HCQ, "2025-01-01", "2025-02-28", status="completed"),
            stated(BELIMUMAB, "2025-03-01", "2025-03-31", status="completed"),
        ),
        {"I3.c1.e": "met:evidence"},
        OPEN,
    ),
    # mofetil and the sodium salt are one ingredient
    Situation(
        "115",
        "two requests for mycophenolate (mofetil and sodium), no second agent",
        (sle(), ordered(MOFETIL, "2025-06-01"), ordered(MYCOPHENOLIC, "2025-09-01")),
        {"I3.c1.c": "unknown:open-list"},
        OPEN,
    ),
    Situation(
        "115",
        "mycophenolate and methotrexate",
        (sle(), ordered(MOFETIL, "2025-06-01"), ordered(METHOTREXATE, "2025-09-01")),
        {"I3.c1.c": "met:evidence"},
        OPEN,
    ),
    # 60/58 = 1.03 mg/kg; every computable part of I3 holds, the classification is a person's to attest
    Situation(
        "116",
        "methotrexate, leflunomide, prednisone 60 mg/d at 58 kg, HCQ, belimumab, 4 months, SLEDAI-2K 9",
        (
            sle(),
            weight(58),
            sledai_2k(9),
            *(
                stated(drug, "2025-10-15", "2026-02-14", status="completed")
                for drug in (HCQ, METHOTREXATE, LEFLUNOMIDE, BELIMUMAB)
            ),
            stated(
                PREDNISONE,
                "2025-10-15",
                "2026-02-14",
                status="completed",
                dosage=[
                    {
                        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                        "doseAndRate": [
                            {
                                "doseQuantity": {
                                    "value": 60,
                                    "unit": "mg",
                                    "code": "mg",
                                    "system": "http://unitsofmeasure.org",
                                }
                            }
                        ],
                    }
                ],
            ),
        ),
        {
            "I3.c1": "met",
            "I3.c": "met",
            "I3.b": "unknown:judgement",
            "I3": "unknown",
            "I3.c1.b": "met:evidence",
            "I3.c1.c": "met:evidence",
            "I3.c1.d": "met:evidence",
            "I3.c1.e": "met:evidence",
            "I3.c1.f": "met:evidence",
        },
        OPEN,
    ),
)
def test_how_long_and_how_many(situation: Situation) -> None:
    check(situation)


@cases(
    # 8 mg of dexamethasone are 53 mg of prednisone, 0.76 mg/kg at 70 kg: this exposure fails, I3 stays open
    Situation(
        "118",
        "dexamethasone 8 mg/d, 70 kg",
        (sle(), weight(70), ordered(DEXAMETHASONE, "2026-01-05", dosageInstruction=daily(8))),
        {"I3.c1.b": "unmet:evidence", "I3.c1": "unmet", "I3.c2": "unknown:judgement", "I3": "unknown"},
        OPEN,
    ),
    Situation(
        "119",
        'prednisone "take as directed", no weight',
        (sle(), ordered(PREDNISONE, "2026-01-05", dosageInstruction=[{"text": "take as directed"}])),
        {"I3.c1.b": "unknown:unusable", "I3": "unknown"},
        "possible",
    ),
    # no weight, but a dose: what it is per kilogram nobody knows
    Situation(
        "119",
        "prednisone 60 mg/d, no weight",
        (sle(), ordered(PREDNISONE, "2026-01-05", dosageInstruction=daily(60))),
        {"I3.c1.b": "unknown:unusable"},
        "possible",
    ),
    # 140 lb are 63.5 kg: 64 mg are 1.008 mg/kg, 63 mg are 0.992
    Situation(
        "121",
        "weight 140 lb, prednisone 64 mg/d",
        (sle(), weight(140, "[lb_av]"), ordered(PREDNISONE, "2026-01-05", dosageInstruction=daily(64))),
        {"I3.c1.b": "met:evidence"},
        OPEN,
    ),
    Situation(
        "121",
        "weight 140 lb, prednisone 63 mg/d",
        (sle(), weight(140, "[lb_av]"), ordered(PREDNISONE, "2026-01-05", dosageInstruction=daily(63))),
        {"I3.c1.b": "unmet:evidence"},
        OPEN,
    ),
    # 70000 g are 70 kg, and 1.0 mg/kg is the limit itself
    Situation(
        "121",
        "weight 70000 g, prednisone 70 mg/d",
        (sle(), weight(70000, "g"), ordered(PREDNISONE, "2026-01-05", dosageInstruction=daily(70))),
        {"I3.c1.b": "met:evidence"},
        OPEN,
    ),
)
def test_how_much(situation: Situation) -> None:
    check(situation)


def test_subject_of_all_records_is_the_patient() -> None:
    assert ordered(HCQ, "2025-06-01")["subject"] == {"reference": f"Patient/{PATIENT}"}
