"""Patients of the basket trial NCT07161193: for each of its diseases one whose record holds all that can be measured.

``fits(cohort)`` is the record of a patient of whom only what a person must say, and what silence leaves open, is
missing. Tests put a fact in place of another (``but``) or take one out (``without``).
"""

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
    measured,
    observation,
    patient,
    procedure,
    resulted,
    score,
    stated,
    weight,
)

STUDY = "NCT07161193"
LOCAL = "https://trialmatch.example.org/fhir/CodeSystem/concept"

ALT, AST, BILIRUBIN, CREATININE, CLEARANCE, QTC = "1742-6", "1920-8", "14631-6", "2160-0", "2164-2", "8636-3"
HBSAG, HBV_DNA, HCV_RNA, HIV, TREPONEMA = "5195-3", "29615-2", "20416-4", "56888-1", "24110-9"
HCG, HCG_URINE = "2118-8", "2106-3"
HEMOGLOBIN, URINALYSIS, ANA, DSDNA, ENA, CARDIOLIPIN = "718-7", "24356-8", "8061-4", "5130-0", "14722-3", "20424-8"
C3, C4, IGG, ESR, CRP, RF, CCP = "4485-9", "4498-2", "2465-3", "4537-7", "1988-5", "11572-5", "32218-0"
DESMOGLEIN_3, MPO, PR3 = "43312-8", "46266-3", "46267-1"
HYDROXYCHLOROQUINE, PREDNISONE, METHOTREXATE = "5521", "8640", "6851"
MYCOPHENOLATE, CYCLOPHOSPHAMIDE, BELIMUMAB, RITUXIMAB = "68149", "3002", "1092437", "121191"


def bilag(date: str = FRESH, **systems: str) -> Json:
    """A BILAG-2004 panel: the grade of each organ system, in words, as a component."""
    components = [{"code": {"text": name}, "valueString": grade} for name, grade in systems.items()]
    return observation(concept(SCORES, "bilag2004"), None, date, component=components)


def titre(text: str, date: str = FRESH) -> Json:
    """An antinuclear antibody titre in words."""
    return observation(concept(LOINC, ANA), {"valueString": text}, date)


def intolerance(rxnorm: str, verification: str = "confirmed") -> Json:
    """An AllergyIntolerance to a drug."""
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
    return {
        "resourceType": "AllergyIntolerance",
        "verificationStatus": concept(system, verification),
        "code": concept("http://www.nlm.nih.gov/research/umls/rxnorm", rxnorm),
        "patient": SUBJECT,
    }


def radiographs(date: str = "2026-01-15") -> Json:
    """Radiographs of hands and feet, by the project's own code: no standard one is verified."""
    return {**procedure("", {"performedDateTime": date}), "code": concept(LOCAL, "hand-foot-xray")}


def treated(rxnorm: str, since: str = "2025-06-01", until: str = "2025-12-31") -> Json:
    """A drug taken for months: seven, unless said."""
    return stated(rxnorm, since, until, status="completed")


def laboratory() -> list[Json]:
    """What the common exclusions ask of the laboratory and the ECG, all of it unremarkable."""
    return [
        measured(ALT, 22, "U/L", high=40),
        measured(AST, 20, "U/L", high=40),
        measured(BILIRUBIN, 9, "umol/L", high=21),
        measured(CREATININE, 0.8, "mg/dL", low=0.5, high=1.2),
        weight(60),
        measured(QTC, 412, "ms", high=450),
        *[resulted(test, "negative") for test in (HBSAG, HBV_DNA, HCV_RNA, HIV, TREPONEMA)],
    ]


def work_up() -> list[Json]:
    """The laboratory work-up of an autoimmune disease (NCT07161193 1.7, 3.8)."""
    return [
        measured(HEMOGLOBIN, 118, "g/L"),
        observation(concept(LOINC, URINALYSIS), {"valueString": "protein ++"}),
        titre("1:640"),
        measured(DSDNA, 210, "[IU]/mL", high=100),
        resulted(ENA, "positive"),
        measured(C3, 0.55, "g/L", low=0.9, high=1.8),
        measured(C4, 0.08, "g/L", low=0.1, high=0.4),
        measured(IGG, 17.2, "g/L", low=7, high=16),
    ]


