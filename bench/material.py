"""Seeded material for the benchmarks: one patient of about fifty resources, any number of studies of 13 criteria."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from trialmatch.config import BASE

Json = dict[str, Any]

LOINC, SNOMED, RXNORM = "http://loinc.org", "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"

#: LOINC code, name, unit, range of normal.
LABS = [
    ("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 7, 40),
    ("1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 8, 38),
    ("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL", 0.2, 1.2),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.6, 1.3),
    ("777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 150, 400),
    ("751-8", "Neutrophils [#/volume] in Blood by Automated count", "10*3/uL", 1.8, 7.7),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 12, 16),
    ("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", 4, 10),
    ("29463-7", "Body weight", "kg", 40, 120),
]
CONCEPTS = ["alt", "ast", "bilirubin", "creatinine", "platelets", "neutrophils", "hemoglobin", "wbc"]
UNITS = {"platelets": "10*9/L", "neutrophils": "10*9/L", "hemoglobin": "g/L", "wbc": "10*9/L"}
CONDITIONS = ["stroke", "heart-failure", "myocardial-infarction", "epilepsy", "cirrhosis", "hiv", "tuberculosis-active"]
DRUGS = ["hydroxychloroquine", "methotrexate", "azathioprine", "belimumab", "tacrolimus", "cyclophosphamide"]
RX = [("5521", "hydroxychloroquine"), ("6851", "methotrexate"), ("8640", "prednisone"), ("1256", "azathioprine")]


def patient(seed: int = 7) -> Json:
    """A patient with lupus: 38 observations, 5 conditions, 5 orders, with the metadata that servers add."""
    chance = random.Random(seed)
    subject = {"reference": "Patient/p"}
    resources: list[Json] = [{"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1988-04-12"}]
    day = date(2026, 2, 20)
    for visit in range(4):
        when = f"{day - timedelta(days=70 * visit)}T08:30:00-05:00"
        for code, name, unit, low, high in LABS:
            value = round(chance.uniform(low, high * 1.3), 2)
            bounds = {
                key: {"value": bound, "unit": unit, "system": UCUM, "code": unit}
                for key, bound in (("low", low), ("high", high))
            }
            resources.append(
                {
                    "resourceType": "Observation",
                    "meta": {
                        "versionId": "1",
                        "lastUpdated": when,
                        "profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"],
                    },
                    "status": "final",
                    "category": [
                        {
                            "coding": [
                                {
                                    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                    "code": "laboratory",
                                }
                            ]
                        }
                    ],
                    "code": {"coding": [{"system": LOINC, "code": code, "display": name}], "text": name},
                    "subject": subject,
                    "encounter": {"reference": f"Encounter/e{visit}"},
                    "effectiveDateTime": when,
                    "issued": when,
                    "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
                    "referenceRange": [{**bounds, "text": f"{low}-{high} {unit}"}],
                }
            )
    for name in ("8061-4", "5130-0"):
        resources.append(
            {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": LOINC, "code": name}]},
                "subject": subject,
                "effectiveDateTime": "2026-02-20",
                "valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "10828004", "display": "Positive"}]},
            }
        )
    for code, icd in (
        ("55464009", "M32.9"),
        ("59621000", "I10"),
        ("44054006", "E11.9"),
        ("195967001", "J45.909"),
        ("271737000", "D64.9"),
    ):
        resources.append(
            {
                "resourceType": "Condition",
                "clinicalStatus": {
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
                },
                "verificationStatus": {
                    "coding": [
                        {"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}
                    ]
                },
                "code": {
                    "coding": [
                        {"system": SNOMED, "code": code},
                        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": icd},
                    ]
                },
                "subject": subject,
                "onsetDateTime": "2019-05-05",
            }
        )
    for code, name in RX:
        resources.append(
            {
                "resourceType": "MedicationRequest",
                "status": "active",
                "intent": "order",
                "medicationCodeableConcept": {
                    "coding": [{"system": RXNORM, "code": code, "display": name}],
                    "text": name,
                },
                "subject": subject,
                "authoredOn": "2025-06-01T10:00:00-05:00",
            }
        )
    for position, resource in enumerate(resources):
        resource.setdefault("id", f"r{position}")
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def concept(code: str) -> Json:
    """A CodeableConcept of a concept."""
    return {"coding": [{"system": f"{BASE}/CodeSystem/concept", "code": code}]}


def record(kind: str, code: str) -> Json:
    """A definition about a kind of record."""
    return {
        "type": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": kind}]},
        "valueCodeableConcept": concept(code),
    }


def study(number: int, seed: int = 7) -> list[Json]:
    """One study of 13 criteria: age, a gate, laboratory limits, a choice, exclusions with windows, drugs, consent."""
    chance = random.Random(seed * 1_000_003 + number)
    leaves: list[Json] = [
        _leaf(
            {
                "type": {"coding": [{"system": LOINC, "code": "30525-0"}]},
                "valueRange": {"low": _years(18), "high": _years(chance.choice((60, 65, 70, 75)))},
            }
        ),
        _leaf(record("Condition", chance.choice(("sle", "sle", "rheumatoid-arthritis"))), absence="absent"),
    ]
    for name in chance.sample(CONCEPTS, 4):
        leaves.append(_leaf(_limit(name, chance)))
    either = [_leaf(_limit(name, chance)) for name in chance.sample(CONCEPTS, 2)]
    leaves.append({"definitionByCombination": {"code": "any-of", "characteristic": either}})
    for name in chance.sample(CONDITIONS, 2):
        window = {"range": {"low": {"value": -chance.choice((3, 6, 12)), "unit": "mo", "system": UCUM, "code": "mo"}}}
        leaves.append({**_leaf(record("Condition", name)), "exclude": True, "timeFromEvent": [window]})
    for name in chance.sample(DRUGS, 2):
        leaves.append(
            {
                **_leaf(record("MedicationRequest", name)),
                "durationQuantity": {
                    "value": chance.choice((3, 6)),
                    "unit": "mo",
                    "system": UCUM,
                    "code": "mo",
                    "comparator": ">=",
                },
            }
        )
    leaves.append(
        {"definitionCodeableConcept": {"coding": [{"system": f"{BASE}/CodeSystem/judgement", "code": "consent"}]}}
    )
    _number(leaves, "")
    variable = {
        "resourceType": "EvidenceVariable",
        "id": f"bench-{number}-e",
        "status": "active",
        "characteristic": leaves,
    }
    trial = {
        "resourceType": "ResearchStudy",
        "id": f"bench-{number}",
        "status": "active",
        "recruitment": {"eligibility": {"reference": f"EvidenceVariable/bench-{number}-e"}},
    }
    return [trial, variable]


def _number(leaves: list[Json], prefix: str) -> None:
    for position, leaf in enumerate(leaves, start=1):
        leaf["linkId"] = f"{prefix}{position}"
        if "definitionByCombination" in leaf:
            _number(leaf["definitionByCombination"]["characteristic"], f"{prefix}{position}.")


def _years(value: int) -> Json:
    return {"value": value, "unit": "a", "system": UCUM, "code": "a"}


def _leaf(definition: Json, absence: str | None = None) -> Json:
    leaf: Json = {"definitionByTypeAndValue": definition}
    if absence:
        leaf["extension"] = [{"url": f"{BASE}/StructureDefinition/absence", "valueCode": absence}]
    return leaf


def _limit(name: str, chance: random.Random) -> Json:
    value: Json
    if name in UNITS:
        limit = {"platelets": (30, 100), "neutrophils": (0.5, 1.5), "hemoglobin": (60, 100), "wbc": (2, 4)}[name]
        value = {"value": round(chance.uniform(*limit), 1), "comparator": ">=", "system": UCUM, "code": UNITS[name]}
    else:
        system = "http://hl7.org/fhir/characteristic-offset"
        value = {"value": round(chance.uniform(1.5, 5), 1), "comparator": "<=", "system": system, "code": "UNL"}
    return {"type": concept(name), "valueQuantity": value}
