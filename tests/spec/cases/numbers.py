"""Chapter 4, third part: numbers and their units."""

from __future__ import annotations

from tests.spec.criteria import (
    between,
    measured,
    quantity,
)
from tests.spec.model import Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    SNOMED,
    lab,
    number,
    observation,
    score,
    vital_signs,
    wrote,
)

QUANTITIES = Section(
    "Numbers",
    """
A Quantity is compared with the result after converting its unit. `comparator` may be `<`, `<=`, `>=`, `>`; none means
equal. The bounds of a Range are inclusive, and either may be missing. Comparison is decimal, never binary: 91.2
against 3 × 30.4 is equal.
""",
    rules=(
        rule(
            "No less than",
            "The limit itself is included.",
            measured("hemoglobin", quantity(">=", 100, "g/L")),
            row(met(evidence=1), lab("hemoglobin", 100, "g/L")),
            row(unmet(evidence=1), lab("hemoglobin", 99.9, "g/L")),
            row(unknown("missing-data"), why="a measurement never made is not a bad one"),
        ),
        rule(
            "Above",
            "The limit itself is not included.",
            measured("hemoglobin", quantity(">", 100, "g/L")),
            row(unmet(), lab("hemoglobin", 100, "g/L")),
            row(met(), lab("hemoglobin", 100.1, "g/L")),
        ),
        rule(
            "No more than",
            "The limit itself is included.",
            measured("crp", quantity("<=", 10, "mg/L")),
            row(met(), lab("crp", 10, "mg/L")),
            row(unmet(), lab("crp", 10.1, "mg/L")),
        ),
        rule(
            "Below",
            "The limit itself is not included.",
            measured("crp", quantity("<", 10, "mg/L")),
            row(unmet(), lab("crp", 10, "mg/L")),
            row(met(), lab("crp", 9.9, "mg/L")),
        ),
        rule(
            "Equal",
            "No comparator means equal.",
            measured("sledai-2k", quantity("=", 8, "{score}")),
            row(met(), score("sledai-2k", 8)),
            row(unmet(), score("sledai-2k", 9)),
            row(unmet(), score("sledai-2k", 7)),
        ),
        rule(
            "Range",
            "Both bounds are included.",
            measured("sledai-2k", between(6, 12, "{score}")),
            row(met(), score("sledai-2k", 6)),
            row(met(), score("sledai-2k", 12)),
            row(unmet(), score("sledai-2k", 5)),
            row(unmet(), score("sledai-2k", 13)),
        ),
        rule(
            "Open range",
            "A Range with one bound.",
            measured("hemoglobin", between(100, None, "g/L")),
            row(met(), lab("hemoglobin", 180, "g/L")),
            row(met(), lab("hemoglobin", 100, "g/L")),
            row(unmet(), lab("hemoglobin", 99, "g/L")),
        ),
        rule(
            "A component",
            "A result may sit inside another Observation, as a component of a panel.",
            measured("spo2", quantity(">=", 92, "%")),
            row(met(), vital_signs("2026-02-20", ("spo2", {"valueQuantity": number(96, "%")}, "96 %"))),
            row(unmet(), vital_signs("2026-02-20", ("spo2", {"valueQuantity": number(90, "%")}, "90 %"))),
            row(unknown("missing-data"),
                vital_signs("2026-02-20", ("weight", {"valueQuantity": number(70, "kg")}, "70 kg"))),
        ),
        rule(
            "A number in words",
            "Free text is not compared; somebody has to read it.",
            measured("hemoglobin", quantity(">=", 100, "g/L")),
            row(unknown("unusable"), wrote("hemoglobin", "within the usual limits")),
        ),
    ),
)

