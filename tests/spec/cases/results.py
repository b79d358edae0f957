"""Chapter 4, fourth part: positive and negative, grades, counts, and that something was measured at all."""

from __future__ import annotations

from tests.spec.criteria import (
    NEGATIVE,
    POSITIVE,
    RECORDED,
    any_of,
    between,
    coded,
    coding,
    concept,
    counted,
    grade,
    measured,
    quantity,
    within,
)
from tests.spec.model import Fact, Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    LOINC,
    SNOMED,
    answer,
    grade_alone,
    grades,
    interpretation,
    interpreted,
    lab,
    negative,
    number,
    observation,
    panel,
    positive,
    vital_signs,
    wrote,
)

NOT_DONE = {"dataAbsentReason": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                                             "code": "not-performed"}]}}
HIV = measured("hiv-test", POSITIVE)
ANA = measured("ana", POSITIVE)
DSDNA = measured("anti-dsdna", POSITIVE)

def displayed(words: str) -> Fact:
    """A positive result under the code of antinuclear antibodies, displayed as something."""
    code = {"coding": [{"system": LOINC, "code": "8061-4", "display": words}]}
    return positive("ana").but(f"LOINC 8061-4 (ANA) displayed as “{words}”: positive, 2026-02-20", code=code)


def low_saturation(on: str) -> Fact:
    """A low oxygen saturation inside vital signs."""
    return vital_signs(on, ("spo2", {"valueQuantity": number(88, "%")}, "88 %"))


def fine_saturation(on: str) -> Fact:
    """A fine one."""
    return vital_signs(on, ("spo2", {"valueQuantity": number(97, "%")}, "97 %"))


def two_viruses(first: str, second: str) -> Fact:
    """A test for two viruses under one code."""
    parts = (("HIV 1", {"valueString": first}, first), ("HIV 2", {"valueString": second}, second))
    return panel("hiv-ab", "2026-02-20", *parts)


