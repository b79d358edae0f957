"""Chapter 4, fifth part: which of several results, and values derived from results."""

from __future__ import annotations

from tests.spec.criteria import (
    between,
    diagnosis,
    measured,
    method,
    offset,
    quantity,
    times,
    within,
)
from tests.spec.model import Fact, Section, met, row, rule, unknown, unmet
from tests.spec.record import LOINC, alt, condition, lab, number, patient, score, vital_signs, wrote

MAN, WOMAN, SOMEBODY = (patient("1976-01-01", each) for each in ("male", "female", "unknown"))
WEIGHT = lab("weight", 72, "kg")
CLEARANCE = measured("creatinine-clearance", quantity(">=", 60, "mL/min"))
DERIVED = method(CLEARANCE, "cockcroft-gault")


def saturations(*values: float) -> Fact:
    """Oxygen saturations of one moment, as components of vital signs."""
    return vital_signs("2026-02-20", *(("spo2", {"valueQuantity": number(one, "%")}, f"{one} %") for one in values))


SELECTION = Section(
    "Which of several results",
    """
`method` (`{base}/CodeSystem/method`) says which of several results counts: `latest` (where nothing is said), `any`,
`all` (throughout the window), `max`, `min`. On a Condition, `onset` says that its beginning, not its active period,
has to fall into the window.
""",
    rules=(
        rule(
            "latest",
            "The newest result wins, better or worse than those before.",
            measured("lvef", quantity(">=", 50, "%")),
            row(met(), lab("lvef", 35, "%", "2024-01-10"), lab("lvef", 58, "%", "2026-02-10")),
            row(unmet(), lab("lvef", 58, "%", "2024-01-10"), lab("lvef", 35, "%", "2026-02-10")),
        ),
        rule(
            "any",
            "One result in the window is enough; a later one does not undo it.",
            within(method(measured("sledai-2k", quantity(">=", 8, "{score}")), "any"), -12, 0, "mo"),
            row(met(), score("sledai-2k", 10, "2025-06-01"), score("sledai-2k", 4, "2026-02-01")),
            row(unmet(), score("sledai-2k", 5, "2025-06-01"), score("sledai-2k", 4, "2026-02-01")),
            row(unknown("stale"), score("sledai-2k", 10, "2024-06-01"), why="older than the window, and nothing since"),
            row(unknown("unusable"), score("sledai-2k", 4, "2026-02-01"), wrote("sledai-2k", "very high", "2025-06-01"),
                why="the other one might decide"),
            row(unknown("missing-data")),
        ),
        rule(
            "all",
            "Throughout the window: one result that does not satisfy decides. Nothing in it is `missing-data`.",
            within(method(measured("hemoglobin", quantity(">=", 80, "g/L")), "all"), -6, 0, "mo"),
            row(met(), lab("hemoglobin", 82, "g/L", "2025-10-01"), lab("hemoglobin", 90, "g/L", "2026-02-01")),
            row(unmet(), lab("hemoglobin", 79, "g/L", "2025-10-01"), lab("hemoglobin", 90, "g/L", "2026-02-01")),
            row(met(), lab("hemoglobin", 79, "g/L", "2025-08-31"), lab("hemoglobin", 90, "g/L", "2026-02-01"),
                why="the low one is a day before the window"),
            row(unknown("missing-data"), lab("hemoglobin", 90, "g/L", "2025-08-31")),
            row(unknown("missing-data")),
        ),
        rule(
            "all, and a panel",
            "Every component counts, too.",
            within(method(measured("spo2", quantity(">=", 94, "%")), "all"), -6, 0, "mo"),
            row(met(), saturations(95, 94)),
            row(unmet(), saturations(95, 93)),
        ),
        rule(
            "latest, and two values in one panel",
            "They conflict where they do not decide alike.",
            measured("spo2", quantity(">=", 94, "%")),
            row(met(), saturations(95, 94)),
            row(unmet(), saturations(92, 93)),
            row(unknown("unusable"), saturations(95, 93)),
        ),
        rule(
            "max",
            "The highest in the window.",
            within(method(measured("crp", quantity(">=", 10, "mg/L")), "max"), -12, 0, "mo"),
            row(met(), lab("crp", 12, "mg/L", "2025-06-01"), lab("crp", 4, "mg/L", "2026-02-01")),
            row(met(), lab("crp", 1.2, "mg/dL", "2025-06-01"), lab("crp", 4, "mg/L", "2026-02-01"),
                why="compared after conversion"),
            row(unmet(), lab("crp", 9, "mg/L", "2025-06-01"), lab("crp", 4, "mg/L", "2026-02-01")),
            row(unknown("unusable"), lab("crp", 9, "mg/L", "2025-06-01").but(
                "{}, displayed as “Complement C3”", code={"coding": [
                    {"system": LOINC, "code": "1988-5", "display": "Complement C3"}]}),
                lab("crp", 4, "mg/L", "2026-02-01"), why="one of them may be of something else"),
            row(unknown("missing-data")),
        ),
        rule(
            "max, as a multiple of a limit of normal",
            "Each result by its own range: the highest multiple need not be of the highest result.",
            within(method(measured("alt", times("<=", 3)), "max"), -12, 0, "mo"),
            row(met(), alt(130, "2025-06-01", high=50), alt(100, "2026-02-01"), why="2.6 and 2.5 times"),
            row(unmet(), alt(130, "2025-06-01", high=50), alt(124, "2026-02-01"), why="2.6 and 3.1 times"),
            row(unknown("unusable"), alt(100, "2025-06-01", high=None), alt(100, "2026-02-01")),
            row(unmet(), alt(100, "2025-06-01", high=None), alt(124, "2026-02-01"), why="3.1 times decides"),
        ),
        rule(
            "min, counted from a limit of normal",
            "At least 10 U/L above the upper limit, always.",
            within(method(offset(measured("alt", quantity(">=", 10, "U/L")), "UNL"), "min"), -12, 0, "mo"),
            row(met(), alt(50, "2025-06-01"), alt(90, "2026-02-01")),
            row(unmet(), alt(49, "2025-06-01"), alt(90, "2026-02-01")),
        ),
        rule(
            "min",
            "The lowest in the window.",
            within(method(measured("hemoglobin", quantity(">=", 80, "g/L")), "min"), -12, 0, "mo"),
            row(met(), lab("hemoglobin", 80, "g/L", "2025-06-01"), lab("hemoglobin", 120, "g/L", "2026-02-01")),
            row(unmet(), lab("hemoglobin", 79, "g/L", "2025-06-01"), lab("hemoglobin", 120, "g/L", "2026-02-01")),
        ),
        rule(
            "any, without a window",
            "The validity of results is about the latest one; any, all, max and min look at all there are.",
            method(measured("sledai-2k", quantity(">=", 8, "{score}")), "any"),
            row(met(), score("sledai-2k", 10, "2020-06-01")),
            row(unmet(), score("sledai-2k", 4, "2020-06-01")),
        ),
        rule(
            "onset",
            "For what happens at a moment. An infarction or stroke stays on the problem list for years.",
            within(method(diagnosis("stroke"), "onset"), -6, 0, "mo"),
            row(unmet(), condition("stroke", "2020-05-05"), why="still listed as active, but it began long ago"),
            row(met(), condition("stroke", "2025-09-01"), why="the first day of the window"),
            row(unmet(), condition("stroke", "2025-08-31")),
            row(met(), condition("stroke", "2020-05-05"), condition("stroke", "2025-12-24"), why="a second one"),
        ),
        rule(
            "Without onset",
            "Then any part of the active period counts.",
            within(diagnosis("stroke"), -6, 0, "mo"),
            row(met(), condition("stroke", "2020-05-05"), why="active since"),
            row(unmet(), condition("stroke", "2020-05-05", "2020-05-30")),
        ),
    ),
)

