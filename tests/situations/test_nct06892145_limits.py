"""NCT06892145: units, limits and reference ranges."""

from __future__ import annotations

from tests.situations.builders import LOINC, amount, concept, icd, measured, observation, patient, resulted, sle, weight
from tests.situations.situation import OPEN, Situation, cases, check

CREATININE, CREATININE_MOLAR, EGFR = "2160-0", "14682-9", "62238-1"
BILIRUBIN_MOLAR, ALT, AST, LVEF, SPO2, O2_FLOW = "14631-6", "1742-6", "1920-8", "10230-1", "59408-5", "3151-8"
GILBERT = "E80.4"


def _spo2(value: float, *flow: float) -> dict:
    """A saturation, with the inhaled oxygen flow beside it where one is given."""
    parts = [{"code": concept(LOINC, O2_FLOW), "valueQuantity": amount(litres, "L/min")} for litres in flow]
    return measured(SPO2, value, "%", **({"component": parts} if parts else {}))


@cases(
    # 168/84 is exactly 2.0 and the limit includes it; the clearance need not be known then
    Situation(
        "1",
        "creatinine 168 µmol/L of 45–84, clearance absent",
        (sle(), measured(CREATININE_MOLAR, 168, "umol/L", low=45, high=84)),
        {"I6.2.a": "met:evidence", "I6.2": "met", "I6.2.b": "unknown:missing-data"},
        OPEN,
    ),
    # a hair above the limit fails it, and only then is the clearance needed
    Situation(
        "1",
        "creatinine 169 µmol/L of 45–84, clearance absent",
        (sle(), measured(CREATININE_MOLAR, 169, "umol/L", low=45, high=84)),
        {"I6.2.a": "unmet:evidence", "I6.2": "unknown"},
        "possible",
    ),
    # never a default limit of normal: without the laboratory's own range there is no ratio; no weight, no clearance
    Situation(
        "2",
        "creatinine 1.9 mg/dL without reference range, weight absent",
        (sle(), measured(CREATININE, 1.9, "mg/dL")),
        {"I6.2.a": "unknown:unusable", "I6.2.b": "unknown:missing-data", "I6.2": "unknown"},
        "possible",
    ),
    # an eGFR is indexed to a body surface and is no clearance
    Situation(
        "5",
        "eGFR (CKD-EPI) 65 mL/min/1.73 m2, creatinine 2.2 × ULN, no weight",
        (
            sle(),
            measured(EGFR, 65, "mL/min/{1.73_m2}"),
            measured(CREATININE, 2.64, "mg/dL", low=0.5, high=1.2),
        ),
        {"I6.2.a": "unmet:evidence", "I6.2.b": "unknown:missing-data", "I6.2": "unknown"},
        "possible",
    ),
    # (140 − 40) × 60 / (72 × 1.0) = 83.3 for a man, × 0.85 = 70.8 for a woman: both are ≥ 60, so sex does not matter
    Situation(
        "7",
        "sex unknown, 40 years, 60 kg, creatinine 1.0 mg/dL without range: 70.8 or 83.3 mL/min",
        (patient("unknown", "1985-06-01"), sle(), measured(CREATININE, 1.0, "mg/dL"), weight(60)),
        {"I6.2.b": "met:evidence", "I6.2": "met"},
        OPEN,
    ),
    # the same at 45 kg: 62.5 for a man, 53.1 for a woman, so sex decides and is not known
    Situation(
        "7",
        "sex unknown, 40 years, 45 kg, creatinine 1.0 mg/dL without range: 53.1 or 62.5 mL/min",
        (patient("unknown", "1985-06-01"), sle(), measured(CREATININE, 1.0, "mg/dL"), weight(45)),
        {"I6.2.b": "unknown", "I6.2": "unknown"},
        "possible",
    ),
    # between 2.0 and 3.0 × ULN the Gilbert syndrome decides
    Situation(
        "10",
        "bilirubin 2.4 × ULN, Gilbert recorded and confirmed",
        (sle(), measured(BILIRUBIN_MOLAR, 48, "umol/L", high=20), icd(GILBERT, "2010")),
        {"I6.4": "met", "I6.4.a.1": "unmet:evidence", "I6.4.a.2.2": "met:evidence"},
        OPEN,
    ),
    # silence about Gilbert is neither a yes nor a no
    Situation(
        "11",
        "bilirubin 2.4 × ULN, no Gilbert record",
        (sle(), measured(BILIRUBIN_MOLAR, 48, "umol/L", high=20)),
        {
            "I6.4": "unknown",
            "I6.4.a.1": "unmet:evidence",
            "I6.4.a.2.1": "met:evidence",
            "I6.4.a.2.2": "unknown:no-record",
        },
        OPEN,
    ),
    # above 3.0 × ULN Gilbert cannot help
    Situation(
        "13",
        "bilirubin 3.1 × ULN, Gilbert unknown",
        (sle(), measured(BILIRUBIN_MOLAR, 62, "umol/L", high=20)),
        {"I6.4": "unmet", "I6.4.a.2.2": "unknown:no-record"},
        "ineligible",
    ),
    # up to 2.0 × ULN Gilbert does not matter (another trial's limit of 1.5 is its own)
    Situation(
        "14",
        "bilirubin 1.8 × ULN, Gilbert refuted",
        (sle(), measured(BILIRUBIN_MOLAR, 36, "umol/L", high=20), icd(GILBERT, verification="refuted")),
        {"I6.4": "met", "I6.4.a.2.2": "unmet:evidence"},
        OPEN,
    ),
    # 120/40 is exactly 3.0 and the limit includes it
    Situation(
        "16",
        "ALT 120 U/L of 40 (exactly 3.0), AST 20 U/L of 40",
        (sle(), measured(ALT, 120, "U/L", high=40), measured(AST, 20, "U/L", high=40)),
        {"I6.3": "met", "I6.3.a": "met:evidence", "I6.3.b": "met:evidence"},
        OPEN,
    ),
    # 91.2 is 3 × 30.4 in decimals, though not in binary floating point
    Situation(
        "16",
        "ALT 91.2 U/L of 30.4, AST 20 U/L of 40",
        (sle(), measured(ALT, 91.2, "U/L", high=30.4), measured(AST, 20, "U/L", high=40)),
        {"I6.3": "met", "I6.3.a": "met:evidence"},
        OPEN,
    ),
    # a fraction of one is 52 %
    Situation(
        "31",
        "LVEF 0.52 (unit 1)",
        (sle(), measured(LVEF, 0.52, "1")),
        {"I6.1": "met:evidence"},
        OPEN,
    ),
    # a saturation on oxygen proves nothing about one without
    Situation(
        "32",
        "SpO2 95 %, inhaled oxygen flow 2 L/min beside it",
        (sle(), _spo2(95, 2)),
        {"I6.5": "unknown", "I6.5.a": "met:evidence", "I6.5.b1": "unmet:evidence", "I6.5.b2": "unknown:judgement"},
        OPEN,
    ),
    # nothing said about oxygen: not taken for room air
    Situation(
        "32",
        "SpO2 95 %, nothing recorded about oxygen",
        (sle(), _spo2(95)),
        {"I6.5": "unknown", "I6.5.a": "met:evidence", "I6.5.b1": "unknown:missing-data"},
        "possible",
    ),
    Situation(
        "32",
        "SpO2 95 %, oxygen flow 0",
        (sle(), _spo2(95, 0)),
        {"I6.5": "met"},
        OPEN,
    ),
    # the flow of another day says nothing of the saturation, whichever way
    Situation(
        "32",
        "SpO2 95 % on 2 L/min on 2026-02-20, oxygen flow 0 on 2026-02-25",
        (sle(), _spo2(95, 2), measured("3151-8", 0, "L/min", date="2026-02-25")),
        {"I6.5": "unknown", "I6.5.a": "met:evidence", "I6.5.b1": "unmet:evidence", "I6.5.b2": "unknown:judgement"},
        OPEN,
    ),
    Situation(
        "32",
        "SpO2 95 % on 2026-02-20, nothing said about oxygen, oxygen flow 0 on 2026-02-25",
        (sle(), _spo2(95), measured("3151-8", 0, "L/min", date="2026-02-25")),
        {"I6.5": "unknown", "I6.5.b1": "unknown:missing-data"},
        "possible",
    ),
    Situation(
        "32",
        "SpO2 95 % on air on 2026-02-20, 2 L/min on 2026-02-25",
        (sle(), _spo2(95, 0), measured("3151-8", 2, "L/min", date="2026-02-25")),
        {"I6.5": "met"},
        OPEN,
    ),
    # below the limit even on oxygen
    Situation(
        "32",
        "SpO2 90 % on 2 L/min",
        (sle(), _spo2(90, 2)),
        {"I6.5": "unmet"},
        "ineligible",
    ),
    # the printed relaxation repeats the limit, so it relaxes nothing; no other limit is assumed
    Situation(
        "145",
        "ALT 3.4 × ULN, liver infiltration in the text",
        (
            sle(note=[{"text": "combined liver infiltration"}]),
            measured(ALT, 136, "U/L", high=40),
            measured(AST, 20, "U/L", high=40),
        ),
        {"I6.3": "unmet", "I6.3.a": "unmet:evidence"},
        "ineligible",
    ),
    # either datum alone missing leaves its row open and the patient too, for inclusion and exclusion alike
    Situation(
        "140",
        "LVEF missing, HIV test missing",
        (sle(), resulted("5195-3", "negative")),
        {"I6.1": "unknown:missing-data", "E6.c": "unknown:missing-data", "E6": "unknown"},
        "possible",
    ),
)
def test_limits(situation: Situation) -> None:
    check(situation)


def test_a_misprinted_relaxation_is_shown_with_its_row() -> None:
    # 145: the coordinator must see that the record's relaxation was read as printed, without effect
    from tests.situations.situation import match, walk

    found = match(Situation("145", "reading", (sle(), observation(concept(LOINC, ALT)))))
    item = next(item for item in walk(found["items"]) if item["linkId"] == "I6.3")
    assert item["reading"] == "as-printed"
