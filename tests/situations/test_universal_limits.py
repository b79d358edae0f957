"""The universal CD19/BCMA record: common criteria, their limits and the exception printed above them."""

from __future__ import annotations

from tests.situations.builders import (
    icd,
    measured,
    sle,
    weight,
)
from tests.situations.situation import OPEN, Situation, cases, check
from tests.situations.universal import (
    ALT,
    AST,
    BILIRUBIN,
    CREATININE,
    DERMATOMYOSITIS,
    GILBERT,
    HEMOGLOBIN,
    attributed,
    disease,
    loinc,
    universal,
)


@cases(
    # 1.8 fails the 1.5 of another trial, not the 2.0 of this one
    universal(
        "14",
        "bilirubin 1.8 × ULN, Gilbert refuted",
        (sle(), measured(BILIRUBIN, 36, "umol/L", high=20), icd(GILBERT, verification="refuted")),
        {"C3.2c": "met", "C3.2c.a": "met"},
        OPEN,
    ),
    universal(
        "14",
        "bilirubin 2.4 × ULN, Gilbert refuted: only the disease can excuse it",
        (sle(), measured(BILIRUBIN, 48, "umol/L", high=20), icd(GILBERT, verification="refuted")),
        {"C3.2c": "unknown", "C3.2c.a": "unmet", "C3.2c.b.1": "met:evidence", "C3.2c.b.2": "unknown:judgement"},
        OPEN,
    ),
    universal(
        "14",
        "bilirubin 2.4 × ULN, Gilbert refuted, attribution to the disease denied",
        (sle(), measured(BILIRUBIN, 48, "umol/L", high=20), icd(GILBERT, verification="refuted")),
        {"C3.2c": "unmet"},
        "ineligible",
        given=attributed("bilirubin", "unmet"),
    ),
    # exactly 3.0 is inside, in decimals: 91.2 = 3 × 30.4
    universal(
        "16",
        "ALT 91.2 U/L of 30.4",
        (sle(), measured(ALT, 91.2, "U/L", high=30.4)),
        {"C3.2a": "met", "C3.2a.a": "met:evidence"},
        OPEN,
    ),
    # no myositis, but the exception is for every autoimmune disease: a person says
    universal(
        "19",
        "lupus, no myositis recorded, ALT 5 × ULN",
        (sle(), measured(ALT, 200, "U/L", high=40)),
        {
            "C3.2a": "unknown",
            "C3.2a.a": "unmet:evidence",
            "C3.2a.b.1": "met:evidence",
            "C3.2a.b.2": "unknown:judgement",
        },
        OPEN,
    ),
    universal(
        "19",
        "the same, attribution denied",
        (sle(), measured(ALT, 200, "U/L", high=40)),
        {"C3.2a": "unmet", "C3.2a.b.2": "unmet:attested"},
        "ineligible",
        given=attributed("alt", "unmet"),
    ),
    # what was said of ALT says nothing of AST
    universal(
        "19",
        "ALT and AST 5 × ULN, attribution of the ALT attested",
        (sle(), measured(ALT, 200, "U/L", high=40), measured(AST, 200, "U/L", high=40)),
        {"C3.2a": "met", "C3.2b": "unknown", "C3.2b.b.2": "unknown:judgement"},
        OPEN,
        given=attributed("alt", "met"),
    ),
    universal(
        "20",
        "dermatomyositis, ALT 5 × ULN",
        (disease(DERMATOMYOSITIS, "2022-06-01"), measured(ALT, 200, "U/L", high=40)),
        {"C3.2a": "unknown", "C3.2a.b.1": "met:evidence"},
        OPEN,
    ),
    # the exception needs the disease: none on record, and no cohort either
    universal(
        "20",
        "no autoimmune disease, ALT 5 × ULN",
        (measured(ALT, 200, "U/L", high=40),),
        {"C3.2a": "unknown", "C3.2a.b.1": "unknown:no-record"},
        "ineligible",
    ),
    # 62 may be g/L, and may not
    universal(
        "22",
        "haemoglobin 62 without unit",
        (sle(), loinc(HEMOGLOBIN, {"valueQuantity": {"value": 62}})),
        {"C3.1B": "unknown", "C3.1B.a": "unknown:unusable"},
        "possible",
    ),
    universal(
        "22",
        "haemoglobin 6.0 g/dL",
        (sle(), measured(HEMOGLOBIN, 6.0, "g/dL")),
        {"C3.1B": "met", "C3.1B.a": "met:evidence"},
        OPEN,
    ),
    universal(
        "22",
        "haemoglobin 5.9 g/dL",
        (sle(), measured(HEMOGLOBIN, 5.9, "g/dL")),
        {"C3.1B": "unknown", "C3.1B.a": "unmet:evidence", "C3.1B.b.2": "unknown:judgement"},
        OPEN,
    ),
    # this record asks for no white cells
    universal(
        "25", "leucocytes 2.9", (sle(), measured("6690-2", 2.9, "10*9/L")), {"C3.1": "unknown", "SLE1.a": "met"}, OPEN
    ),
    # a fall due to nephritis is excepted; nephritis never excludes
    universal(
        "95",
        "lupus nephritis class IV, clearance 25 mL/min",
        (
            icd("M32.14", "2018-05-01"),
            measured("2164-2", 25, "mL/min"),
        ),
        {"SLE1.a": "met:evidence", "C3.3": "unknown", "C3.3.a": "unmet:evidence", "C3.3.b.2": "unknown:judgement"},
        OPEN,
    ),
    # (140 − 39) × 60 / (72 × 2.9) × 0.85 = 24.7 and with 2.3: 31.1
    universal(
        "95",
        "lupus nephritis, 60 kg, creatinine 2.9 mg/dL: 24.7 mL/min",
        (icd("M32.14", "2018-05-01"), measured("2160-0", 2.9, "mg/dL"), weight(60)),
        {"C3.3": "unknown", "C3.3.a": "unmet:evidence"},
        OPEN,
    ),
    universal(
        "95",
        "lupus nephritis, 60 kg, creatinine 2.3 mg/dL: 31.1 mL/min",
        (icd("M32.14", "2018-05-01"), measured("2160-0", 2.3, "mg/dL"), weight(60)),
        {"C3.3": "met", "C3.3.a": "met:evidence"},
        OPEN,
    ),
    universal(
        "95",
        "clearance 25 mL/min, attribution to the disease denied",
        (icd("M32.14", "2018-05-01"), measured("2164-2", 25, "mL/min")),
        {"C3.3": "unmet"},
        "ineligible",
        given=attributed("creatinine-clearance", "unmet"),
    ),
    # creatinine alone is no clearance
    universal(
        "5",
        "creatinine 70 µmol/L, no weight",
        (sle(), measured(CREATININE, 70, "umol/L", high=84)),
        {"C3.3.a": "unknown:missing-data"},
        "possible",
    ),
)
def test_organ_function(situation: Situation) -> None:
    check(situation)
