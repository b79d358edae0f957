"""The service and the command line in front of real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from trialmatch.demo import hospital_path
from trialmatch.web.app import create_app

from tests.contract.compare import Difference, differences
from tests.contract.conftest import Files, Json, Server, Start
from tests.web.world import AS_OF, settings_of

pytestmark = pytest.mark.slow

PATIENTS = ["lupus-likely-01", "lupus-renal-01", "lupus-merged-old", "ra-01"]


def differing(one: Json, other: Json) -> list[Difference]:
    """What differs of the patient, the day and the matches. Sources are compared in test_documents.py."""
    return [each for key in ("patient", "asOf", "engine", "matches") for each in differences(one[key], other[key], key)]


@pytest.fixture
def client(real: Server, tmp_path: Path) -> FlaskClient:
    """A caller of the service with a real server behind."""
    return create_app(settings_of(tmp_path, fhir_server=real.url, **real.settings)).test_client()


@pytest.mark.parametrize("patient", PATIENTS)
def test_matches(client: FlaskClient, demo: Files, patient: str) -> None:
    answer = client.get(f"/api/v1/patients/{patient}/matches", query_string={"as_of": AS_OF, "all": "true"})
    assert answer.status_code == 200
    assert differing(answer.get_json(), demo.document(patient)) == []


@pytest.mark.parametrize("patient", PATIENTS)
def test_match_trials(client: FlaskClient, demo: Files, patient: str) -> None:
    answer = client.get(f"/fhir/Patient/{patient}/$match-trials", query_string={"as-of": AS_OF, "all": "true"})
    assert answer.status_code == 200
    found = [(entry["resource"]["id"], entry["search"].get("score")) for entry in answer.get_json()["entry"]]
    assert found == [(one["study"]["id"], one["score"]) for one in demo.document(patient)["matches"]]


def test_unknown_patient(client: FlaskClient) -> None:
    refused = client.get("/api/v1/patients/nobody/matches")
    assert (refused.status_code, refused.mimetype) == (404, "application/problem+json")
    refused = client.get("/fhir/Patient/nobody/$match-trials")
    assert (refused.status_code, refused.get_json()["resourceType"]) == (404, "OperationOutcome")


def test_a_bundle_of_everything(start: Start, demo: Files, tmp_path: Path) -> None:
    """What HAPI's $everything gives of a patient is matched as it stands."""
    url = start("hapi").url
    bundle = requests.get(f"{url}/Patient/lupus-likely-01/$everything?_count=500", timeout=30).json()
    assert len(bundle["entry"]) == 57 and all(link["relation"] != "next" for link in bundle["link"])
    client = create_app(settings_of(tmp_path)).test_client()
    answer = client.post("/api/v1/matches", json=bundle, query_string={"as_of": AS_OF, "all": "true"})
    assert answer.status_code == 200
    assert differing(answer.get_json(), demo.document("lupus-likely-01")) == []


def test_the_command(real: Server) -> None:
    """``trialmatch match`` says the same of a patient from a server and from files."""
    documents = []
    for source in (["--fhir", real.url], ["--from", str(hospital_path())]):
        command = [sys.executable, "-m", "trialmatch", "match", "lupus-renal-01", *source, "--as-of", AS_OF]
        settings = {f"TRIALMATCH_{name.upper()}": value for name, value in real.settings.items()}
        done = subprocess.run(
            [*command, "--format", "json", "--all"], env={**os.environ, **settings}, capture_output=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, b"")
        documents.append(json.loads(done.stdout))
    assert differing(*documents) == []
