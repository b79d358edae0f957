"""The rules, one by one: what each reads, and what it leaves because a word of it could mean something else."""

from __future__ import annotations

import pytest
from trialmatch.registry.rules import RULES, Rule, read
from trialmatch.registry.vocabulary import CONCEPTS

from tests.registry.material import drafted, lines, loaded, record, terminology

#: Rules whose example is an exclusion.
_EXCLUDING = {
    "pregnancy", "test", "diagnosis", "active disease", "prior drug", "live vaccine", "other trial", "investigator",
}  # fmt: skip


def _read(kind: str, text: str) -> list[str]:
    """What is read of a criterion that is alone in its list."""
    return lines(drafted(record(f"{kind} criteria:\n\n* {text}")))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_reads_its_example(rule: Rule) -> None:
    kind = "exclusion" if rule.name in _EXCLUDING else "inclusion"
    found = read(rule.example, kind, terminology())
    assert found is not None
    assert found[0] is rule
    loaded(record(f"{kind} criteria:\n\n* {rule.example}"))


def test_rules_have_names_of_their_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_all_concepts_of_the_vocabulary_are_mapped() -> None:
    assert {concept for concept in CONCEPTS if concept not in terminology().sets} == set()


READ = [
    # age: bounds are inclusive, words for them are the same as signs
    ("Inclusion", "18 years or older", "age >= 18 a"),
    ("Inclusion", "At least 18 years of age at screening", "age >= 18 a"),
    ("Inclusion", "Age 18-65 years at the time of enrolment", "age 18..65 a [enrolment]"),
    ("Inclusion", "Age between 6 and 24 months", "age 6..24 mo"),
    ("Inclusion", "18 ≤ age ≤ 65 years, male or female", "age 18..65 a"),
    ("Exclusion", "Under 18 years of age", "not age < 18 a"),
    ("Inclusion", "The age of ≥ 18 years of age and ≤ 70 years of age, gender is not limited", "age 18..70 a"),
    ("Inclusion", "Women only", "sex female"),
    # limits
    ("Inclusion", "Alanine aminotransferase (ALT) must be < 3 times the upper limit of normal (ULN)", "alt < 3 UNL"),
    ("Inclusion", "Hb ≥ 9.5 g/dl", "hemoglobin >= 9.5 g/dL"),
    ("Inclusion", "Platelet count: ≥ 75 × 10⁹/L", "platelets >= 75 10*9/L"),
    ("Inclusion", "INR ≤ 1.5 x ULN", "inr <= 1.5 UNL"),
    ("Inclusion", "Absolute neutrophil count (ANC) \\>= 1,500/mm\\^3", "neutrophils >= 1500 /uL"),
    ("Inclusion", "Total bilirubin within or below", "text"),
    ("Inclusion", "Total bilirubin ≤ ULN", "bilirubin <= 1 UNL"),
    ("Inclusion", "Renal function: creatinine clearance ≥ 30 mL/min (Cockcroft-Gault formula)",
     "creatinine-clearance >= 30 mL/min by cockcroft-gault"),
    ("Inclusion", "Left ventricular ejection fraction (LVEF) ≥ 50% by echocardiography", "lvef >= 50 %"),
    ("Inclusion", "ECOG PS of 0-2", "ecog <= 2 {score}"),
    ("Inclusion", "Karnofsky performance status of 70 or higher", "karnofsky-NOT-ecog >= 70 {score}"),
    ("Inclusion", "Serum creatinine ≤ 1.5 mg/dL.", "creatinine <= 1.5 mg/dL"),
    # diagnoses
    ("Inclusion", "Patients with a documented diagnosis of systemic lupus erythematosus (SLE)", "Condition sle"),
    ("Exclusion", "Known cirrhosis of the liver", "not Condition cirrhosis"),
    ("Exclusion", "Medical history of pulmonary embolism", "not Condition pulmonary-embolism"),
    ("Exclusion", "Subjects with active TB", "not Condition tuberculosis-active [screening 0 d]"),
    ("Exclusion", "Positive for HIV", "not hiv-test positive"),
    ("Exclusion", "Previously treated with tocilizumab", "not MedicationRequest tocilizumab"),
]  # fmt: skip

