"""A generated hospital in many files, with everything in it that makes reading hard."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

from trialmatch.prescreen.engine import OUTPUTS

from tests.prescreen.people import condition, hemoglobin, person

Json = dict[str, Any]

#: Records of a type are cut into so many files, so that there is work for every executor.
FILES = 12


def generated(folder: Path, patients: int = 240) -> Path:
    """Write it. One patient in three has lupus; some records are odd, broken, there twice, or about nobody."""
    dice = random.Random(20260301)
    folder.mkdir(parents=True)
    people, diagnoses, results, orders, drugs = [], [], [], [], []
    for number in range(patients):
        name = f"p{number:04}"
        people.append(person(name, f"{dice.randint(1940, 2015)}-0{dice.randint(1, 9)}-15"))
        code = "55464009" if number % 3 == 0 else "59621000"
        whose = dice.choice([name, f"{name}/_history/2"])
        diagnoses.append(condition(f"c{number}", whose, code))
        results += [
            hemoglobin(f"o{number}-{n}", name, round(dice.uniform(5, 16), 1), f"2026-02-{n + 10}") for n in range(4)
        ]
        drug = f"m{number % 7}"
        orders.append(_order(f"r{number}", name, drug))
    drugs = [_drug(f"m{number}", name) for number, name in enumerate(_DRUGS)]
    # Bea was entered twice, and one entry replaced by the other.
    people.append(person("old", link=[{"type": "replaced-by", "other": {"reference": "Patient/p0003"}}]))
    people.append(person("p0001"))  # there again
    results.append(hemoglobin("o6-1", "p0009", 4.0))  # the id of a record of somebody else
    results += [hemoglobin(f"x{number}", "nobody", 9.9) for number in range(5)]
    diagnoses.append({**condition("c-odd", "p0004"), "subject": {"reference": "http://a.example/fhir/Patient/p0004"}})
    diagnoses.append({**condition("c-by-name", ""), "subject": {"identifier": {"system": "urn:mrn", "value": "77"}}})
    twice = {"reference": "Patient/p0009", "identifier": {"system": "urn:mrn", "value": "77"}}
    diagnoses.append({**condition("c-named-twice", ""), "subject": twice})
    unknown = {"identifier": {"system": "urn:mrn", "value": "0"}}
    results.append({**hemoglobin("o-of-nobody", "", 9.9), "subject": unknown})
    people[7]["identifier"] = [{"system": "urn:mrn", "value": "77"}]
    for kind, held in (("Patient", people), ("Condition", diagnoses), ("Observation", results)):
        for number in range(FILES):
            lines = b"".join(json.dumps(one).encode() + b"\n" for one in held[number::FILES])
            if number == 1 and kind == "Observation":
                lines = lines[:400].rsplit(b"\n", 1)[0] + b"\n{oops\n" + lines[400:].split(b"\n", 1)[1]
            packed = number == 2
            path = folder / f"{kind}.{number:03}.ndjson{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(lines, mtime=0) if packed else lines)
    # Orders under the name of another type, and the drugs they name in a file of their own.
    (folder / "Encounter.ndjson").write_text("".join(json.dumps(one) + "\n" for one in orders), "utf-8")
    (folder / "Medication.ndjson").write_text("".join(json.dumps(one) + "\n" for one in drugs), "utf-8")
    return folder


_DRUGS = ("8640", "5521", "1256", "6851", "68149", "3002", "42316")  # RxNorm ingredients


def _order(identity: str, whose: str, drug: str) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": identity,
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": f"Medication/{drug}"},
        "subject": {"reference": f"Patient/{whose}"},
        "authoredOn": "2026-01-10",
    }


def _drug(identity: str, code: str) -> Json:
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}
    return {"resourceType": "Medication", "id": identity, "code": {"coding": [coding]}}


def alike(one: Path, other: Path) -> None:
    """Hold two finished runs to the same bytes; only ``timing`` of run.json may differ."""
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted([*OUTPUTS, "run.json"]) == sorted(path.name for path in other.iterdir())
    for name in OUTPUTS:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    runs = [json.loads((out / "run.json").read_bytes()) for out in (one, other)]
    for run in runs:
        del run["timing"]
    assert runs[0] == runs[1]
