"""Records of the universal CD19/BCMA record's cohorts from few lines, for its situations and golden cases."""

from __future__ import annotations

from typing import Any

from tests.situations.builders import (
    FRESH,
    LOINC,
    SCORES,
    SNOMED,
    SUBJECT,
    Json,
    concept,
    condition,
    icd,
    interpreted,
    measured,
    observation,
    resulted,
    score,
    sle,
    stated,
    weight,
)
from tests.situations.situation import Situation

STUDY = "Universal-CD19-BCMA-autoimmune"
ATC = "http://www.whocc.no/atc"

NEUTROPHILS, HEMOGLOBIN, PLATELETS = "751-8", "718-7", "777-3"
ALT, AST, BILIRUBIN, CREATININE, CK = "1742-6", "1920-8", "14631-6", "14682-9", "2157-6"
ECOG, SERUM_HCG, URINE_HCG = "89247-1", "2118-8", "2106-3"
MPO, PR3, SCL70, CENTROMERE, ANA = "6969-0", "6968-2", "5348-8", "29966-9", "8061-4"
FVC, FVC_PREDICTED, DLCO, UPCR, PROTEIN_24H = "19868-9", "19872-1", "19911-7", "2890-2", "2889-4"
PREDNISONE, HYDROXYCHLOROQUINE, METHOTREXATE, MYCOPHENOLATE = "8640", "5521", "6851", "68149"
DERMATOMYOSITIS, SCLERODERMA, GPA, SJOGREN = "396230008", "89155008", "195353004", "83901003"
GILBERT, FILGRASTIM = "E80.4", "L03AA02"


def universal(
    number: str, words: str, facts: tuple[Json, ...], expect: dict[str, str], verdict: Any = None, **more: Any
) -> Situation:
    """A situation of this study."""
    return Situation(number, words, facts, expect, verdict, study=STUDY, **more)


def attested(answer: str = "met", *link_ids: str, **judgement: str) -> dict[str, Any]:
    """Answers of a person, by linkIds or by ``judgement`` and ``concept``, as what a situation is given."""
    common = {"answer": answer, "by": "Dr A", "at": "2026-02-27"}
    answers = [{"study": STUDY, "linkId": link_id, **common} for link_id in link_ids]
    return {"attestations": answers + ([{**judgement, **common}] if judgement else [])}


def attributed(to: str, answer: str) -> dict[str, Any]:
    """A person's answer whether something is to be put down to a disease."""
    return attested(answer, judgement="attribution", concept=to)


def flow(name: str, polarity: str = "positive", date: str = FRESH) -> Json:
    """An antigen on B cells by flow cytometry: ``cd19_expression`` or ``bcma_expression``."""
    code = interpreted({"positive": "POS", "negative": "NEG"}[polarity])
    value = {"valueString": polarity}
    return observation(concept(SCORES, name), value, date, interpretation=code)


def class_of_nephritis(name: str, date: str = FRESH) -> Json:
    """The histological class of lupus nephritis, as pathologists write it."""
    return observation(concept(SCORES, "ln_isn_rps_class"), {"valueString": name}, date)


def given_once(atc: str, date: str, status: str = "completed") -> Json:
    """A drug given on one day."""
    return {
        "resourceType": "MedicationAdministration",
        "status": status,
        "medicationCodeableConcept": concept(ATC, atc),
        "subject": SUBJECT,
        "effectiveDateTime": date,
    }


def neutrophils(value: float, date: str = FRESH, unit: str = "10*9/L") -> Json:
    """A neutrophil count."""
    return measured(NEUTROPHILS, value, unit, date=date)


def organs() -> tuple[Json, ...]:
    """All that the common criteria measure, fresh and inside every limit (clearance by formula: creatinine, weight)."""
    return (
        flow("cd19_expression"),
        neutrophils(3.2),
        measured(HEMOGLOBIN, 118, "g/L"),
        measured(ALT, 25, "U/L", high=40),
        measured(AST, 22, "U/L", high=40),
        measured(BILIRUBIN, 10, "umol/L", high=20),
        measured(CREATININE, 70, "umol/L", low=45, high=84),
        weight(62),
        measured(ECOG, 1, "{score}"),
        measured(PLATELETS, 210, "10*9/L"),
    )


def conventional(agent: str = MYCOPHENOLATE, since: str = "2025-01-10") -> tuple[Json, ...]:
    """Prednisone and one more agent, both still taken."""
    return (stated(PREDNISONE, since), stated(agent, since))


def lupus() -> tuple[Json, ...]:
    """The lupus cohort: the disease, active, under conventional therapy for over a year."""
    return (sle(), score("sledai_2k", 12), *conventional(HYDROXYCHLOROQUINE))


def scleroderma() -> tuple[Json, ...]:
    """The sclerosis cohort: antibody, lung involvement, treatment, and skin, FVC and DLCO measured twice."""
    return (
        disease(SCLERODERMA, "2021-03-01"),
        resulted(SCL70, "positive"),
        icd("J84.10", "2023-02-01"),
        observation(concept(SCORES, "hrct_ground_glass"), {"valueBoolean": True}),
        score("mrss", 20, "2025-05-10"),
        score("mrss", 22),
        measured(FVC, 2.9, "L", date="2025-05-10"),
        measured(FVC, 2.8, "L"),
        measured(FVC_PREDICTED, 84, "%", date="2025-05-10"),
        measured(FVC_PREDICTED, 82, "%"),
        measured(DLCO, 20, "mL/min/mm[Hg]", date="2025-05-10"),
        measured(DLCO, 19, "mL/min/mm[Hg]"),
        *conventional(),
    )


def myositis() -> tuple[Json, ...]:
    """The myositis cohort: weakness, two abnormal core measures and all others known."""
    return (
        disease(DERMATOMYOSITIS, "2022-06-01"),
        score("mmt8", 118, high=150),
        measured("75846-6", 6, "{score}", high=10),
        measured("75844-1", 7, "{score}", high=10),
        score("extramuscular_activity", 1, high=10),
        score("haq_di", 1.5, high=3),
        measured(CK, 190, "U/L", high=170),
        *conventional(METHOTREXATE),
    )


def vasculitis() -> tuple[Json, ...]:
    """The vasculitis cohort: granulomatosis with polyangiitis, PR3-ANCA, active."""
    return (
        disease(GPA, "2023-01-15"),
        resulted(PR3, "positive"),
        resulted(MPO, "negative"),
        score("bvas_v3", 18, high=63),
        *conventional(),
    )


def disease(snomed: str, onset: str, **more: Any) -> Json:
    """A confirmed, active disease by SNOMED CT code."""
    return condition(concept(SNOMED, snomed), onset, **more)


def loinc(code: str, value: Json, date: str = FRESH, **more: Any) -> Json:
    """A result by LOINC code with any value."""
    return observation(concept(LOINC, code), value, date, **more)