LEFT = [
    ("Inclusion", "Age over 18 years", "18-year-olds in or out?"),
    ("Inclusion", "Age 18-65", "no unit"),
    ("Inclusion", "Age 18 and 65 years", "and is not to"),
    ("Inclusion", "Age 65-18 years", "no such range"),
    ("Inclusion", "Adults aged 16 to 70 years", "adults of 16"),
    ("Inclusion", "Aged 6 months to 17 years", "two units"),
    ("Exclusion", "Age < 18 or > 70 years", "two limits, one of them open"),
    ("Inclusion", "Women aged 18-45 years", "also a sex"),
    ("Inclusion", "Male or female", "no limit at all"),
    ("Inclusion", "Not pregnant", "rules read the exclusion only"),
    ("Exclusion", "Pregnant, breastfeeding, or planning to become pregnant", "a plan is no state"),
    ("Exclusion", "Pregnancy within the last 6 months", "a time"),
    ("Inclusion", "ALT or AST ≤ 3 × ULN", "either or both?"),
    ("Exclusion", "ALT and AST > 3 × ULN", "either or both?"),
    ("Inclusion", "ALT/creatinine ≤ 3 × ULN", "a ratio?"),
    ("Inclusion", "ALT ≤ 3 × ULN (≤ 5 × ULN with liver metastases)", "two limits"),
    ("Inclusion", "ALT ≤ 3 × ULN*", "a footnote"),
    ("Inclusion", "ALT ≤ 3 × ULN unless due to myositis", "an exception"),
    ("Inclusion", "ALT ≤ 3 × ULN within 14 days before screening", "a time"),
    ("Inclusion", "Direct bilirubin ≤ 1.5 × ULN", "not total bilirubin"),
    ("Inclusion", "Hemoglobin ≥ 9", "no unit"),
    ("Inclusion", "Hemoglobin ≥ 9 mg/L/h", "no unit of it"),
    ("Inclusion", "Hemoglobin ≥ 9 mL/min", "the unit of something else"),
    ("Inclusion", "ANC ≥ 1.500/µL", "1.5 or 1500?"),
    ("Inclusion", "ANC ≥ 1,5 × 10^9/L", "a comma that is no separator of thousands"),
    ("Inclusion", "Neutrophils ≥ 1 × 109/L", "a power that lost its sign"),
    ("Inclusion", "eGFR ≥ 60 mL/min", "no body surface"),
    ("Inclusion", "ALT = 3 × ULN", "a comparator that was lost"),
    ("Inclusion", "SLEDAI ≥ 6", "which version?"),
    ("Inclusion", "PGA ≥ 1", "whose assessment, on which scale?"),
    ("Inclusion", "MMT-8 < 125", "of 80 or of 150?"),
    ("Inclusion", "ECOG 1-2", "0 is better than 1"),
    ("Inclusion", "ECOG 0 and 2", "1 is left out"),
    ("Inclusion", "SpO2 ≥ 92% on room air", "a condition of the measurement"),
    ("Inclusion", "Diagnosis of SLE according to the 2019 criteria", "classification is for a person"),
    ("Exclusion", "Stroke", "ever, or now?"),
    ("Exclusion", "History of stroke within 6 months", "a time"),
    ("Exclusion", "No history of stroke", "twice negated"),
    ("Exclusion", "Drug-induced psoriasis", "a narrower thing"),
    ("Exclusion", "Active infection requiring antibiotics", "not every one"),
    ("Exclusion", "Prior treatment with rituximab or belimumab", "which of them?"),
    ("Exclusion", "Prior treatment with an investigational drug", "no drug"),
    ("Exclusion", "Live vaccine within 4 weeks before the first dose", "no anchor of the language"),
    ("Exclusion", "Live vaccine", "no time"),
    ("Inclusion", "Not able to give informed consent", "no inclusion that makes sense"),
    ("Inclusion", "Informed consent and age below 40", "more than consent"),
    ("Inclusion", "Agrees to use effective contraception until 6 months after the last dose", "a time of its own"),
    ("Inclusion", "Life expectancy > 12 weeks", "another time than the answer means"),
    ("Exclusion", "Any infection that in the opinion of the investigator is relevant", "a condition of its own"),
    ("Exclusion", "Any condition that in the opinion of the investigator limits survival to 6 months", "a number"),
    ("Exclusion", "HBsAg positive and HBV DNA positive", "joined by and"),
    ("Inclusion", "HBsAg negative or HBV DNA negative and HCV RNA negative", "and, or: which binds first?"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "expected"), READ)
def test_read(kind: str, text: str, expected: str) -> None:
    assert _read(kind, text) == [f"{kind[0]}1 {expected}"]


@pytest.mark.parametrize(("kind", "text", "why"), LEFT)
def test_left(kind: str, text: str, why: str) -> None:
    assert why
    assert _read(kind, text) == [f"{kind[0]}1 {'not ' if kind == 'Exclusion' else ''}text"]


def test_joined() -> None:
    assert _read("Inclusion", "Creatinine ≤ 2.0 × ULN, or creatinine clearance ≥ 60 mL/min") == [
        "I1 any-of",
        "  I1.a creatinine <= 2.0 UNL",
        "  I1.b creatinine-clearance >= 60 mL/min",
    ]
    assert _read("Inclusion", "ALT and AST ≤ 3 × ULN; total bilirubin ≤ 2 × ULN") == [
        "I1 all-of",
        "  I1.a all-of",
        "    I1.a.a alt <= 3 UNL",
        "    I1.a.b ast <= 3 UNL",
        "  I1.b bilirubin <= 2 UNL",
    ]
    assert _read("Exclusion", "HIV positive or HBsAg positive") == [
        "E1 not any-of",
        "  E1.a hiv-test positive",
        "  E1.b hbsag positive",
    ]
