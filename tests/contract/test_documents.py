"""A patient's match document from a real server is the one from files.

The records are put on the servers under their own ids, so that references and evidence must be the same too.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import orjson
import pytest
from trialmatch.config import Settings
from trialmatch.fhir.needs import Needs
from trialmatch.fhir.records import Records
from trialmatch.fhir.server import fetch
from trialmatch.usecases import Engine, Question, match_patient

from tests.contract.compare import Difference, differences
from tests.contract.conftest import Server
from tests.contract.hospital import DEMO
from tests.harness import NOW

pytestmark = pytest.mark.slow

#: Every study is asked for, so that nothing of a document stays unseen.
QUESTION = Question(date(2026, 3, 1), everything=True)
ALL = Settings.read({}, fhir_observations="all")

PATIENTS = [orjson.loads(line)["id"] for line in (DEMO / "Patient.ndjson").read_bytes().splitlines()]


def _document(engine: Engine, records: Records, patient: str) -> dict[str, Any]:
    return match_patient(engine, records, patient, QUESTION, "the hospital").document(NOW)


def _compared(server: Server, engine: Engine, files: Records, patient: str, settings: Settings) -> list[Difference]:
    needs = Needs.of(engine.studies.studies, engine.terminology)
    records = fetch(server.url, patient, settings, needs)
    found = _document(replace(engine, settings=settings), records, patient)
    return list(differences(_document(engine, files, patient), found))


@pytest.mark.parametrize("patient", PATIENTS)
def test_demo_patient(server: Server, engine: Engine, demo: Records, patient: str) -> None:
    assert _compared(server, engine, demo, patient, ALL) == []


def test_public_patients(server: Server, engine: Engine, public: Records) -> None:
    found = {patient: _compared(server, engine, public, patient, ALL) for patient in public.patients()}
    assert len(found) == 58
    assert {patient: differing for patient, differing in found.items() if differing} == {}
