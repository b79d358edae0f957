"""What the HTTP service adds to matching: ``POST /api/v1/matches`` for one patient of 50 resources and five trials.

usage: python bench/service.py [--requests N]

Runs ``trialmatch serve`` with one worker on the loopback address (audit on, SQLite on disk) and asks it over one
connection; the same bytes go through the use case in this process, turn by turn, so that both have the same machine.
Prints percentiles of both, the difference of these, and the processor time of each, which other load on the machine
hardly changes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import requests

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from material import patient
from trialmatch.config import Settings
from trialmatch.fhir.patient.sources import from_bundle
from trialmatch.garbage import settle
from trialmatch.usecases.match import Engine, Question, match_patient

from tests.web.process import Running, running

AIM = 20.0
AS_OF = "2026-03-01"


def percentile(times: list[float], share: float) -> float:
    """The time that ``share`` of all do not exceed, in ms."""
    return sorted(times)[min(int(share * len(times)), len(times) - 1)]


def cpu(service: Running) -> float:
    """The processor time that the workers have used, in seconds (Linux)."""
    ticks = 0
    for pid in service.workers():
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])  # utime and stime: proc(5)
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=400)
    number = parser.parse_args().requests
    content = orjson.dumps(patient())
    engine = Engine.start(Settings.read({}))
    settle()  # as the service does

    def alone() -> bytes:
        records = from_bundle(orjson.loads(content), "body")
        answer = match_patient(engine, records, "p", Question(date.fromisoformat(AS_OF)), "body")
        return orjson.dumps(answer.document(datetime.now(UTC)))

    with TemporaryDirectory() as folder, running(Path(folder), workers=1, rate_limit="1000000 per minute") as service:
        session = requests.Session()
        session.headers["Content-Type"] = "application/json"
        url = f"{service.url}/api/v1/matches?as_of={AS_OF}"

        def over_http() -> bytes:
            return session.post(url, data=content, timeout=60).content

        def live() -> bytes:
            return session.get(f"{service.url}/health/live", timeout=60).content

        assert len(orjson.loads(over_http())["matches"]) == len(orjson.loads(alone())["matches"]) > 0
        ways: dict[str, Callable[[], bytes]] = {"use case alone": alone, "over HTTP": over_http, "empty request": live}
        times: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(number + 30):
            for name, way in ways.items():
                begun = time.perf_counter()
                way()
                if turn >= 30:  # warm
                    times[name].append((time.perf_counter() - begun) * 1000)
        before, begun = cpu(service), time.process_time()
        for _ in range(number):
            alone()
        own = (time.process_time() - begun) / number * 1000
        for _ in range(number):
            over_http()
        workers = (cpu(service) - before) / number * 1000
    resources = len(patient()["entry"])
    print(f"one patient: {resources} resources, {len(content) / 1024:.0f} KiB; five trials; {number} requests, warm")
    for name, measured in times.items():
        print(f"{name:15} median {percentile(measured, 0.5):6.2f} ms   p95 {percentile(measured, 0.95):6.2f} ms")
    half, most = (percentile(times["over HTTP"], one) - percentile(times["use case alone"], one) for one in (0.5, 0.95))
    ratio = percentile(times["over HTTP"], 0.5) / percentile(times["use case alone"], 0.5)
    print(f"{'the service':15} median {half:6.2f} ms   p95 {most:6.2f} ms   × {ratio:.2f} at the median")
    print(f"processor time of one match: alone {own:.2f} ms, in the worker {workers:.2f} ms (× {workers / own:.2f})")
    print(f"aim: p95 of what the service adds ≤ {AIM:.0f} ms: {'met' if most <= AIM else 'missed'}")


if __name__ == "__main__":
    main()