POLARITY = Section(
    "Positive and negative",
    """
`valueCodeableConcept` of `{base}/CodeSystem/result`, `positive` or `negative`. It is read from a coded value, from
`interpretation`, from a string, from a titre against the concept's cut-off, or from a number against its reference
range. Sources within one result that contradict each other are `unusable`; equivocal, indeterminate and weak results
are `imprecise`.
""",
    rules=(
        rule(
            "Coded results",
            "SNOMED CT and LOINC answers.",
            HIV,
            row(met(), positive("hiv-ab")),
            row(unmet(), negative("hiv-ab")),
            row(met(), answer("hiv-ab", SNOMED, "260373001", "Detected")),
            row(unmet(), answer("hiv-ab", SNOMED, "260415000", "Not detected")),
            row(met(), answer("hiv-ab", LOINC, "LA6576-8", "Positive")),
            row(unmet(), answer("hiv-ab", LOINC, "LA6577-6", "Negative")),
            row(met(), answer("hiv-ab", LOINC, "LA11882-0", "Detected")),
            row(unmet(), answer("hiv-ab", LOINC, "LA11883-8", "Not detected")),
            row(met(), observation("hiv-ab", "2026-02-20", "true", valueBoolean=True)),
            row(unmet(), observation("hiv-ab", "2026-02-20", "false", valueBoolean=False)),
            row(unknown("missing-data"), why="never tested is not negative"),
        ),
        rule(
            "A negative result is asked for",
            "The same sources; a positive result does not fulfil it.",
            measured("hbsag", NEGATIVE),
            row(met(), negative("hbsag")),
            row(unmet(), positive("hbsag")),
            row(unknown("missing-data")),
        ),
        rule(
            "Asked for by the code of the answer",
            "SNOMED's \"Negative\" asks for a negative result, however the laboratory says it.",
            measured("hbsag", coded(coding(SNOMED, "260385009"))),
            row(met(), negative("hbsag")),
            row(met(), answer("hbsag", SNOMED, "260415000", "Not detected")),
            row(met(), wrote("hbsag", "non-reactive")),
            row(met(), answer("hbsag", LOINC, "LA6577-6", "Negative")),
            row(unmet(), positive("hbsag")),
            row(unmet(), interpreted("hbsag", "POS")),
        ),
        rule(
            "A panel of tests",
            "Where the code of a panel is asked for, one positive component makes it positive, and negative means all.",
            (measured("hiv-ab", NEGATIVE), measured("hiv-ab", POSITIVE)),
            row({"1": met(), "2": unmet()}, two_viruses("Non-reactive", "Non-reactive")),
            row({"1": unmet(), "2": met()}, two_viruses("Non-reactive", "Reactive")),
            row({"1": unknown("imprecise"), "2": unknown("imprecise")}, two_viruses("Non-reactive", "Equivocal")),
        ),
        rule(
            "Flags",
            "`interpretation` alone is enough.",
            HIV,
            row(met(), interpreted("hiv-ab", "POS")),
            row(unmet(), interpreted("hiv-ab", "NEG")),
            row(met(), interpreted("hiv-ab", "DET")),
            row(unmet(), interpreted("hiv-ab", "ND")),
            row(met(), interpreted("hiv-ab", "A"), why="abnormal"),
            row(unmet(), interpreted("hiv-ab", "N"), why="normal"),
            row(unknown("imprecise"), interpreted("hiv-ab", "IND"), why="indeterminate"),
        ),
        rule(
            "Words",
            "Any common wording. A negation is a word of its own and not a part of one: \"non-reactive\" is not "
            "reactive.",
            HIV,
            row(met(), wrote("hiv-ab", "Reactive")),
            row(unmet(), wrote("hiv-ab", "Non-reactive")),
            row(unmet(), wrote("hiv-ab", "NONREACTIVE")),
            row(met(), wrote("hiv-ab", "positive")),
            row(unmet(), wrote("hiv-ab", "Negative")),
            row(met(), wrote("hiv-ab", "Detected")),
            row(unmet(), wrote("hiv-ab", "not detected")),
            row(met(), wrote("hiv-ab", "阳性")),
            row(unmet(), wrote("hiv-ab", "阴性")),
            row(unknown("imprecise"), wrote("hiv-ab", "Equivocal")),
            row(unknown("imprecise"), wrote("hiv-ab", "weakly positive")),
            row(unknown("unusable"), wrote("hiv-ab", "see attached report")),
        ),
        rule(
            "Words for no result",
            "That there was no blood is no negative result, whatever flag stands beside it; and a negation in words "
            "that are not known stands in the way of a positive one.",
            HIV,
            row(unknown("unusable"), wrote("hiv-ab", "No sample received")),
            row(unknown("unusable"), wrote("hiv-ab", "QNS - quantity not sufficient")),
            row(unknown("unusable"), interpreted("hiv-ab", "N", valueString="Hemolyzed, no result")),
            row(unknown("missing-data"), interpreted("hiv-ab", "N", dataAbsentReason={"text": "not performed"})),
            row(unknown("unusable"), wrote("hiv-ab", "Negative").but(
                "{}, and a reason why there is no value", dataAbsentReason={"text": "error"})),
            row(unknown("unusable"), wrote("hiv-ab", "no HIV antibodies detected")),
            row(unmet(), wrote("hiv-ab", "no")),
        ),
        rule(
            "Titres",
            "Positive from the concept's cut-off on: 1:80 for antinuclear antibodies (a setting).",
            ANA,
            row(met(), wrote("ana titre", "1:80")),
            row(unmet(), wrote("ana titre", "1:40")),
            row(met(), wrote("ana titre", "1:320")),
            row(unmet(), wrote("ana titre", "<1:80")),
            row(unknown("imprecise"), wrote("ana titre", "<1:160"), why="it may be 1:80"),
            row(met(), wrote("ana titre", ">=1:1280")),
            row(met(), observation("ana titre", "2026-02-20", "1:160 as a Ratio",
                                   valueRatio={"numerator": {"value": 1}, "denominator": {"value": 160}})),
            row(unmet(), observation("ana titre", "2026-02-20", "1:40 as a Ratio",
                                     valueRatio={"numerator": {"value": 1}, "denominator": {"value": 40}})),
            row(met(), lab("ana titre", 160, "{titer}")),
            row(unmet(), lab("ana titre", 40, "{titer}")),
        ),
        rule(
            "Titres with a pattern",
            "Laboratories write the pattern of the cells behind the titre; other words behind it are not understood.",
            ANA,
            row(met(), wrote("ana titre", "1:160 speckled")),
            row(met(), wrote("ana titre", "1:320, fine speckled and nucleolar")),
            row(met(), wrote("ana titre", "1:640 (AC-1)")),
            row(met(), wrote("ana titre", "1:320 核颗粒型")),
            row(unmet(), wrote("ana titre", "1:40 homogeneous")),
            row(unmet(), wrote("ana titre", "<1:80 nucleolar")),
            row(unknown("unusable"), wrote("ana titre", "1:320 not confirmed")),
            row(unknown("unusable"), wrote("ana titre", "1:160, falling")),
            row(unknown("unusable"), wrote("ana titre", "1:160 speckled not confirmed")),
        ),
        rule(
            "Another cut-off",
            "Where the site's laboratory calls positive what is 1:160 and more.",
            ANA,
            row(unmet(), wrote("ana titre", "1:80"), settings={"ana_titre": 160}),
            row(met(), wrote("ana titre", "1:160"), settings={"ana_titre": 160}),
        ),
        rule(
            "Numbers against a reference range",
            "Against the reference range of the same result: above it is positive, within it negative.",
            DSDNA,
            row(unmet(), lab("anti-dsdna", 45, "[IU]/mL", low=0, high=100)),
            row(unmet(), lab("anti-dsdna", 100, "[IU]/mL", low=0, high=100), why="the limit is within"),
            row(met(), lab("anti-dsdna", 120, "[IU]/mL", low=0, high=100)),
            row(unknown("unusable"), lab("anti-dsdna", 45, "[IU]/mL"), why="a number alone is neither"),
            row(unmet(), lab("anti-dsdna", "<10", "[IU]/mL", high=100)),
            row(met(), lab("anti-dsdna", ">100", "[IU]/mL", high=100)),
            row(unknown("imprecise"), lab("anti-dsdna", ">50", "[IU]/mL", high=100)),
        ),
        rule(
            "Below the limit of detection",
            "A bound with the laboratory's own \"not detected\" is negative; its number is not a measured one.",
            measured("hbv-dna", POSITIVE),
            row(unmet(), lab("hbv-dna", "<20", "[IU]/mL").but("{}, flagged ND", interpretation=interpretation("ND"))),
            row(unmet(), wrote("hbv-dna", "<20 IU/mL, not detected")),
            row(met(), lab("hbv-dna", 15000, "[IU]/mL").but("{}, flagged DET", interpretation=interpretation("DET"))),
        ),
        rule(
            "Sources that contradict each other",
            "A titre of 1:320 that the laboratory calls negative is a question for the laboratory.",
            ANA,
            row(unknown("unusable"), positive("ana").but("{}, flagged NEG", interpretation=interpretation("NEG"))),
            row(unknown("unusable"), wrote("ana titre", "1:320").but("{}, flagged NEG",
                interpretation=interpretation("NEG"))),
            row(unmet(), wrote("ana titre", "1:40").but("{}, flagged NEG", interpretation=interpretation("NEG"))),
            row(met(), wrote("ana titre", "1:320").but("{}, flagged POS", interpretation=interpretation("POS"))),
        ),
        rule(
            "A code and a display that contradict each other",
            "The code says antinuclear antibodies, the display complement C3. Neither is believed.",
            ANA,
            row(unknown("unusable"), displayed("C3 complement")),
            row(met(), displayed("Antinuclear antibodies")),
        ),
    ),
)