def woman(born: str = "1986-05-10") -> list[Json]:
    """A woman whose pregnancy test is negative."""
    return [patient("female", born), resulted(HCG, "negative")]


def man(born: str = "1980-08-20") -> list[Json]:
    """A man: nothing about pregnancy concerns him."""
    return [patient("male", born)]


def disease(cohort: str) -> Json:
    """The diagnosis that a cohort is for, made years ago."""
    return {
        "SLE": condition(concept(SNOMED, "55464009"), "2019-04-01"),
        "IIM": condition(concept(SNOMED, "396230008"), "2021-03-10"),
        "SSc": condition(concept(SNOMED, "89155008"), "2020-09-01"),
        "Pemphigus": icd("L10.0", "2022-05-01"),
        "Psoriasis": icd("L40.0", "2012-01-01"),
        "RA": icd("M05.9", "2015-06-01"),
        "AAV": icd("M31.31", "2022-11-01"),
    }[cohort]


def particulars(cohort: str) -> list[Json]:
    """What only this disease's rows ask: activity, work-up, antibodies, and the treatment before."""
    return {
        "SLE": [
            *work_up(),
            resulted(CARDIOLIPIN, "positive"),
            score("selena_sledai", 12),
            score("pga_0_3", 2),
            bilag(renal="B", mucocutaneous="B", musculoskeletal="C", cardiorespiratory="E"),
            treated(HYDROXYCHLOROQUINE, "2024-01-01"),
            treated(MYCOPHENOLATE),
        ],
        "IIM": [treated(PREDNISONE), treated(METHOTREXATE)],
        "SSc": [*work_up(), condition(concept(SNOMED, "233703007"), "2021-02-01"), treated(MYCOPHENOLATE)],
        "Pemphigus": [resulted(DESMOGLEIN_3, "positive"), score("pdai", 24), treated(PREDNISONE), treated(RITUXIMAB)],
        "Psoriasis": [
            score("bsa_pct_involved", 18, unit="%"),
            score("pasi", 16),
            score("spga_0_4", 3),
            treated(METHOTREXATE),
        ],
        "RA": [
            measured(ESR, 44, "mm/h", high=20),
            measured(CRP, 21, "mg/L", high=5),
            measured(RF, 88, "[IU]/mL", high=14),
            titre("1:80"),
            resulted(CCP, "positive"),
            radiographs(),
            treated(METHOTREXATE),
        ],
        "AAV": [resulted(PR3, "positive"), resulted(MPO, "negative"), treated(CYCLOPHOSPHAMIDE), treated(PREDNISONE)],
    }[cohort]


COHORTS = ("SLE", "IIM", "SSc", "Pemphigus", "Psoriasis", "RA", "AAV")
#: the number under which the record prints each disease
NUMBER = {name: position for position, name in enumerate(COHORTS, start=1)}


def fits(cohort: str, person: list[Json] | None = None) -> list[Json]:
    """The record of a patient who fits a cohort as far as anything can be measured."""
    return [*(person or woman()), disease(cohort), *particulars(cohort), *laboratory()]


def _code(resource: Json) -> Any:
    code = resource.get("code") or resource.get("medicationCodeableConcept") or {}
    return (resource["resourceType"], *[(one["system"], one["code"]) for one in code.get("coding", [])])


def without(record: list[Json], *codes: str) -> list[Json]:
    """A record without everything of these codes."""
    return [one for one in record if not any(part[1] in codes for part in _code(one)[1:])]


def but(record: list[Json], *instead: Json) -> list[Json]:
    """A record with each of ``instead`` in the place of what it had under the same code."""
    codes = {_code(one) for one in instead}
    return [*[one for one in record if _code(one) not in codes], *instead]


def answers(*link_ids: str, answer: str = "met", study: str = STUDY) -> list[Json]:
    """A person's answers to rows or parts of them."""
    return [{"study": study, "linkId": one, "answer": answer, "by": "Dr A", "at": "2026-02-27"} for one in link_ids]
