"""The chapters of the criteria language, in the order of ``docs/semantics.md``."""

from __future__ import annotations

from tests.spec.cases import (
    absence,
    codes,
    dates,
    exposure,
    groups,
    judgement,
    limits,
    methods,
    numbers,
    people,
    records,
    results,
    study,
    truth,
    verdict,
    which,
    windows,
)
from tests.spec.cases.order import INACTIVE, ORDERS
from tests.spec.model import Chapter, Rule, markdown_table

LEAVES = Chapter(
    "Leaves",
    """
A leaf asks one question of the record: `definitionByTypeAndValue`, whose `type` says what is looked at and whose
`value[x]` says what it must be.
"""
    + markdown_table(
        ("`type`", "looks at", "`value[x]`"),
        ("LOINC 30525-0", "age in completed years", "Quantity or Range in `a`"),
        ("LOINC 46098-0", "administrative sex", "CodeableConcept"),
        ("`Condition`", "diagnoses", "CodeableConcept, a concept or a code"),
        ("`Procedure`, `Immunization`, `AllergyIntolerance`", "those records", "the same"),
        ("`MedicationRequest`", "exposure to a drug, in whichever resource it is recorded", "the same"),
        (
            "`ResearchSubject`, `Encounter`, `ImagingStudy`, `DocumentReference`",
            "that there is one",
            "CodeableConcept of its kind, or boolean",
        ),
        (
            "a LOINC code, or a concept of `{base}/CodeSystem/concept`",
            "results: Observations and their components",
            "Quantity, Range, CodeableConcept, boolean",
        ),
    ),
    (
        people.SECTION,
        records.KINDS,
        codes.CODES,
        numbers.QUANTITIES,
        numbers.UNITS,
        limits.LIMITS,
        limits.BOUNDS,
        limits.SCALES,
        results.POLARITY,
        results.CODED,
        methods.SELECTION,
        methods.CHANGES,
        methods.COCKCROFT_GAULT,
        which.RESULTS,
        which.EVENTS,
    ),
)

TIME = Chapter(
    "Time",
    "When things have to have happened, and how old a result may be.",
    (windows.ANCHORS, windows.WINDOWS, dates.RECORDED_ONLY, dates.PARTIAL, dates.STALENESS),
)

CHAPTERS: tuple[Chapter, ...] = (
    study.CHAPTER,
    groups.GROUPS,
    truth.TRUTH,
    LEAVES,
    TIME,
    exposure.CHAPTER,
    absence.CHAPTER,
    judgement.CHAPTER,
    verdict.CHAPTER,
)


__all__ = ["CHAPTERS", "INACTIVE", "ORDERS", "rules"]


def rules() -> list[tuple[Chapter, Rule]]:
    """Every rule with its chapter, in order."""
    return [(chapter, rule) for chapter in CHAPTERS for section in chapter.sections for rule in section.rules]
