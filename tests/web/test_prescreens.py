"""Prescreens as jobs: who may ask for what, how a run goes, what is answered and written down."""

from __future__ import annotations

import fcntl
import io
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from trialmatch.demo import hospital_path
from trialmatch.store import audit, runs
from trialmatch.store.database import Store
from trialmatch.web import housekeeping
from trialmatch.web.app import create_app
from trialmatch.web.prescreens import runs as prescreen_runs
from trialmatch.web.prescreens.jobs import CSV, NDJSON, PARQUET
from trialmatch.web.service import Service

from tests.web.process import running
from tests.web.world import AS_OF, Json, app_of, bearer, issued, settings_of, study_bundle

ASKED = {"source": "", "studies": ["NCT06892145"], "asOf": AS_OF}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Where a hospital's exports lie, one of them the demo hospital, and where runs are kept."""
    exports, kept = tmp_path / "exports", tmp_path / "kept"
    exports.mkdir()
    kept.mkdir()
    shutil.copytree(hospital_path(), exports / "demo")
    return exports, kept


@pytest.fixture
def app(folders: tuple[Path, Path], store: Store, tmp_path: Path) -> Flask:
    """A service that may read the exports; its runs are carried out when a test says so."""
    exports, kept = folders
    settings = settings_of(tmp_path, prescreen_sources=str(exports), prescreen_dir=str(kept), prescreen_jobs=1)
    return create_app(settings, store=store)


@pytest.fixture
def caller(app: Flask) -> FlaskClient:
    return app.test_client()


def here(app: Flask) -> Service:
    found: Service = app.extensions["trialmatch"]
    return found


def ask(caller: FlaskClient, folders: tuple[Path, Path], **changes: Any) -> str:
    """Ask for a prescreen of the demo hospital; where it is followed."""
    answer = caller.post("/api/v1/prescreens", json={**ASKED, "source": str(folders[0] / "demo"), **changes})
    assert answer.status_code == 202, answer.get_json()
    place: str = answer.headers["Content-Location"]
    return place


def errors(answer: Any) -> list[Json]:
    found: list[Json] = answer.get_json()["errors"]
    return found


def test_from_asking_to_results(app: Flask, caller: FlaskClient, folders: tuple[Path, Path], store: Store) -> None:
    place = ask(caller, folders)
    waiting = caller.get(place)
    assert (waiting.status_code, waiting.headers["X-Progress"], waiting.headers["Retry-After"]) == (202, "waiting", "5")
    assert waiting.get_json()["state"] == "queued"
    assert caller.get(f"{place}/results").status_code == 404

    run = prescreen_runs.carry_out_next(here(app))
    assert run is not None and run.state == "done"

    done = caller.get(place)
    assert done.status_code == 200
    document = done.get_json()
    assert document["request"] == {**ASKED, "source": str(folders[0] / "demo"), "since": None}
    assert document["summary"]["state"] == "complete"
    people = (folders[0] / "demo" / "Patient.ndjson").read_text("utf-8").splitlines()
    counts = document["summary"]["counts"]
    assert counts["patients"] + counts["replaced"] == len(people)
    (study,) = document["summary"]["studies"]
    rows = [json.loads(line) for line in caller.get(f"{place}/results").data.splitlines()]
    assert len(rows) == study["eligible"] + study["likely"] + study["possible"] > 0
    out = folders[1] / run.id / "out"
    assert rows == pq.read_table(out / "matches.parquet").to_pylist()

    for kind, file in ((CSV, "screening-log.csv"), (PARQUET, "matches.parquet")):
        answer = caller.get(f"{place}/results", headers={"Accept": kind})
        assert answer.mimetype == kind
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.data == (out / file).read_bytes()
    assert pq.read_table(io.BytesIO(answer.data)).num_rows == len(rows)
    assert caller.get(f"{place}/results", headers={"Accept": NDJSON}).mimetype == NDJSON
    assert caller.get(f"{place}/results", headers={"Accept": "image/png"}).status_code == 406
    assert [one["id"] for one in caller.get("/api/v1/prescreens").get_json()] == [run.id]
    assert caller.delete(place).status_code == 409


def test_whoever_reads_results_has_read_these_patients(
    app: Flask, caller: FlaskClient, folders: tuple[Path, Path], store: Store
) -> None:
    place = ask(caller, folders)
    prescreen_runs.carry_out_next(here(app))
    (asked,) = audit.events(store)
    assert (asked["action"], asked["purposeOfEvent"][0]["text"]) == ("C", "POST /api/v1/prescreens")
    assert asked["entity"][0]["description"].endswith("/exports/demo")
    rows = [json.loads(line) for line in caller.get(f"{place}/results").data.splitlines()]
    patients = {row["patient"].removeprefix("Patient/") for row in rows}
    for patient in patients:
        (read,) = audit.events(store, patient=patient)
        assert (read["action"], read["purposeOfEvent"][0]["text"]) == ("R", "GET /api/v1/prescreens/{run}/results")
    assert len(audit.events(store)) == 2  # the state tells of no patient


