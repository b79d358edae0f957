"""A patient's match document from a real server is the one from files.

The records are put on the servers under their own ids, so that references and evidence must be the same too. What may
differ, and why, is said where it is let pass; nothing else may.
"""

from __future__ import annotations

import re
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

Json = dict[str, Any]

#: Every study is asked for, so that nothing of a document stays unseen.
QUESTION = Question(date(2026, 3, 1), everything=True)

PATIENTS = [orjson.loads(line)["id"] for line in (DEMO / "Patient.ndjson").read_bytes().splitlines()]

#: An item that is a leaf, or an entry of ``missing``, in the path of a difference.
_LEAF = re.compile(r"(?P<leaf>matches\[\d+\](?:\.(?:items|children|missing)\[\d+\])+)\.(?:basis|reason|evidence|need)$")


def compared(server: Server, engine: Engine, files: Records, patient: str, **settings: Any) -> list[Difference]:
    """What differs between the patient's documents from files and from the server, asked as the settings say."""
    engine = replace(engine, settings=Settings.read({}, **settings))
    needs = Needs.of(engine.studies.studies, engine.terminology)
    expected = match_patient(engine, files, patient, QUESTION, "files").document(NOW)
    # What no criterion looks at is not asked for, and the document names only what was.
    expected["sources"] = [one for one in expected["sources"] if one["type"] in needs.types]
    records = fetch(server.url, patient, engine.settings, needs)
    found = match_patient(engine, records, patient, QUESTION, server.url).document(NOW)
    return [one for one in differences(expected, found) if not _narrowed(one, expected, found, engine.settings)]


def _narrowed(difference: Difference, expected: Json, found: Json, settings: Settings) -> bool:
    """Whether a difference only comes from Observations being asked for by code.

    Those that no criterion can count as a result are then not there, so that fewer are counted; and where there is no
    result, the document no longer names what speaks of one in words alone. Such a leaf is unknown either way.
    """
    if settings.fhir_observations == "all":
        return False
    if difference.path == "sources[1].detail":
        return re.fullmatch(r"asked for by \d+ codes", difference.other) is not None
    if difference.path == "sources[1].count":
        return difference.other < difference.one
    leaf = _LEAF.match(difference.path)
    if leaf is None:
        return False
    before, after = _at(expected, leaf["leaf"]), _at(found, leaf["leaf"])
    status = [one.get("status", "unknown") for one in (before, after)]
    return (status, before["basis"], after["basis"]) == (["unknown"] * 2, "unusable", "missing-data")


def _at(document: Json, path: str) -> Json:
    """The element at a path such as ``matches[0].items[3]``."""
    place: Any = document
    for name, index in re.findall(r"(\w+)\[(\d+)\]", path):
        place = place[name][int(index)]
    return dict(place)


@pytest.mark.parametrize("patient", PATIENTS)
def test_all_observations(server: Server, engine: Engine, demo: Records, patient: str) -> None:
    assert compared(server, engine, demo, patient, fhir_observations="all") == []


@pytest.mark.parametrize("patient", PATIENTS)
def test_observations_by_code(server: Server, engine: Engine, demo: Records, patient: str) -> None:
    assert compared(server, engine, demo, patient) == []


@pytest.mark.parametrize("observations", ["all", "codes"])
def test_public_patients(server: Server, engine: Engine, public: Records, observations: str) -> None:
    found = {one: compared(server, engine, public, one, fhir_observations=observations) for one in public.patients()}
    assert len(found) == 58
    assert {patient: differing for patient, differing in found.items() if differing} == {}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"fhir_page_size": 3}, id="small pages"),
        pytest.param({"fhir_search": "post"}, id="post"),
        pytest.param({"fhir_batch": "always"}, id="batch"),
        pytest.param({"fhir_batch": "always", "fhir_page_size": 3}, id="batch in small pages"),
        pytest.param({"fhir_url_length": 300}, id="codes in many short lists"),
        pytest.param({"fhir_parallel": 1}, id="one after the other"),
    ],
)
@pytest.mark.parametrize("patient", ["lupus-likely-01", "lupus-merged-old"])
def test_ways_to_ask(server: Server, engine: Engine, demo: Records, patient: str, settings: Json) -> None:
    """However the client is told to ask, the answer is the same."""
    assert compared(server, engine, demo, patient, fhir_observations="all", **settings) == []
    assert compared(server, engine, demo, patient, **settings) == []