CODED = Section(
    "Grades, counts, and any result at all",
    """
Coded results and grades (`NYHA III`, BILAG `A`) are found by code, by mapped display, or as components.
`valueBoolean` true asks that something was measured or recorded at all. `instancesQuantity` counts the values that
satisfy, each component counting.
""",
    rules=(
        rule(
            "A class by code or words",
            "A concept as `value[x]`.",
            measured("nyha", coded(concept("nyha-class-iii-iv"))),
            row(met(), answer("nyha", SNOMED, "420913000", "Class III")),
            row(unmet(), answer("nyha", SNOMED, "421704003", "Class II")),
            row(met(), wrote("nyha", "NYHA class III")),
            row(unmet(), wrote("nyha", "NYHA class II")),
            row(unknown("unusable"), wrote("nyha", "short of breath on stairs")),
            row(met(), wrote("nyha", "NYHA Ⅲ"), why="the Roman numeral is one character"),
            row(unmet(), wrote("nyha", "NYHA Ⅱ")),
            row(unknown("missing-data")),
        ),
        rule(
            "A class that the criterion names by its code",
            "Words, numbers and codes that the mappings know to be the same class say the same.",
            measured("nyha", coded(coding(SNOMED, "421704003"))),
            row(met(), answer("nyha", SNOMED, "421704003", "Class II")),
            row(met(), answer("nyha", LOINC, "LA28405-1", "Class II")),
            row(met(), wrote("nyha", "NYHA II")),
            row(met(), observation("nyha", "2026-02-20", "2 as an integer", valueInteger=2)),
            row(unmet(), wrote("nyha", "NYHA III")),
            row(unmet(), answer("nyha", LOINC, "LA28406-9", "Class III")),
            row(unmet(), answer("nyha", SNOMED, "420913000", "Class III")),
            row(unknown("unusable"), wrote("nyha", "II-III")),
        ),
        rule(
            "A grade in words as a number",
            "Words that name two numbers, or deny one, name none.",
            measured("ecog", between(0, 1, "{score}")),
            row(met(), wrote("ecog", "ECOG 1")),
            row(unmet(), wrote("ecog", "ECOG performance status: 2")),
            row(unknown("unusable"), wrote("ecog", "ECOG 1-2")),
            row(unknown("unusable"), wrote("ecog", "ECOG not 1")),
        ),
        rule(
            "The latest class",
            "The present class counts, not the worst.",
            measured("nyha", coded(concept("nyha-class-iii-iv"))),
            row(unmet(), answer("nyha", SNOMED, "420913000", "Class III", "2022-05-01"),
                answer("nyha", SNOMED, "421704003", "Class II", "2026-01-15")),
            row(met(), answer("nyha", SNOMED, "421704003", "Class II", "2022-05-01"),
                answer("nyha", SNOMED, "420913000", "Class III", "2026-01-15")),
        ),
        rule(
            "A class as a component",
            "Inside a panel.",
            measured("nyha", coded(concept("nyha-class-iii-iv"))),
            row(met(), panel("lvef", "2026-02-20", ("nyha", {"valueCodeableConcept": {"coding": [
                {"system": SNOMED, "code": "420913000"}]}}, "class III by code"))),
            row(unmet(), panel("lvef", "2026-02-20", ("nyha", {"valueCodeableConcept": {"coding": [
                {"system": SNOMED, "code": "421704003"}]}}, "class II by code"))),
        ),
        rule(
            "BILAG: one A or two B",
            "The grades of the organ systems are components of one panel. \"1 A or 2 B\" is a count, not a grade.",
            any_of(
                counted(measured("bilag2004", grade("A")), ">=", 1),
                counted(measured("bilag2004", grade("B")), ">=", 2),
            ),
            row({"1": unmet(None), "1.1": unmet(), "1.2": unmet()},
                grades("2026-02-20", renal="B", skin="C", joints="D")),
            row({"1": met(None), "1.1": unmet(), "1.2": met()}, grades("2026-02-20", renal="B", skin="B")),
            row({"1": met(None), "1.1": met(), "1.2": unmet()}, grades("2026-02-20", renal="A", skin="E")),
            row({"1": met(None), "1.1": met()}, panel(
                "bilag2004", "2026-02-20", ("renal", {"valueCodeableConcept": {"coding": [
                    {"system": "urn:local:bilag-grade", "code": "A"}]}}, "A by code"))),
            row({"1": unknown(None), "1.1": unknown("missing-data")}),
        ),
        rule(
            "Only the newest panel counts",
            "Panels are not added up: an A of last year has been followed by better grades.",
            counted(measured("bilag2004", grade("B")), ">=", 2),
            row(unmet(), grades("2026-01-10", renal="B", skin="B"), grades("2026-02-20", renal="B", skin="C")),
            row(met(), grades("2026-01-10", renal="C", skin="C"), grades("2026-02-20", renal="B", skin="B")),
            row(unmet(), grades("2026-01-10", renal="B"), grades("2026-02-20", skin="B"),
                why="one and one are not two"),
        ),
        rule(
            "A preliminary panel",
            "It matters where its grades would decide otherwise.",
            counted(measured("bilag2004", grade("B")), ">=", 2),
            row(unknown("provisional"), grades("2026-02-10", renal="B", skin="C"),
                grades("2026-02-20", renal="B", skin="B").but("{}, preliminary", status="preliminary")),
            row(unknown("provisional"), grades("2026-02-10", renal="B", skin="B"),
                grades("2026-02-20", renal="B", skin="C").but("{}, preliminary", status="preliminary")),
            row(unmet(), grades("2026-02-10", renal="B", skin="B").but("{}, preliminary", status="preliminary"),
                grades("2026-02-20", renal="B", skin="C"), why="the older one is past"),
        ),
        rule(
            "Grades of one day are a panel",
            "An organ system that is graded at two visits is still one organ system.",
            counted(measured("bilag2004", grade("B")), ">=", 2),
            row(unmet(), grade_alone("B", "2026-01-10", "renal"), grade_alone("B", "2026-02-20", "renal")),
            row(met(), grade_alone("B", "2026-02-20", "renal"), grade_alone("B", "2026-02-20", "skin")),
            row(unmet(), grade_alone("B", "2026-02-20", "renal"), grade_alone("C", "2026-02-20", "skin")),
        ),
        rule(
            "Single results are counted each",
            "Two low neutrophil counts within a year.",
            counted(within(measured("neutrophils", quantity("<", 1, "10*9/L")), -12, 0, "mo"), ">=", 2),
            row(met(), lab("neutrophils", 0.8, "10*9/L", "2025-06-01"),
                lab("neutrophils", 0.9, "10*9/L", "2026-01-01")),
            row(unmet(), lab("neutrophils", 0.8, "10*9/L", "2025-06-01"),
                lab("neutrophils", 1.5, "10*9/L", "2026-01-01")),
            row(unmet(), lab("neutrophils", 0.8, "10*9/L", "2025-02-28"),
                lab("neutrophils", 0.9, "10*9/L", "2026-01-01"),
                why="one of them is outside the window"),
            row(unknown("missing-data")),
        ),
        rule(
            "Single results inside a panel are counted each",
            "A result is no panel because it was written down together with others: two low oxygen saturations.",
            counted(within(measured("spo2", quantity("<", 90, "%")), -12, 0, "mo"), ">=", 2),
            row(met(evidence=2), low_saturation("2025-10-01"), low_saturation("2025-12-01"),
                fine_saturation("2026-02-20")),
            row(unmet(), low_saturation("2025-10-01"), fine_saturation("2026-02-20")),
            row(unknown("provisional"), low_saturation("2025-10-01"),
                low_saturation("2025-12-01").but("{}, preliminary", status="preliminary")),
        ),
        rule(
            "A count at most",
            "Counts have comparators too.",
            counted(within(measured("neutrophils", quantity("<", 1, "10*9/L")), -12, 0, "mo"), "<=", 1),
            row(met(), lab("neutrophils", 0.8, "10*9/L", "2025-06-01"),
                lab("neutrophils", 1.5, "10*9/L", "2026-01-01")),
            row(unmet(), lab("neutrophils", 0.8, "10*9/L", "2025-06-01"),
                lab("neutrophils", 0.9, "10*9/L", "2026-01-01")),
        ),
        rule(
            "Measured at all",
            "`valueBoolean` true. What was never measured is `missing-data`, not unmet. Without a window the age of "
            "the value does not matter.",
            measured("lvef", RECORDED),
            row(met(), lab("lvef", 35, "%", "2019-01-01")),
            row(met(), lab("lvef", 35, "%", None), why="no date, and none is needed"),
            row(unknown("missing-data")),
            row(unknown("missing-data"), observation("lvef", "2026-02-20", "not performed", **NOT_DONE)),
        ),
        rule(
            "Measured in the window",
            "With a window the measurement has to fall into it; one before it decides nothing, for it can still be "
            "done.",
            within(measured("lvef", RECORDED), -6, 0, "mo"),
            row(met(), lab("lvef", 35, "%", "2025-09-01")),
            row(unknown("stale"), lab("lvef", 35, "%", "2025-08-31")),
        ),
        rule(
            "No value",
            "An Observation that only says why there is no value is passed over.",
            measured("lvef", quantity(">=", 50, "%")),
            row(unknown("missing-data"), observation("lvef", "2026-02-20", "not performed", **NOT_DONE)),
            row(met(), observation("lvef", "2026-02-20", "not performed", **NOT_DONE),
                lab("lvef", 58, "%", "2026-01-20"),
                why="the last value that there is"),
        ),
    ),
)
