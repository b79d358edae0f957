"""Chapter 4, third part, continued: limits of normal, bounds, scales."""

from __future__ import annotations

from tests.spec.criteria import (
    LIMIT_OF_NORMAL_TERMINOLOGY,
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
    patient,
    score,
)

#: 12 months are no 12 years.
BY_AGE = alt(100).but("ALT 100 U/L (normal to 20 up to 12 months, to 40 from 1 to 18 years), 2026-02-20",
                      referenceRange=[
    {"high": number(20, "U/L"), "age": {"low": number(0, "mo"), "high": number(12, "mo")}},
    {"high": number(40, "U/L"), "age": {"low": number(1, "a"), "high": number(18, "a")}}])
CRP_HIGH = measured("crp", quantity(">=", 10, "mg/L"))

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
            "Ranges by age and sex",
            "Those that are for others are left out; ages come in years, months, weeks or days.",
            measured("alt", times("<=", 3)),
            row(met(), patient("2016-03-01", "female"), BY_AGE, why="ten years old: to 40, so 100 is 2.5 times"),
            row(unmet(), patient("2025-09-01", "female"), BY_AGE, why="six months old: to 20"),
            row(unmet(), patient("2008-06-01", "female"), BY_AGE.but("{}", referenceRange=[
                {"high": number(30, "U/L"), "age": {"low": number(1, "a"), "high": number(17, "a")}}]),
                why="17 years until the 18th birthday: to 30"),
            row(unmet(), patient("1980-01-01", "female"), alt(100).but(
                "ALT 100 U/L (normal to 40 for men, to 30 for women), 2026-02-20", referenceRange=[
                    {"high": number(high, "U/L"), "appliesTo": [{"coding": [
                        {"system": "http://hl7.org/fhir/administrative-gender", "code": sex}]}]}
                    for high, sex in ((40, "male"), (30, "female"))])),
        ),
        rule(
            "Several ranges",
            "The one of type `normal` counts; ranges of the same type that disagree leave the limit open.",
            measured("alt", times("<=", 3)),
            row(met(), alt(100).but("ALT 100 U/L (normal to 40; therapeutic to 30), 2026-02-20", referenceRange=[
                {"type": {"coding": [{"code": "normal"}]}, "high": number(40, "U/L")},
                {"type": {"coding": [{"code": "therapeutic"}]}, "high": number(30, "U/L")}])),
            row(unknown("unusable"), alt(100).but("ALT 100 U/L (normal to 40; normal to 30), 2026-02-20",
                referenceRange=[
                {"high": number(40, "U/L")}, {"high": number(30, "U/L")}])),
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
