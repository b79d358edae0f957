"""A live match against the slowest of its searches, on a server that takes 50 ms for every answer.

usage: python bench/live_match.py [--delay 0.05] [--profile]

The server (``bench/far_hospital.py``) runs in a process of its own and answers from memory. The slowest search is the
largest of the medians of the searches, each asked alone on a warm connection. A match is everything from the call to
the document: fetching, reading, judging, five studies. The aim is 1.25 times the former.
"""

from __future__ import annotations

import argparse
import cProfile
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from trialmatch import demo
from trialmatch.config import Settings
from trialmatch.fhir.hospital.background import background
from trialmatch.fhir.hospital.capabilities import server as known
from trialmatch.fhir.hospital.pages import read
from trialmatch.fhir.hospital.searches import Plan, Query
from trialmatch.fhir.hospital.server import fetch
from trialmatch.fhir.hospital.transport import Client, checked
from trialmatch.garbage import settle
from trialmatch.usecases.match import Engine, Question, match_patient

PATIENT = demo.SHOWCASE[0][0]
QUESTION = Question(date(2026, 3, 1))
NOW = datetime(2026, 3, 1, 12, tzinfo=ZoneInfo("UTC"))
AIM = 1.25


@contextmanager
def hospital(delay: float) -> Iterator[str]:
    """The demo hospital behind a server in another process; yields its URL."""
    command = [sys.executable, str(Path(__file__).with_name("far_hospital.py")), str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def median(action: Callable[[], object], times: int = 25) -> tuple[float, float]:
    """The median and 95th percentile in ms of warm runs."""
    for _ in range(3):
        action()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        action()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken), sorted(taken)[int(len(taken) * 0.95)]


def queries(url: str, engine: Engine) -> list[Query]:
    """The searches of a match."""
    plan = Plan(engine.needs(), engine.settings, known(url).capabilities, len(url))
    ways = [plan.way(kind, PATIENT) for kind in plan.needs.types if kind != "Patient"]
    return [query for way in ways if way for query in (*way.queries, *([way.hints] if way.hints else []))]


def alone(url: str, engine: Engine, query: Query) -> Callable[[], object]:
    """One search by itself."""

    async def ask() -> object:
        return await read(Client(checked(url), engine.settings, background().session), query)

    return lambda: background().run(ask())


def match(url: str, engine: Engine) -> dict[str, object]:
    """A live match, to its document."""
    records = fetch(url, PATIENT, engine.settings, engine.needs())
    answer = match_patient(engine, records, PATIENT, QUESTION, url)
    assert answer.complete, answer.problems
    return answer.document(NOW)


def main() -> int:
    """Measure and print; 1 where the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--delay", type=float, default=0.05)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    engine = Engine.start(Settings.read({}))
    settle()  # as the service does
    with hospital(given.delay) as url:
        match(url, engine)
        searches = queries(url, engine)
        slowest = max(median(alone(url, engine, query), 10)[0] for query in searches)
        print(f"slowest of {len(searches)} searches    {slowest:6.1f} ms (= 1)")
        fetched, _ = median(lambda: fetch(url, PATIENT, engine.settings, engine.needs()))
        print(f"fetching alone            {fetched:6.1f} ms = {fetched / slowest:.2f}")
        typical, late = median(lambda: match(url, engine))
        print(f"live match, median        {typical:6.1f} ms = {typical / slowest:.2f}   (p95 {late:.1f} ms)")
        for name, changes in {
            "as one batch": {"fhir_batch": "always"},
            "4 side by side": {"fhir_batch": "never", "fhir_parallel": 4},
            "one by one": {"fhir_batch": "never", "fhir_parallel": 1},
        }.items():
            other = Engine(Settings.read({}, **changes), engine.terminology, engine.studies)
            taken, _ = median(lambda other=other: match(url, other), 8)  # type: ignore[misc]
            print(f"  {name:<24}{taken:6.1f} ms = {taken / slowest:.2f}")
        if given.profile:
            profile = cProfile.Profile()
            profile.runcall(lambda: [match(url, engine) for _ in range(20)])
            profile.print_stats("cumulative")
    return int(typical > AIM * slowest)


if __name__ == "__main__":
    sys.exit(main())
