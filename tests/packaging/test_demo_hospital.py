"""The demo hospital: the shipped files are what the generator writes, and they are valid FHIR R4."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError
from trialmatch.demo import SHOWCASE, attestations_path, hospital_path
from trialmatch.demo.generate import CASES, TYPES, files

MEGABYTE = 1024 * 1024


def _lines(kind: str) -> list[str]:
    # not splitlines(): it would also cut at characters that JSON allows inside strings
    return (hospital_path() / f"{kind}.ndjson").read_text("utf-8").rstrip("\n").split("\n")


def test_the_shipped_files_are_what_the_generator_writes() -> None:
    shipped = {path.name: path.read_bytes() for path in hospital_path().iterdir()}
    assert shipped == files(), "run: python -m trialmatch.demo.generate service/trialmatch/demo/hospital"


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_the_bytes_do_not_depend_on_hash_order(tmp_path: Path, hash_seed: str) -> None:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    command = [sys.executable, "-m", "trialmatch.demo.generate", str(tmp_path / "out")]
    subprocess.run(command, check=True, env=environment)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files()


def test_another_seed_gives_other_values() -> None:
    assert files(1)["Observation.ndjson"] != files(2)["Observation.ndjson"]


def test_it_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in hospital_path().iterdir()) < 2 * MEGABYTE


@pytest.mark.parametrize("kind", TYPES)
def test_every_resource_is_valid(kind: str) -> None:
    model = get_fhir_model_class(kind)
    for line in _lines(kind):
        model.model_validate_json(line)


def test_the_validation_would_notice() -> None:
    with pytest.raises(ValidationError):
        get_fhir_model_class("Observation").model_validate({"resourceType": "Observation", "status": "final"})


def test_identifiers_are_unique_and_references_lead_somewhere() -> None:
    resources = [json.loads(line) for kind in TYPES for line in _lines(kind)]
    known = [f"{resource['resourceType']}/{resource['id']}" for resource in resources]
    assert len(known) == len(set(known))
    assert set(_references(resources)) <= set(known)


def _references(node: object) -> list[str]:
    if isinstance(node, list):
        return [found for part in node for found in _references(part)]
    if isinstance(node, dict):
        own = node.get("reference")
        inner = [found for part in node.values() for found in _references(part)]
        return [own, *inner] if isinstance(own, str) and not own.startswith("#") else inner
    return []


def test_the_readme_says_of_each_patient_what_it_shows() -> None:
    readme = (hospital_path().parent / "README.md").read_text("utf-8")
    for case in CASES:
        assert f"| `{case.id}` | {case.shows} |\n" in readme
    for line in _lines("Patient"):
        assert f"| `{json.loads(line)['id']}` |" in readme


def test_everybody_is_plainly_synthetic() -> None:
    for patient in map(json.loads, _lines("Patient")):
        assert [name["family"] for name in patient["name"]] == ["Demopatient"]


def test_the_showcase_exists() -> None:
    patients = {json.loads(line)["id"] for line in _lines("Patient")}
    assert SHOWCASE
    assert {patient for patient, _ in SHOWCASE} <= patients


def test_the_attestations_say_who_and_when() -> None:
    for answer in json.loads(attestations_path().read_text("utf-8")):
        assert answer["answer"] in ("met", "unmet")
        assert {"by", "at"} <= set(answer)
        assert ("linkId" in answer) != ("judgement" in answer)
