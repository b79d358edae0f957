"""CDS Hooks at the service: a full prefetch against 5 and 1,000 studies, and a call without prefetch.

usage: python bench/cds.py [--profile]

A call is everything between request and answer: JSON, checks, reading, judging, cards, the cards kept in SQLite and the
audit event, which is on disk before the answer. Aims (p95, warm): 20 ms with full prefetch and the five shipped
studies, 100 ms with 1,000 studies, 500 ms where everything is fetched from a FHIR server, which here runs in a process
of its own and answers from memory. The ratio is to parsing the same body with orjson in the same run.

The first line says how the machine was at that time: what 10 ms of CPU take on the wall's clock, and what a write takes
to reach the disk. Aims are of the wall's clock; the CPU time of the thread stands beside it.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from flask import Flask
from flask.testing import FlaskClient
from live_match import hospital
from material import patient, study
from trialmatch import demo
from trialmatch.config import Settings
from trialmatch.garbage import settle
from trialmatch.web.app import create_app

Json = dict[str, Any]

SERVICE = "/cds-services/trial-match"
PATIENT = "lupus-missing-01"


@dataclass(frozen=True)
class Timing:
    """Milliseconds of warm calls: median and 95th percentile of the wall, 95th of the CPU."""

    median: float
    late: float
    cpu: float


def timed(action: Callable[[], object], times: int) -> Timing:
    """Time an action, warm."""
    for _ in range(5):
        action()
    walls, cpus = [], []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.thread_time()
        action()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.thread_time() - cpu) * 1000)
    return Timing(sorted(walls)[times // 2], sorted(walls)[int(times * 0.95)], sorted(cpus)[int(times * 0.95)])


def machine(folder: Path) -> str:
    """How busy the machine is, in words."""
    shares, writes = [], []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(40):
            wall, cpu = time.perf_counter(), time.thread_time()
            while time.thread_time() - cpu < 0.010:
                pass
            shares.append((time.perf_counter() - wall) * 1000)
            file.write(bytes(4096))
            wall = time.perf_counter()
            os.fsync(file.fileno())
            writes.append((time.perf_counter() - wall) * 1000)
    cpu, disk = statistics.median(shares), statistics.median(writes)
    return f"machine: 10 ms of CPU take {cpu:.0f} ms (p95 {sorted(shares)[37]:.0f}), a write to the disk {disk:.1f} ms"


def service(folder: Path, **settings: Any) -> Flask:
    """The service on the day that the records are written for, as a worker runs it."""
    database = f"sqlite:///{folder / 'store.sqlite'}"
    app = create_app(Settings.read({}, database=database, rate_limit="1000000 per minute", **settings))
    app.extensions["trialmatch"].now = lambda: datetime.fromisoformat(f"{demo.INDEX_DATE}T12:00:00+00:00")
    settle()  # as the service does
    return app


def call(client: FlaskClient, identity: str, resources: list[Json] | None, **more: Any) -> bytes:
    """The body of a call: resources by the types of the templates, or none at all."""
    body: Json = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/p1", "patientId": identity},
        **more,
    }
    if resources is not None:
        templates = client.get("/cds-services").json["services"][0]["prefetch"]
        body["prefetch"] = {key: _filled(query, resources) for key, query in templates.items()}
    return orjson.dumps(body)


def _filled(query: str, resources: list[Json]) -> Json | None:
    """The answer to a template; every Observation for each list of codes that names it."""
    kind, _, rest = query.partition("?")
    if not rest:
        return next(one for one in resources if one["resourceType"] == "Patient")
    codes = set(rest.partition("&code=")[2].partition("&")[0].split(","))
    found = [
        one
        for one in resources
        if one["resourceType"] == kind
        and (kind != "Observation" or codes & {coding["code"] for coding in one["code"].get("coding", ())})
    ]
    entries = [{"resource": one} for one in found]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries} if entries else None


def demo_records(identity: str) -> list[Json]:
    """The records of a demo patient."""
    lines = [line for file in sorted(demo.hospital_path().glob("*.ndjson")) for line in file.open(encoding="utf-8")]
    records = map(json.loads, lines)
    return [
        one
        for one in records
        if f'"Patient/{identity}"' in json.dumps(one) or (one["resourceType"], one["id"]) == ("Patient", identity)
    ]


def report(name: str, client: FlaskClient, body: bytes, aim: float, times: int, profile: bool) -> bool:
    """Measure one kind of call; whether its aim is met."""

    def act() -> int:
        answer = client.post(SERVICE, data=body, content_type="application/json")
        assert answer.status_code == 200, answer.text
        return len(answer.json["cards"])

    number = act()
    floor = timed(lambda: orjson.loads(body), 200).median
    taken = timed(act, times)
    met = taken.late <= aim
    print(
        f"{name:34} {len(body) / 1024:6.0f} KiB {number} cards  median {taken.median:7.1f}  p95 {taken.late:7.1f} ms"
        f"  (aim {aim:3.0f}: {'met' if met else 'missed'})  CPU p95 {taken.cpu:6.1f}  × {taken.median / floor:7.0f}"
    )
    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(lambda: [act() for _ in range(20)])
        pstats.Stats(profiler).sort_stats("tottime").print_stats(30)
    return met


def main() -> int:
    """Measure and print; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    met = []
    with tempfile.TemporaryDirectory() as name, hospital(0.0) as url:
        folder = Path(name)
        print(machine(folder))
        client = service(folder, fhir_allowed=url).test_client()
        body = call(client, PATIENT, demo_records(PATIENT))
        met.append(report("full prefetch, 5 studies", client, body, 20, 300, given.profile))
        body = call(client, PATIENT, None, fhirServer=url)
        met.append(report("no prefetch, fetched, 5 studies", client, body, 500, 100, given.profile))

        studies = folder / "studies.json"
        entries = [{"resource": one} for number in range(1_000) for one in study(number)]
        studies.write_bytes(orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
        many = service(folder, studies=str(studies), study_bytes=100_000_000).test_client()
        body = call(many, "p", [entry["resource"] for entry in patient()["entry"]])
        met.append(report("full prefetch, 1,000 studies", many, body, 100, 60, given.profile))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