CHANGES = Section(
    "Changes",
    """
`absolute-change` and `relative-change` compare the latest value in the window with the earliest; a decrease is
negative. The limit of a relative change is in `%` or `1`, as its unit says.
""",
    rules=(
        rule(
            "relative-change",
            "From 10 to 14 is +40 %.",
            within(method(measured("mrss", quantity(">=", 25, "%")), "relative-change"), -12, 0, "mo"),
            row(met(), score("mrss", 10, "2025-06-01"), score("mrss", 14, "2026-02-01")),
            row(met(), score("mrss", 12, "2025-06-01"), score("mrss", 15, "2026-02-01"), why="exactly 25 %"),
            row(unmet(), score("mrss", 12, "2025-06-01"), score("mrss", 14, "2026-02-01")),
            row(unmet(), score("mrss", 14, "2025-06-01"), score("mrss", 10, "2026-02-01"), why="a decrease"),
            row(met(), score("mrss", 10, "2025-06-01"), score("mrss", 20, "2025-09-01"),
                score("mrss", 14, "2026-02-01"),
                why="what lies between does not matter"),
            row(unmet(), score("mrss", 5, "2024-06-01"), score("mrss", 12, "2025-06-01"),
                score("mrss", 14, "2026-02-01"),
                why="the 5 is outside the window"),
            row(unknown("missing-data"), score("mrss", 14, "2026-02-01"), why="one value is no change"),
            row(unknown("missing-data")),
            row(unknown("unusable"), score("mrss", 0, "2025-06-01"), score("mrss", 5, "2026-02-01"),
                why="nothing is a percentage of zero"),
        ),
        rule(
            "relative-change as a fraction",
            "0.25 of `1` is 25 %.",
            within(method(measured("mrss", quantity(">=", 0.25, "1")), "relative-change"), -12, 0, "mo"),
            row(met(), score("mrss", 12, "2025-06-01"), score("mrss", 15, "2026-02-01")),
            row(unmet(), score("mrss", 12, "2025-06-01"), score("mrss", 14, "2026-02-01")),
        ),
        rule(
            "A relative decrease",
            "At least a fifth less.",
            within(method(measured("mrss", quantity("<=", -20, "%")), "relative-change"), -12, 0, "mo"),
            row(met(), score("mrss", 20, "2025-06-01"), score("mrss", 16, "2026-02-01"), why="exactly −20 %"),
            row(unmet(), score("mrss", 20, "2025-06-01"), score("mrss", 17, "2026-02-01")),
            row(unmet(), score("mrss", 20, "2025-06-01"), score("mrss", 30, "2026-02-01")),
        ),
        rule(
            "absolute-change",
            "In the unit of the limit; units of the values are converted.",
            within(method(measured("hemoglobin", quantity("<=", -2, "g/dL")), "absolute-change"), -12, 0, "mo"),
            row(met(), lab("hemoglobin", 120, "g/L", "2025-06-01"), lab("hemoglobin", 10, "g/dL", "2026-02-01")),
            row(unmet(), lab("hemoglobin", 120, "g/L", "2025-06-01"), lab("hemoglobin", 10.1, "g/dL", "2026-02-01")),
            row(unmet(), lab("hemoglobin", 10, "g/dL", "2025-06-01"), lab("hemoglobin", 120, "g/L", "2026-02-01"),
                why="an increase"),
            row(unknown("missing-data"), lab("hemoglobin", 120, "g/L", "2026-02-01")),
        ),
        rule(
            "A change by a preliminary result",
            "It matters where it would decide otherwise.",
            within(method(measured("mrss", quantity(">", 25, "%")), "relative-change"), -12, 0, "mo"),
            row(unknown("provisional"), score("mrss", 10, "2025-06-01"), score("mrss", 11, "2026-01-01"),
                score("mrss", 14, "2026-02-01").but("{}, preliminary", status="preliminary")),
            row(unmet(), score("mrss", 10, "2025-06-01"), score("mrss", 11, "2026-01-01"),
                score("mrss", 12, "2026-02-01").but("{}, preliminary", status="preliminary")),
            row(unknown("provisional"), score("mrss", 10, "2025-06-01"),
                score("mrss", 14, "2026-02-01").but("{}, preliminary", status="preliminary")),
        ),
        rule(
            "A change in a range",
            "From four less to four more.",
            within(method(measured("sledai-2k", between(-4, 4, "{score}")), "absolute-change"), -12, 0, "mo"),
            row(met(), score("sledai-2k", 10, "2025-06-01"), score("sledai-2k", 6, "2026-02-01")),
            row(unmet(), score("sledai-2k", 10, "2025-06-01"), score("sledai-2k", 5, "2026-02-01")),
            row(unmet(), score("sledai-2k", 10, "2025-06-01"), score("sledai-2k", 15, "2026-02-01")),
        ),
    ),
)

