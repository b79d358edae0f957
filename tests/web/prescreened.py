"""A small hospital whose prescreen can be worked out by hand, and runs of it.

``trial-1`` takes adults with lupus who consent, so nobody is better than likely:

========= ============================================= =======================================
``ada``    born 1980, lupus                              likely: only her consent is open
``bea``    born 1980, lupus                              likely
``cleo``   no date of birth, lupus                       possible: nobody knows whether she is adult
``dora``   born 2015, lupus                              set aside: age
``emma``   born 1980, lupus, deceased                    set aside: deceased
``fay``    born 1980, no lupus                           set aside: no record of what the study must find
========= ============================================= =======================================
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask
from trialmatch.store import runs
from trialmatch.store.runs import Run
from trialmatch.web.prescreens import runs as prescreen_runs
from trialmatch.web.service import Service

from tests.web.world import AS_OF, Json

#: The study that :func:`tests.web.world.study_bundle` makes.
TRIAL = "trial-1"

PATIENTS: tuple[Json, ...] = (
    {"id": "ada", "birthDate": "1980-05-01"},
    {"id": "bea", "birthDate": "1980-05-01"},
    {"id": "cleo"},
    {"id": "dora", "birthDate": "2015-05-01"},
    {"id": "emma", "birthDate": "1980-05-01", "deceasedBoolean": True},
    {"id": "fay", "birthDate": "1980-05-01"},
)

LUPUS = ("ada", "bea", "cleo", "dora", "emma")


def write_export(folder: Path, patients: tuple[Json, ...] = PATIENTS, lupus: tuple[str, ...] = LUPUS) -> Path:
    """The hospital as a folder of Bulk Data."""
    folder.mkdir(parents=True, exist_ok=True)
    people = [{"resourceType": "Patient", "gender": "female", **one} for one in patients]
    sick: list[Json] = [
        {
            "resourceType": "Condition",
            "id": f"lupus-{number}",
            "subject": {"reference": f"Patient/{one}"},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "55464009"}]},
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "verificationStatus": {"coding": [{"code": "confirmed"}]},
            "onsetDateTime": "2020-01-01",
        }
        for number, one in enumerate(lupus)
    ]
    for kind, resources in (("Patient", people), ("Condition", sick)):
        lines = "".join(json.dumps(one) + "\n" for one in resources)
        (folder / f"{kind}.ndjson").write_text(lines, "utf-8")
    return folder


def here(app: Flask) -> Service:
    """The service of an application."""
    found: Service = app.extensions["trialmatch"]
    return found


def asked_for(app: Flask, source: Path, **changes: Any) -> str:
    """Ask an application for a prescreen; its id."""
    order = {"source": str(source), "studies": [TRIAL], "asOf": AS_OF, **changes}
    answer = app.test_client().post("/api/v1/prescreens", json=order)
    assert answer.status_code == 202, answer.get_json()
    run: str = answer.get_json()["id"]
    return run


def carried_out(app: Flask, source: Path, **changes: Any) -> Run:
    """A prescreen that has ended."""
    asked_for(app, source, **changes)
    run = prescreen_runs.carry_out_next(here(app))
    assert run is not None and run.ended
    return run


def under_way(app: Flask, source: Path, words: str | None = None) -> Run:
    """A prescreen that somebody carries out and that has said something of itself."""
    asked_for(app, source)
    service = here(app)
    run = runs.claim(service.store, at=service.now())
    assert run is not None
    return runs.update(service.store, run, at=service.now(), progress={"words": words} if words else {})
