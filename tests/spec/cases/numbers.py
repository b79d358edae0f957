"""Chapter 4, third part: numbers, units, limits of normal, bounds, scales."""

from __future__ import annotations

from tests.spec.criteria import (
    LIMIT_OF_NORMAL_TERMINOLOGY,
    between,
    measured,
    offset,
    quantity,
    times,
)
from tests.spec.model import Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    UCUM,
    alt,
    lab,
    number,
    observation,
    score,
    vital_signs,
    wrote,
)

CRP_HIGH = measured("crp", quantity(">=", 10, "mg/L"))

QUANTITIES = Section(
    "Numbers",
    """
A Quantity is compared with the result after converting its unit. `comparator` may be `<`, `<=`, `>=`, `>`; none means
equal. The bounds of a Range are inclusive, and either may be missing. Comparison is decimal, never binary: 91.2
against 3 × 30.4 is equal.
""",
    rules=(
        rule(
            "At least",
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
            "At most",
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

LIMITS = Section(
    "Multiples of a limit of normal",
    """
A Quantity whose `system` is `http://hl7.org/fhir/characteristic-offset` (or
`http://terminology.hl7.org/CodeSystem/characteristic-offset`) and whose `code` is `UNL` or `LNL` is a multiple of the
upper or lower limit of normal: `referenceRange.high` or `.low` **of the same Observation**, its unit converted.
Without one the leaf is `unusable`: there is no default. `offset` with an ordinary unit adds to the limit instead.
""",
    rules=(
        rule(
            "At most three times",
            "Exactly three times is three times, also where binary numbers would say a little more.",
            measured("alt", times("<=", 3)),
            row(met(), alt(91.2, high=30.4), why="exactly 3 × 30.4"),
            row(unmet(), alt(91.3, high=30.4)),
            row(met(), alt(120)),
            row(unmet(), alt(120.1)),
            row(unknown("unusable"), alt(40, high=None), why="no range, no answer"),
            row(unknown("unusable"), lab("alt", 40, "U/L", low=10), why="a range without an upper end"),
        ),
        rule(
            "More than three times",
            "And exactly three times is not more than three times.",
            measured("alt", times(">", 3)),
            row(unmet(), alt(91.2, high=30.4)),
            row(met(), alt(91.3, high=30.4)),
        ),
        rule(
            "The range has a unit too",
            "Value and range may come in different units; both are converted.",
            measured("creatinine", times("<=", 2)),
            row(met(), lab("creatinine (molar)", 176.8, "umol/L", high=1, range_unit="mg/dL"), why="2 × 88.4"),
            row(unmet(), lab("creatinine (molar)", 176.9, "umol/L", high=1, range_unit="mg/dL")),
            row(met(), lab("creatinine (molar)", 168, "umol/L", low=45, high=84), why="2.0 times"),
            row(unknown("unusable"), lab("creatinine (molar)", 168, "umol/L", high=84, range_unit="mL")),
        ),
        rule(
            "Another laboratory's range",
            "The range of another result is not borrowed.",
            measured("alt", times("<=", 3)),
            row(unknown("unusable"), alt(40, "2026-02-20", high=None), alt(38, "2026-02-10")),
            row(met(), alt(40, "2026-02-20"), alt(38, "2026-02-10", high=None)),
        ),
        rule(
            "The lower limit",
            "`LNL` divides by `referenceRange.low`.",
            measured("c3", times("<", 1, "LNL")),
            row(met(), lab("c3", 0.6, "g/L", low=0.9, high=1.8)),
            row(unmet(), lab("c3", 0.9, "g/L", low=0.9, high=1.8)),
            row(unmet(), lab("c3", 90, "mg/dL", low=0.9, range_unit="g/L"), why="90 mg/dL is 0.9 g/L"),
            row(unknown("unusable"), lab("c3", 0.6, "g/L", high=1.8)),
        ),
        rule(
            "The other system",
            "Both systems mean the same.",
            measured("alt", times("<=", 3, system=LIMIT_OF_NORMAL_TERMINOLOGY)),
            row(met(), alt(120)),
            row(unmet(), alt(121)),
        ),
        rule(
            "Added to the upper limit",
            "`offset` UNL with 10 U/L: at most ten above the limit.",
            offset(measured("alt", quantity("<=", 10, "U/L")), "UNL"),
            row(met(), alt(50)),
            row(unmet(), alt(51)),
            row(unknown("unusable"), alt(50, high=None)),
        ),
        rule(
            "Below the lower limit",
            "`offset` LNL with −2 g/dL: at least two below the limit.",
            offset(measured("hemoglobin", quantity(">=", -2, "g/dL")), "LNL"),
            row(met(), lab("hemoglobin", 10, "g/dL", low=12)),
            row(unmet(), lab("hemoglobin", 9.9, "g/dL", low=12)),
            row(met(), lab("hemoglobin", 100, "g/L", low=120)),
        ),
    ),
)

BOUNDS = Section(
    "Results that are bounds",
    """
`<5` and `>65` are results too. They decide where every value they could stand for decides alike; otherwise the leaf
is `imprecise`.
""",
    rules=(
        rule(
            "A bound against at least",
            "Below five is below ten; above eight may be anything.",
            CRP_HIGH,
            row(unmet(), lab("crp", "<5", "mg/L")),
            row(unmet(), lab("crp", "<10", "mg/L")),
            row(unknown("imprecise"), lab("crp", "<=10", "mg/L"), why="it could be ten"),
            row(unknown("imprecise"), lab("crp", "<12", "mg/L")),
            row(unknown("imprecise"), lab("crp", ">8", "mg/L")),
            row(met(), lab("crp", ">10", "mg/L")),
            row(met(), lab("crp", ">=10", "mg/L")),
        ),
        rule(
            "A bound against at most",
            "The same the other way round.",
            measured("crp", quantity("<=", 5, "mg/L")),
            row(met(), lab("crp", "<5", "mg/L")),
            row(met(), lab("crp", "<=5", "mg/L")),
            row(unmet(), lab("crp", ">5", "mg/L")),
            row(unknown("imprecise"), lab("crp", ">=5", "mg/L"), why="it could be five"),
            row(unknown("imprecise"), lab("crp", "<6", "mg/L")),
        ),
        rule(
            "A bound in another unit",
            "It is converted as a number is.",
            CRP_HIGH,
            row(unmet(), lab("crp", "<1", "mg/dL")),
            row(met(), lab("crp", ">1", "mg/dL")),
        ),
        rule(
            "A bound and the limit of normal",
            "It is divided as a number is.",
            measured("alt", times("<=", 3)),
            row(met(), alt("<40")),
            row(unmet(), alt(">120")),
            row(unknown("imprecise"), alt(">100")),
            row(met(), alt("<100"), why="at most 2.5 times"),
        ),
        rule(
            "A result that is a range",
            "5–8 mg/L is between them.",
            CRP_HIGH,
            row(unmet(), observation("crp", "2026-02-20", "5–8 mg/L", valueRange={
                "low": {"value": 5, "unit": "mg/L", "system": UCUM, "code": "mg/L"},
                "high": {"value": 8, "unit": "mg/L", "system": UCUM, "code": "mg/L"}})),
            row(unknown("imprecise"), observation("crp", "2026-02-20", "8–12 mg/L", valueRange={
                "low": {"value": 8, "unit": "mg/L", "system": UCUM, "code": "mg/L"},
                "high": {"value": 12, "unit": "mg/L", "system": UCUM, "code": "mg/L"}})),
        ),
    ),
)

SCALES = Section(
    "Scales",
    """
Where a score exists on several scales, the scale of a result is read from its `referenceRange` or its unit, else from
the concept. A scale that is not known, or that is another one than the criterion's and cannot be turned into it, is
`unusable`.
""",
    rules=(
        rule(
            "MMT-8 of 80 or 150",
            "Muscle strength tested on one side goes to 80, on both sides and the neck to 150. They are different "
            "examinations: 78 of 80 is almost normal, 78 of 150 is not.",
            measured("mmt8", quantity("<", 142, "{score}")),
            row(met(), score("mmt8", 130, high=150)),
            row(unmet(), score("mmt8", 142, high=150)),
            row(unknown("unusable"), score("mmt8", 78, high=80), why="the other scale"),
            row(unknown("unusable"), score("mmt8", 78), why="no scale at all"),
        ),
        rule(
            "A visual analogue scale",
            "10 cm and 100 mm are the same line.",
            measured("physician-global-0-10", quantity(">=", 2, "{score}")),
            row(unmet(), lab("physician global", 15, "mm"), why="1.5 of 10"),
            row(met(), lab("physician global", 25, "mm")),
            row(met(), lab("physician global", 2, "cm")),
            row(unmet(), lab("physician global", 1.9, "cm")),
            row(unmet(), score("physician global", 15, high=100), why="read from the reference range"),
            row(met(), score("physician global", 25, high=100)),
            row(met(), score("physician global", 3, high=10)),
            row(met(), score("physician global", 3), why="else the concept's own scale, 0–10"),
            row(unknown("unusable"), score("physician global", 15), why="cannot be on 0–10"),
        ),
    ),
)