@pytest.mark.parametrize(
    "source",
    ["/", "{exports}/../kept", "{exports}/nowhere", "{exports}/demo/Patient.ndjson", "exports/demo", "hospital",
     "hospital/Group/lupus", "https://elsewhere.example/fhir", "{exports}/out", "\0"],
)  # fmt: skip
def test_what_the_service_may_not_read(
    caller: FlaskClient, folders: tuple[Path, Path], tmp_path: Path, source: str
) -> None:
    """Neither by dots nor by links; whether there is such a folder is not told."""
    (folders[0] / "out").symlink_to(tmp_path)
    answer = caller.post("/api/v1/prescreens", json={**ASKED, "source": source.format(exports=folders[0])})
    assert answer.status_code == 422
    assert errors(answer) == [
        {
            "path": "body.source",
            "detail": "no source that the service may read; expected one of TRIALMATCH_PRESCREEN_SOURCES",
        }
    ]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"asOf": "yesterday"}, "body.asOf"),
        ({"studies": ["NCT1"]}, "query.study"),
        ({"since": "nothing"}, "body.since"),
        ({"else": 1}, "body.else"),
    ],
)
def test_what_is_no_order(caller: FlaskClient, folders: tuple[Path, Path], changes: Json, path: str) -> None:
    answer = caller.post("/api/v1/prescreens", json={**ASKED, "source": str(folders[0] / "demo"), **changes})
    assert answer.status_code == 422
    assert [one["path"] for one in errors(answer)] == [path]
    assert caller.get("/api/v1/prescreens").get_json() == []


def test_only_those_with_the_scope(tmp_path: Path) -> None:
    caller = app_of(tmp_path, **issued(tmp_path)).test_client()
    for method, path in (
        ("post", "/prescreens"), ("get", "/prescreens"), ("get", "/prescreens/a"), ("delete", "/prescreens/a"),
        ("get", "/prescreens/a/results"),
    ):  # fmt: skip
        assert getattr(caller, method)(f"/api/v1{path}").status_code == 401
        assert getattr(caller, method)(f"/api/v1{path}", headers=bearer()).status_code == 403
    assert caller.get("/api/v1/prescreens/a", headers=bearer("trialmatch/prescreen")).status_code == 404


def test_a_service_without_a_folder_for_them(tmp_path: Path) -> None:
    caller = app_of(tmp_path).test_client()
    assert caller.post("/api/v1/prescreens", json={**ASKED, "source": "/"}).status_code == 404


def test_studies_that_were_added_are_prescreened(
    app: Flask, caller: FlaskClient, folders: tuple[Path, Path]
) -> None:
    assert caller.post("/api/v1/studies", json=study_bundle("mine")).status_code == 201
    place = ask(caller, folders, studies=["mine"])
    prescreen_runs.carry_out_next(here(app))
    (study,) = caller.get(place).get_json()["summary"]["studies"]
    assert study["id"] == "mine" and study["possible"] > 0


def test_a_study_that_another_worker_has_added_is_prescreened(
    app: Flask, caller: FlaskClient, folders: tuple[Path, Path], store: Store
) -> None:
    """The worker that carries the run out has not been asked for anything since, and so knows nothing of the study."""
    other = create_app(here(app).settings, store=store).test_client()
    assert other.post("/api/v1/studies", json=study_bundle("mine")).status_code == 201
    ask(other, folders, studies=[])
    run = prescreen_runs.carry_out_next(here(app))
    assert run is not None and run.state == "done"
    studies = caller.get(f"/api/v1/prescreens/{run.id}").get_json()["summary"]["studies"]
    assert "mine" in [one["id"] for one in studies]


def test_what_has_changed_since_an_earlier_run(app: Flask, caller: FlaskClient, folders: tuple[Path, Path]) -> None:
    first = ask(caller, folders)
    prescreen_runs.carry_out_next(here(app))
    ask(caller, folders, since=first.rsplit("/", 1)[-1])
    run = prescreen_runs.carry_out_next(here(app))
    assert run is not None and run.state == "done"
    assert (folders[1] / run.id / "out" / "changes.csv").exists()


def test_a_run_that_fails_says_why(app: Flask, caller: FlaskClient, folders: tuple[Path, Path]) -> None:
    (folders[0] / "empty").mkdir()
    place = ask(caller, folders, source=str(folders[0] / "empty"))
    run = prescreen_runs.carry_out_next(here(app))
    assert run is not None and run.state == "failed"
    answer = caller.get(place)
    assert answer.status_code == 422
    assert "no NDJSON in it; expected files named like" in answer.get_json()["detail"]
    assert caller.get(f"{place}/results").status_code == 404


def test_an_incomplete_run_is_done_and_says_so(app: Flask, caller: FlaskClient, folders: tuple[Path, Path]) -> None:
    with (folders[0] / "demo" / "Observation.ndjson").open("ab") as stream:
        stream.write(b"{oops\n")
    place = ask(caller, folders)
    prescreen_runs.carry_out_next(here(app))
    summary = caller.get(place).get_json()["summary"]
    assert (summary["state"], [*summary["partial"]]) == ("incomplete", ["Observation"])


