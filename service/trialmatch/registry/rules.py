"""The rules that read single criteria: a table. A rule reads a criterion to its last word, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from trialmatch.registry import rules_limits, rules_people, rules_records
from trialmatch.registry.statements import Reading
from trialmatch.registry.wording import spelled
from trialmatch.terminology.mappings import Terminology

#: Longer criteria hold more than one rule could read.
_LONGEST = 400


class Rule(NamedTuple):
    """A rule: its name, what it reads (a printed example), what that becomes, and why that is certain."""

    name: str
    example: str
    becomes: str
    because: str
    read: Callable[[str, str, Terminology], Reading | None]


RULES = (
    Rule(
        "age", "Age 18 to 65 years, inclusive", "age, in completed years, months or weeks",
        "ages are counted in completed years; \"over 18\" is left, as it may or may not hold those of 18",
        rules_people.age,
    ),
    Rule("sex", "Female patients only", "administrative sex", "the record's field means the same", rules_people.sex),
    Rule(
        "pregnancy", "Pregnant or breastfeeding women",
        "not pregnant, not breastfeeding at screening; men are not concerned",
        "as the shipped studies write it (NCT07161193, E2)", rules_people.expecting,
    ),
    Rule(
        "pregnancy test", "Women of childbearing potential must have a negative serum pregnancy test",
        "a negative test, or not of childbearing potential", "as the shipped studies write it (NCT06892145, I9)",
        rules_people.pregnancy_test,
    ),
    Rule(
        "limit", "ALT and AST ≤ 3 × ULN", "a limit on the latest result, in a unit or as multiple of normal",
        "the name means one concept, the unit converts to its own; \"or\" and \"and\" only where they mean one thing",
        rules_limits.limit,
    ),
    Rule(
        "performance", "ECOG performance status 0-2", "ECOG up to the last number",
        "the scale begins at 0, and no number is left out", rules_limits.performance,
    ),
    Rule(
        "test", "Positive hepatitis B surface antigen (HBsAg)", "a positive or negative result",
        "the name means one test", rules_limits.tested,
    ),
    Rule(
        "joined", "Creatinine ≤ 2.0 × ULN, or creatinine clearance ≥ 60 mL/min (Cockcroft-Gault)",
        "any of, or all of, such limits and tests", "each part is read whole; exclusions joined by \"and\" are left",
        rules_limits.joined,
    ),
    Rule(
        "diagnosis", "History of stroke", "a diagnosis on record, at any time",
        "the phrase names a whole concept; passing diseases only where their history is asked for",
        rules_records.diagnosis,
    ),
    Rule(
        "active disease", "Active tuberculosis", "a diagnosis on the day of screening",
        "as the shipped studies write it (NCT07161193, E6)", rules_records.active,
    ),
    Rule(
        "prior drug", "Prior treatment with rituximab", "exposure to one drug, at any time", "one ingredient, no time",
        rules_records.treated,
    ),
    Rule(
        "live vaccine", "Live attenuated vaccine within 4 weeks prior to screening", "an immunization in that time",
        "as the shipped studies write it (NCT06892145, E13); screening and enrolment are anchors",
        rules_records.vaccinated,
    ),
    Rule(
        "other trial", "Participation in another clinical trial within 3 months before enrolment",
        "a ResearchSubject in that time", "as the shipped studies write it (NCT06464679, E10)",
        rules_records.participating,
    ),
    Rule(
        "consent", "Willing and able to give written informed consent", "a person's answer: consent",
        "every word is about consent or keeping to the protocol", rules_people.consent,
    ),
    Rule(
        "adherence", "Willing and able to comply with the protocol", "a person's answer: adherence",
        "every word is about keeping to the protocol", rules_people.adherence,
    ),
    Rule(
        "contraception", "Agrees to use effective contraception throughout the study",
        "a person's answer: contraception",
        "no time beyond the study: the answer serves every trial that asks the same", rules_people.contraception,
    ),
    Rule(
        "life expectancy", "Life expectancy of at least 3 months", "a person's answer: prognosis",
        "3 months is what the answer means in the shipped studies, and it serves every trial", rules_people.prognosis,
    ),
    Rule(
        "investigator", "Any other condition that, in the opinion of the investigator, makes the patient unsuitable",
        "a person's answer: investigator", "it names no condition of its own", rules_people.investigator,
    ),
)  # fmt: skip


def read(words: str, kind: str, terminology: Terminology) -> tuple[Rule, Reading] | None:
    """The first rule that reads a criterion (inclusion or exclusion), with what it makes of it."""
    if len(words) > _LONGEST or "\n" in words:
        return None
    plain = spelled(words)
    for rule in RULES:
        reading = rule.read(plain, kind, terminology)
        if reading is not None:
            return rule, reading
    return None