UNITS = Section(
    "Units",
    """
Units are converted by UCUM. Between mass and amount of substance the analyte's molar mass is used where its concept
gives one (creatinine 1 mg/dL = 88.4 µmol/L, bilirubin 1 mg/dL = 17.1 µmol/L). A concept may have a formula of its
own, or forbid a conversion that units alone would allow. A value without a unit, or with one that cannot be
converted, is `unusable`; no unit is ever assumed.
""",
    rules=(
        rule(
            "Between prefixes",
            "10 g/dL is 100 g/L.",
            measured("hemoglobin", quantity(">=", 100, "g/L")),
            row(met(), lab("hemoglobin", 10, "g/dL")),
            row(unmet(), lab("hemoglobin", 9.9, "g/dL")),
            row(met(), lab("hemoglobin", 10, "g/dL").but("hemoglobin 10 “g/dl”, the unit in words only, 2026-02-20",
                                                         valueQuantity={"value": 10, "unit": "g/dl"}),
                why="a common spelling"),
        ),
        rule(
            "No unit, another unit",
            "Nothing is guessed: 62 without a unit may be anything.",
            measured("hemoglobin", quantity(">=", 60, "g/L")),
            row(unknown("unusable"), lab("hemoglobin", 62, None)),
            row(unknown("unusable"), lab("hemoglobin", 62, "mL")),
            row(unknown("unusable"), lab("hemoglobin", 62, None).but(
                "hemoglobin 62 “bananas”, 2026-02-20", valueQuantity={"value": 62, "unit": "bananas"})),
        ),
        rule(
            "A unit by the code of another system",
            "A code means what its system says: SNOMED CT's 118582008 is per cent and no number, the letter g of a "
            "list of dosing units no gram. The unit's words are read instead.",
            measured("lvef", quantity(">=", 50, "%")),
            row(met(), observation("lvef", "2026-02-20", "55, unit “%”, code 118582008 of SNOMED CT",
                                   valueQuantity={"value": 55, "unit": "%", "system": SNOMED, "code": "118582008"})),
            row(unmet(), observation("lvef", "2026-02-20", "45, unit “%”, code 118582008 of SNOMED CT",
                                     valueQuantity={"value": 45, "unit": "%", "system": SNOMED, "code": "118582008"})),
            row(unknown("unusable"), observation(
                "lvef", "2026-02-20", "55, code 118582008 of SNOMED CT",
                valueQuantity={"value": 55, "system": SNOMED, "code": "118582008"})),
        ),
        rule(
            "Cells in a volume",
            "10³/µL and 10⁹/L are the same number.",
            measured("neutrophils", quantity(">=", 1, "10*9/L")),
            row(met(), lab("neutrophils", 1, "10*3/uL")),
            row(unmet(), lab("neutrophils", 0.9, "10*3/uL")),
            row(met(), lab("neutrophils", 1000, "/uL")),
            row(unmet(), lab("neutrophils", 999, "/uL")),
        ),
        rule(
            "Per cent and fractions",
            "0.5 is 50 %.",
            measured("lvef", quantity(">=", 50, "%")),
            row(met(), lab("lvef", 0.5, "1")),
            row(unmet(), lab("lvef", 0.49, "1")),
            row(met(), lab("lvef", 50, "%")),
            row(unknown("unusable"), lab("lvef", 55, None)),
        ),
        rule(
            "Pounds and grams",
            "140 lb are 63.503 kg.",
            measured("body-weight", quantity(">=", 63.5, "kg")),
            row(met(), lab("weight", 140, "[lb_av]")),
            row(unmet(), lab("weight", 139, "[lb_av]")),
            row(met(), lab("weight", 63500, "g")),
            row(unmet(), lab("weight", 63499, "g")),
        ),
        rule(
            "Molar mass: creatinine",
            "2 mg/dL are 176.8 µmol/L.",
            measured("creatinine", quantity("<=", 2, "mg/dL")),
            row(met(), lab("creatinine (molar)", 176.8, "umol/L")),
            row(unmet(), lab("creatinine (molar)", 176.9, "umol/L")),
            row(met(), lab("creatinine", 2, "mg/dL")),
            row(unmet(), lab("creatinine", 2.01, "mg/dL")),
        ),
        rule(
            "Molar mass: bilirubin",
            "2 mg/dL are 34.2 µmol/L; the other way round as well.",
            measured("bilirubin", quantity("<=", 34.2, "umol/L")),
            row(met(), lab("bilirubin", 2, "mg/dL")),
            row(unmet(), lab("bilirubin", 2.01, "mg/dL")),
            row(met(), lab("bilirubin (molar)", 0.0342, "mmol/L")),
        ),
        rule(
            "No molar mass",
            "Catalytic activity has none.",
            measured("alt", quantity("<=", 120, "U/L")),
            row(unknown("unusable"), lab("alt", 1, "mg/dL")),
            row(met(), lab("alt", 120, "U/L")),
        ),
        rule(
            "A formula: HbA1c in %",
            "% = 0.09148 × mmol/mol + 2.152. By units alone 58 mmol/mol would be 5.8 %.",
            measured("hba1c", quantity("<=", 7.5, "%")),
            row(met(), lab("hba1c (ifcc)", 58, "mmol/mol"), why="7.458 %"),
            row(unmet(), lab("hba1c (ifcc)", 59, "mmol/mol"), why="7.549 %"),
            row(met(), lab("hba1c", 7.5, "%")),
        ),
        rule(
            "A formula: HbA1c in mmol/mol",
            "The same backwards.",
            measured("hba1c", quantity("<=", 53, "mmol/mol")),
            row(met(), lab("hba1c", 7, "%"), why="52.995 mmol/mol"),
            row(unmet(), lab("hba1c", 7.1, "%"), why="54.09 mmol/mol"),
        ),
        rule(
            "Protein by creatinine",
            "1 g/g is 113 mg/mmol: the molar mass is that of the creatinine.",
            measured("upcr", quantity("<=", 1, "g/g")),
            row(met(), lab("upcr", 90, "mg/mmol"), why="0.80 g/g"),
            row(unmet(), lab("upcr", 120, "mg/mmol"), why="1.06 g/g"),
            row(met(), lab("upcr", 1000, "mg/g")),
            row(unmet(), lab("upcr", 1001, "mg/g")),
        ),
        rule(
            "A conversion that is forbidden",
            "Diffusing capacity comes in two units with one factor between them; a mixture of both is a mistake, "
            "although units alone would turn it into a number.",
            measured("dlco", quantity(">=", 15, "mL/min/mm[Hg]")),
            row(met(), lab("dlco", 15, "mL/min/mm[Hg]")),
            row(met(), lab("dlco", 6, "mmol/min/kPa"), why="17.9 mL/min/mmHg"),
            row(unmet(), lab("dlco", 5, "mmol/min/kPa"), why="14.9 mL/min/mmHg"),
            row(unknown("unusable"), lab("dlco", 150, "mL/min/kPa")),
        ),
        rule(
            "A score needs no unit",
            "Points are counted, so a bare number is one.",
            measured("sledai-2k", quantity(">=", 8, "{score}")),
            row(met(), score("sledai-2k", 8)),
            row(met(), observation("sledai-2k", "2026-02-20", "8, no unit", valueQuantity={"value": 8})),
            row(met(), observation("sledai-2k", "2026-02-20", "8 as an integer", valueInteger=8)),
            row(unmet(), observation("sledai-2k", "2026-02-20", "7 as an integer", valueInteger=7)),
        ),
    ),
)