def test_a_run_that_waits_is_cancelled(app: Flask, caller: FlaskClient, folders: tuple[Path, Path]) -> None:
    place = ask(caller, folders)
    assert caller.delete(place).status_code == 204
    assert caller.get(place).status_code == 410
    assert prescreen_runs.carry_out_next(here(app)) is None
    assert [*folders[1].iterdir()] == []


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command takes for ever, and its worker looks often."""
    real = subprocess.Popen

    def endless(command: list[str], **more: Any) -> Any:
        said = more["stderr"]
        said.write(b"prescreen: reading 1 of 2 MB, 3 MB/s\n")
        said.flush()
        return real([*command[:1], "-c", "import time; time.sleep(600)"], **more)

    monkeypatch.setattr("trialmatch.web.prescreens.runs.subprocess.Popen", endless)
    monkeypatch.setattr(prescreen_runs, "_ALIVE", 0.1)
    yield


@pytest.mark.usefixtures("slowly")
def test_a_run_under_way_is_followed_and_cancelled(
    app: Flask, caller: FlaskClient, folders: tuple[Path, Path], store: Store
) -> None:
    place, ended = ask(caller, folders), []
    worker = threading.Thread(target=lambda: ended.append(prescreen_runs.carry_out_next(here(app))))
    worker.start()
    until = time.monotonic() + 30
    while caller.get(place).headers.get("X-Progress") != "reading 1 of 2 MB, 3 MB/s":
        assert time.monotonic() < until
        time.sleep(0.05)
    other = ask(caller, folders)
    assert prescreen_runs.carry_out_next(here(app)) is None  # one at a time
    assert caller.delete(place).status_code == 204
    worker.join(30)
    assert [run.state for run in ended] == ["cancelled"]
    assert [*folders[1].iterdir()] == []
    assert caller.get(other).get_json()["state"] == "queued"


def test_a_run_whose_worker_has_gone_is_gone_on_with(
    app: Flask, caller: FlaskClient, folders: tuple[Path, Path], store: Store
) -> None:
    """What was kept by another version is no use: the run begins anew."""
    place = ask(caller, folders)
    gone = here(app).now() - timedelta(hours=1)
    claimed = runs.claim(store, at=gone)
    assert claimed is not None
    work = folders[1] / claimed.id / "out" / ".prescreen"
    work.mkdir(parents=True)
    (work / "plan.json").write_text(json.dumps({"version": "0.0.0"}))
    run = prescreen_runs.carry_out_next(here(app))
    assert run is not None and (run.id, run.state) == (claimed.id, "done")
    assert caller.get(place).status_code == 200


def test_results_go_with_their_run(app: Flask, caller: FlaskClient, folders: tuple[Path, Path]) -> None:
    place = ask(caller, folders)
    prescreen_runs.carry_out_next(here(app))
    service = here(app)
    later = service.now() + timedelta(days=400)
    service._clock = lambda: later
    housekeeping.tidy(service)
    assert caller.get(place).status_code == 404
    assert [*folders[1].iterdir()] == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("hospital", "https://hospital.example/fhir"),
        ("hospital/Group/a", "https://hospital.example/fhir/Group/a"),
        ("/x", "/x"),
    ],
)
def test_the_hospital_is_that_of_the_settings(tmp_path: Path, asked: str, told: str) -> None:
    settings = settings_of(tmp_path, fhir_server="https://hospital.example/fhir/")
    assert prescreen_runs.source(settings, asked) == told


def test_a_process_ends_with_its_service(tmp_path: Path) -> None:
    """Its standard input is at its end as soon as the service is gone; it was waiting for the lock of another."""
    with (tmp_path / "lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "trialmatch.cli.held", str(tmp_path / "lock"), "--version"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        time.sleep(0.5)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(30) == 1


@pytest.mark.slow
def test_the_service_carries_them_out(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """``trialmatch serve`` with two workers: whichever looks first; killed with the service, the run ends as well."""
    exports, kept = folders
    with running(tmp_path, prescreen_sources=exports, prescreen_dir=kept, prescreen_jobs=2) as service:
        order = {**ASKED, "source": str(exports / "demo")}
        place = service.url + requests.post(f"{service.url}/api/v1/prescreens", json=order).headers["Content-Location"]
        until = time.monotonic() + 90
        while (answer := requests.get(place)).status_code == 202:
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.2)
        assert answer.status_code == 200, answer.text
        assert requests.get(f"{place}/results").text.count("\n") > 0

        requests.post(f"{service.url}/api/v1/prescreens", json=order)
        while len([*kept.glob("*/lock")]) < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        service.kill()
    for one in kept.iterdir():  # nobody holds the lock of a run any more
        with (one / "lock").open("wb") as lock:
            _held(lock)


def _held(lock: Any) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            assert time.monotonic() < until
            time.sleep(0.1)
