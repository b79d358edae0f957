"""A patient's match document from a real server is the one from files.

The records are put on the servers under their own ids, so that references and evidence must be the same too. What may
differ, and why, is said where it is let pass; nothing else may.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import orjson
import pytest
from trialmatch.config import Settings
from trialmatch.demo import hospital_path
from trialmatch.fhir.hospital.server import fetch
from trialmatch.usecases.match import match_patient

from tests.contract.compare import Difference, differences
from tests.contract.conftest import QUESTION, Files, Json, Server, Start
from tests.harness import NOW, flat

pytestmark = pytest.mark.slow

PATIENTS = [orjson.loads(line)["id"] for line in (hospital_path() / "Patient.ndjson").read_bytes().splitlines()]

#: An item that is a leaf, or an entry of ``missing``, in the path of a difference.
_LEAF = re.compile(r"(?P<leaf>matches\[\d+\](?:\.(?:items|children|missing)\[\d+\])+)\.(?:basis|reason|evidence|need)$")


def documents(server: Server, files: Files, patient: str, **settings: Any) -> tuple[Json, Json]:
    """The patient's documents from files and from the server, asked as the settings say."""
    engine = replace(files.engine, settings=Settings.read({}, **settings))
    needs = engine.needs()
    records = fetch(server.url, patient, engine.settings, needs)
    found = match_patient(engine, records, patient, QUESTION, server.url).document(NOW)
    expected = files.document(patient)
    # What no criterion looks at is not asked for, and the document names only what was.
    asked = [one for one in expected["sources"] if one["type"] in needs.types]
    return {**expected, "sources": asked}, found


def compared(server: Server, files: Files, patient: str, **settings: Any) -> list[Difference]:
    """What differs between the two documents and is not to be expected."""
    expected, found = documents(server, files, patient, **settings)
    by_code = settings.get("fhir_observations") != "all"
    return [one for one in differences(expected, found) if not (by_code and _narrowed(one, expected, found))]


def _narrowed(difference: Difference, expected: Json, found: Json) -> bool:
    """Whether a difference only comes from Observations being asked for by code.

    Those that no criterion can count as a result are then not there, so that fewer are counted; and where there is no
    result, the document no longer names what speaks of one in words alone. Such a leaf is unknown either way.
    """
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
def test_all_observations(server: Server, demo: Files, patient: str) -> None:
    assert compared(server, demo, patient, fhir_observations="all") == []


@pytest.mark.parametrize("name", ["hapi", "scripted"])
@pytest.mark.parametrize("patient", PATIENTS)
def test_observations_by_code(start: Start, name: str, demo: Files, patient: str) -> None:
    assert compared(start(name), demo, patient) == []


def test_observations_by_code_without_words(start: Start, demo: Files) -> None:
    """A server that finds nothing by words: what only silence decides stays open there, and nothing else does."""
    server, left_open = start("medplum"), set()
    for patient in PATIENTS:
        files, found = documents(server, demo, patient)
        others = {match["study"]["id"]: match for match in found["matches"]}
        for match in files["matches"]:
            before, after = flat(match["items"]), flat(others[match["study"]["id"]]["items"])
            for link_id, item in before.items():
                one, other = item, after[link_id]
                if not item["children"] and one["status"] != other["status"]:
                    assert (one["basis"], other["status"], other["basis"]) == ("no-record", "unknown", "missing-data")
                    left_open.add(one["text"])
    # swollen and tender joints, and a pregnancy after all where none is to be expected: the only results of the shipped
    # trials of which silence says something
    assert left_open == {"= 6 already of 28 joints", "Pregnancy test positive"}


def test_public_patients(real: Server, public: Files) -> None:
    patients = sorted(public.records.patients())
    assert len(patients) == 58
    found = {patient: compared(real, public, patient, **real.settings) for patient in patients}
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
def test_ways_to_ask(server: Server, demo: Files, patient: str, settings: Json) -> None:
    """However the client is told to ask, the answer is the same."""
    for observations in {"all", server.settings.get("fhir_observations", "codes")}:
        assert compared(server, demo, patient, fhir_observations=observations, **settings) == []
