"""kill -9 in the middle of everything: what was acknowledged is there, and only whole things are."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests
from trialmatch.store import attestations, audit, studies
from trialmatch.store.database import Store

from tests.web.process import PATIENCE, Running, running
from tests.web.world import AS_OF, LIKELY, Json, patient_bundle, study_bundle

pytestmark = pytest.mark.slow

CONSENT = {"judgement": "consent", "answer": "met", "by": "", "at": "2026-02-27"}


class _Writer(threading.Thread):
    """Puts one version of a patient's answers after the other until the service is gone; remembers what it was told."""

    def __init__(self, service: Running, patient: str) -> None:
        super().__init__()
        self.url = f"{service.url}/api/v1/patients/{patient}/attestations"
        self.patient = patient
        self.acknowledged = 0
        self.sent = 0

    def run(self) -> None:
        etag = {"If-None-Match": "*"}
        with requests.Session() as session:
            while True:
                self.sent += 1
                entries = [{**CONSENT, "by": f"version {self.sent}"}] * 20
                try:
                    answer = session.put(self.url, json={"attestations": entries}, headers=etag, timeout=PATIENCE)
                except requests.RequestException:
                    return
                assert answer.status_code == 200, answer.text
                self.acknowledged = answer.json()["version"]
                etag = {"If-Match": answer.headers["ETag"]}


class _Reader(threading.Thread):
    """Has one patient matched after the other until the service is gone; remembers whom it was told about."""

    def __init__(self, service: Running, number: int) -> None:
        super().__init__()
        self.url = f"{service.url}/api/v1/matches?as_of={AS_OF}&study=NCT06892145"
        self.number = number
        self.told: list[str] = []

    def run(self) -> None:
        with requests.Session() as session:
            for position in range(1_000_000):
                name = f"patient-{self.number}-{position}"
                bundle: Json = {"resourceType": "Bundle", "type": "collection", "entry": []}
                bundle["entry"].append({"resource": {"resourceType": "Patient", "id": name, "birthDate": "1990"}})
                try:
                    answer = session.post(self.url, json=bundle, timeout=PATIENCE)
                except requests.RequestException:
                    return
                assert answer.json()["patient"] == f"Patient/{name}"
                self.told.append(name)


@pytest.mark.parametrize("seconds", [0.5, 1.3, 2.1])
def test_nothing_acknowledged_is_lost(database: str, tmp_path: Path, seconds: float) -> None:
    with running(tmp_path, database=database) as service:
        writers = [_Writer(service, f"p{number}") for number in range(3)]
        readers = [_Reader(service, number) for number in range(3)]
        for thread in (*writers, *readers):
            thread.start()
        time.sleep(seconds)
        service.kill()
        for thread in (*writers, *readers):
            thread.join(PATIENCE)
    assert sum(one.acknowledged for one in writers) > 0
    assert sum(len(one.told) for one in readers) > 0
    with Store.open(database) as store:
        for writer in writers:
            held = attestations.held(store, writer.patient)
            assert writer.acknowledged <= held.version <= writer.sent
            if held.version:
                assert {one["by"] for one in held.entries} == {f"version {held.version}"}
                assert len(held.entries) == 20
            writes = [one for one in audit.events(store, writer.patient) if one["outcome"] == "0"]
            assert len(writes) >= writer.acknowledged
        for reader in readers:
            for name in reader.told:
                assert len(audit.events(store, name)) == 1
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_added_study_is_there_after_a_kill(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        added = requests.post(f"{service.url}/api/v1/studies", json=study_bundle(), timeout=PATIENCE)
        assert added.status_code == 201
        service.kill()
    with Store.open(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        assert studies.revisions(store) == {"trial-1": 1}
    with running(tmp_path) as service:
        matched = requests.post(
            f"{service.url}/api/v1/matches?as_of={AS_OF}&study=trial-1", json=patient_bundle(LIKELY), timeout=PATIENCE
        )
        assert [one["study"]["id"] for one in matched.json()["matches"]] == ["trial-1"]