COCKCROFT_GAULT = Section(
    "Creatinine clearance",
    """
Method `cockcroft-gault` on the concept `creatinine-clearance` takes the measured clearance if there is one, else
derives it: (140 − age) × weight in kg ÷ (72 × creatinine in mg/dL) mL/min, times 0.85 in women. Where the sex is not
known, both answers have to agree. An estimated GFR is not a clearance. The inputs have to be valid as results are: 90
days unless said.
""",
    rules=(
        rule(
            "Derived",
            "At 50 years and 72 kg: 90 ÷ creatinine in men, 76.5 ÷ creatinine in women.",
            DERIVED,
            row(met(), MAN, WEIGHT, lab("creatinine", 1.5, "mg/dL"), why="exactly 60"),
            row(unmet(), MAN, WEIGHT, lab("creatinine", 1.51, "mg/dL")),
            row(unmet(), WOMAN, WEIGHT, lab("creatinine", 1.5, "mg/dL"), why="51"),
            row(met(), WOMAN, WEIGHT, lab("creatinine", 1.275, "mg/dL"), why="exactly 60"),
            row(met(), MAN, WEIGHT, lab("creatinine (molar)", 132.6, "umol/L"), why="132.6 µmol/L are 1.5 mg/dL"),
            row(unmet(), MAN, WEIGHT, lab("creatinine (molar)", 133, "umol/L")),
            row(met(), MAN, lab("weight", 72000, "g"), lab("creatinine", 1.5, "mg/dL")),
            row(met(), MAN, WEIGHT, lab("creatinine", "<1", "mg/dL"), why="more than 90"),
        ),
        rule(
            "Sex not known",
            "Decided where it does not matter.",
            DERIVED,
            row(met(), SOMEBODY, WEIGHT, lab("creatinine", 1, "mg/dL"), why="90 or 76.5"),
            row(unknown("missing-data"), SOMEBODY, WEIGHT, lab("creatinine", 1.5, "mg/dL"), why="60 or 51"),
            row(unmet(), SOMEBODY, WEIGHT, lab("creatinine", 2, "mg/dL"), why="45 or 38"),
            row(met(), patient("1976-01-01"), WEIGHT, lab("creatinine", 1, "mg/dL"), why="no sex on record: the same"),
        ),
        rule(
            "Age not known exactly",
            "The same holds for a partial birth date.",
            DERIVED,
            row(met(), patient("1976", "male"), WEIGHT, lab("creatinine", 1.4, "mg/dL"), why="49 or 50: 65 or 64.3"),
            row(unknown("imprecise"), patient("1975", "male"), WEIGHT, lab("creatinine", 1.5, "mg/dL"),
                why="50 or 51: 60 or 59.3"),
            row(unknown("missing-data"), patient(None, "male"), WEIGHT, lab("creatinine", 1, "mg/dL")),
        ),
        rule(
            "Measured",
            "A measured clearance is preferred to any formula.",
            DERIVED,
            row(unmet(), MAN, WEIGHT, lab("creatinine", 1, "mg/dL"), lab("clearance", 55, "mL/min"),
                why="derived it would be 90"),
            row(met(), lab("clearance", 60, "mL/min"), why="nothing else is needed"),
            row(met(), MAN, WEIGHT, lab("creatinine", 1, "mg/dL"), lab("clearance", 55, "mL/min", "2025-06-01"),
                why="an old one is no longer valid: derived"),
            row(unknown("stale"), MAN, lab("clearance", 55, "mL/min", "2025-06-01"),
                why="an old one, and nothing to derive from"),
        ),
        rule(
            "Missing inputs",
            "Without creatinine or weight nothing can be derived.",
            DERIVED,
            row(unknown("missing-data"), MAN, lab("creatinine", 1, "mg/dL")),
            row(unknown("missing-data"), MAN, WEIGHT),
            row(unknown("missing-data"), MAN, WEIGHT, lab("egfr", 95, "mL/min/{1.73_m2}"),
                why="an eGFR is not a clearance"),
            row(unknown("unusable"), MAN, WEIGHT, lab("creatinine", 1, None)),
            row(unknown("unusable"), MAN, lab("weight", 72, None), lab("creatinine", 1, "mg/dL")),
        ),
        rule(
            "Old inputs",
            "Ninety days are allowed, ninety-one are not; for the weight as for the creatinine.",
            DERIVED,
            row(met(), MAN, lab("weight", 72, "kg", "2025-12-01"), lab("creatinine", 1, "mg/dL")),
            row(unknown("stale"), MAN, lab("weight", 72, "kg", "2025-11-30"), lab("creatinine", 1, "mg/dL")),
            row(unknown("stale"), MAN, WEIGHT, lab("creatinine", 1, "mg/dL", "2025-11-30")),
        ),
        rule(
            "Without the method",
            "A criterion on `creatinine-clearance` alone looks at results only.",
            CLEARANCE,
            row(met(), lab("clearance", 61, "mL/min")),
            row(unknown("missing-data"), MAN, WEIGHT, lab("creatinine", 1, "mg/dL")),
        ),
    ),
)
