"""A seeded hospital as Bulk Data NDJSON, and any number of studies of many diseases: for the bench of prescreening.

A patient is about 60 KB: visits with a panel of results each, diagnoses, orders, with the metadata that servers add.
Every patient has a seed of their own, so that a hospital is a prefix of any larger one.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
from material import BASE, CONCEPTS, CONDITIONS, LABS, LOINC, RXNORM, SNOMED, UCUM, concept, record

Json = dict[str, Any]

LUPUS = ("55464009", "Systemic lupus erythematosus (disorder)", "M32.9")
COMMON = [
    ("59621000", "Essential hypertension (disorder)", "I10"),
    ("44054006", "Diabetes mellitus type 2 (disorder)", "E11.9"),
    ("55822004", "Hyperlipidemia (disorder)", "E78.5"),
    ("195967001", "Asthma (disorder)", "J45.909"),
    ("396275006", "Osteoarthritis (disorder)", "M19.90"),
    ("370143000", "Major depressive disorder (disorder)", "F32.9"),
    ("271737000", "Anemia (disorder)", "D64.9"),
]
DRUGS = [
    ("8640", "prednisone"),
    ("5521", "hydroxychloroquine"),
    ("6851", "methotrexate"),
    ("314076", "lisinopril 10 MG Oral Tablet"),
    ("860975", "metformin 500 MG ER Oral Tablet"),
    ("617312", "atorvastatin 20 MG Oral Tablet"),
]
TODAY = date(2026, 3, 1)

#: Share of patients with lupus.
LUPUS_SHARE = 0.02

_PADDING = "Synthetic record without any meaning beyond its size. " * 9


def hospital(folder: Path, patients: int, seed: int = 1) -> dict[str, int]:
    """Write a hospital; returns bytes by file."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("Patient", "Condition", "Observation", "MedicationRequest")
    streams = {name: (folder / f"{name}.ndjson").open("wb") for name in names}
    for number in range(patients):
        for resource in patient(number, seed):
            streams[resource["resourceType"]].write(orjson.dumps(resource, option=orjson.OPT_APPEND_NEWLINE))
    for stream in streams.values():
        stream.close()
    return {path.name: path.stat().st_size for path in sorted(folder.glob("*.ndjson"))}


def patient(number: int, seed: int) -> list[Json]:
    """One patient's resources."""
    chance = random.Random(f"{seed}/{number}")
    identity = f"{chance.getrandbits(128):032x}"
    subject = {"reference": f"Patient/{identity}"}
    lupus = chance.random() < LUPUS_SHARE
    born = date(1936, 1, 1) + timedelta(days=chance.randrange(27_000))
    found: list[Json] = [
        {
            "resourceType": "Patient",
            "id": identity,
            "meta": {"versionId": "1", "lastUpdated": "2026-02-28T03:00:00Z"},
            "text": {"status": "generated", "div": f"<div>{_PADDING}</div>"},
            "active": True,
            "gender": chance.choice(("female", "male")) if not lupus else "female",
            "birthDate": born.isoformat(),
        }
    ]
    diagnoses = chance.sample(COMMON, chance.randint(3, 6)) + ([LUPUS] if lupus else [])
    for position, (code, name, icd) in enumerate(diagnoses):
        onset = TODAY - timedelta(days=chance.randrange(100, 3_000))
        found.append(
            {
                "resourceType": "Condition",
                "id": f"{identity[:20]}-c{position}",
                "meta": {"versionId": "1", "lastUpdated": "2026-02-28T03:00:00Z"},
                "clinicalStatus": {"coding": [{"code": "active"}]},
                "verificationStatus": {"coding": [{"code": "confirmed"}]},
                "code": {
                    "coding": [
                        {"system": SNOMED, "code": code, "display": name},
                        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": icd, "display": name},
                    ],
                    "text": name,
                },
                "subject": subject,
                "onsetDateTime": f"{onset.isoformat()}T08:00:00-05:00",
                "note": [{"text": _PADDING}],
            }
        )
    for position, (code, name) in enumerate(chance.sample(DRUGS, 4)):
        found.append(
            {
                "resourceType": "MedicationRequest",
                "id": f"{identity[:20]}-m{position}",
                "meta": {"versionId": "1", "lastUpdated": "2026-02-28T03:00:00Z"},
                "status": chance.choice(("active", "completed")),
                "intent": "order",
                "medicationCodeableConcept": {
                    "coding": [{"system": RXNORM, "code": code, "display": name}],
                    "text": name,
                },
                "subject": subject,
                "authoredOn": (TODAY - timedelta(days=chance.randrange(2_000))).isoformat(),
                "note": [{"text": _PADDING}],
            }
        )
    for visit in range(4):
        when = f"{TODAY - timedelta(days=chance.randrange(10, 1_500))}T09:30:00-05:00"
        for position, (code, name, unit, low, high) in enumerate(LABS):
            value = round(chance.uniform(low * 0.8, high * 1.2), 2)
            bounds = {
                key: {"value": bound, "unit": unit, "system": UCUM, "code": unit}
                for key, bound in (("low", low), ("high", high))
            }
            found.append(
                {
                    "resourceType": "Observation",
                    "id": f"{identity[:20]}-o{visit}{position}",
                    "meta": {"versionId": "1", "lastUpdated": when},
                    "status": "final",
                    "code": {"coding": [{"system": LOINC, "code": code, "display": name}], "text": name},
                    "subject": subject,
                    "encounter": {"reference": f"Encounter/{identity[:20]}-e{visit}"},
                    "effectiveDateTime": when,
                    "issued": when,
                    "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
                    "referenceRange": [{**bounds, "text": f"{low}-{high} {unit}"}],
                    "note": [{"text": _PADDING}],
                }
            )
    return found


def studies_of(diseases: list[str], seed: int = 1) -> list[Json]:
    """A study of 13 criteria for each of ``diseases``, gated by it."""
    from material import study

    found = []
    for position, disease in enumerate(diseases):
        trial, variable = study(position, seed)
        variable["characteristic"][1]["definitionByTypeAndValue"] = record("Condition", disease)
        found += [trial, variable]
    return found


__all__ = ["BASE", "CONCEPTS", "CONDITIONS", "concept", "hospital", "studies_of"]
