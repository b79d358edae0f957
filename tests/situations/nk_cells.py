"""Facts for NCT06464679 (CD19 CAR-NK cells): its four diseases, its scores and its drugs."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.situations.builders import (
    FRESH,
    RXNORM,
    SNOMED,
    SUBJECT,
    Json,
    concept,
    condition,
    observation,
    stated,
)
from tests.situations.situation import Situation

STUDY = "NCT06464679"
ATC = "http://www.whocc.no/atc"

WBC, NEUTROPHILS, HEMOGLOBIN, INR, PT = "6690-2", "751-8", "718-7", "6301-6", "5902-2"
ALT, AST, BILIRUBIN, CREATININE, CK = "1742-6", "1920-8", "14631-6", "2160-0", "2157-6"
CRP, ESR, FVC, FVC_PERCENT, DLCO = "1988-5", "4537-7", "19868-9", "19872-1", "19911-7"
SERUM_HCG, URINE_HCG = "2118-8", "2106-3"
HBSAG, HBCAB, HBV_DNA, HCV_AB, HIV, TREPONEMA, RPR = (
    "5195-3",
    "13952-7",
    "29615-2",
    "13955-0",
    "56888-1",
    "24110-9",
    "20507-0",
)
PHGA, PTGA = "75846-6", "75844-1"
PREDNISONE, DEXAMETHASONE, CYCLOPHOSPHAMIDE, HYDROXYCHLOROQUINE = "8640", "3264", "3002", "5521"
METHOTREXATE, BELIMUMAB, MYCOPHENOLATE = "6851", "1092437", "68149"
ADALIMUMAB, ETANERCEPT, TOCILIZUMAB = "327361", "214555", "612865"
FILGRASTIM = "L03AA02"

#: the antibodies that a myositis panel tests, by LOINC code or the project's own key
MYOSITIS_LOINC = ("35333-4", "18485-3", "82424-3", "33772-5", "33771-7", "45149-2", "45152-6")
MYOSITIS_LOCAL = ("srp_ab", "hmgcr_ab", "tif1_gamma_ab", "nxp2_ab")

#: a situation of this trial
nk = partial(Situation, study=STUDY)


def sjogren(**more: Any) -> Json:
    """Sjögren's syndrome since 2019."""
    return condition(concept(SNOMED, "83901003"), "2019-04-01", **more)


def sclerosis(**more: Any) -> Json:
    """Systemic sclerosis since 2020."""
    return condition(concept(SNOMED, "89155008"), "2020-09-01", **more)


def myositis(onset: str = "2021-03-10", **more: Any) -> Json:
    """Dermatomyositis."""
    return condition(concept(SNOMED, "396230008"), onset, **more)


def arthritis(onset: str | None = "2015-06-01", **more: Any) -> Json:
    """Rheumatoid arthritis."""
    return condition(concept(SNOMED, "69896004"), onset, **more)


def antibody(code: Json, positive: bool, date: str = FRESH) -> Json:
    """An antibody by an answer in words."""
    return observation(code, {"valueString": "positive" if positive else "negative"}, date)


def taken(rxnorm: str, since: str, until: str, **more: Any) -> Json:
    """A drug taken from one day to another."""
    return stated(rxnorm, since, until, status="completed", **more)


def given(atc: str, day: str) -> Json:
    """A drug given on one day, by its ATC code."""
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": concept(ATC, atc),
        "subject": SUBJECT,
        "effectiveDateTime": day,
    }


def given_until(atc: str, first: str, last: str) -> Json:
    """A drug given over days."""
    record = {key: value for key, value in given(atc, first).items() if key != "effectiveDateTime"}
    return {**record, "effectivePeriod": {"start": first, "end": last}}


def allergy(rxnorm: str, verification: str = "confirmed") -> Json:
    """An AllergyIntolerance to a drug."""
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
    return {
        "resourceType": "AllergyIntolerance",
        "verificationStatus": concept(system, verification),
        "code": concept(RXNORM, rxnorm),
        "patient": SUBJECT,
    }


def says(judgement: str, about: str | None = None, answer: str = "met") -> Json:
    """A person's answer to a statement."""
    answered = {"judgement": judgement, "concept": about, "answer": answer, "by": "Dr A", "at": "2026-02-27"}
    return {name: value for name, value in answered.items() if value is not None}


def answered(*attestations: Json) -> dict[str, Any]:
    """``given`` of a situation with these answers."""
    return {"attestations": list(attestations)}
