"""Closed-loop load: as many matches as two cores give, for some minutes; no error, flat memory.

usage: python bench/load.py [--minutes M] [--clients N]

``trialmatch serve`` with two workers on the loopback address. Each client is a process that asks the next thing as soon
as it has the answer: mostly ``POST /api/v1/matches`` for a patient of 50 resources and five trials, now and then a
match from the demo hospital, a page of studies, a patient's attestations written. Prints the rate by minute, errors,
latencies, and the memory of each process at the beginning (after a warm-up of 15 s) and at the end.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import subprocess
import sys
import time
from collections import Counter
from multiprocessing.queues import Queue
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import requests

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from material import patient

from tests.web.process import Running, running
from tests.web.world import hospital_served

AS_OF = "2026-03-01"
WARM = 15.0

#: Growth of a process's memory that is still flat: caches fill, allocators keep what they have.
FLAT = 1.10


def client(number: int, url: str, until: float, told: Queue[Any]) -> None:
    """Ask until the time is over; tell when each answer came, how long it took, and its status."""
    body, session, answers = orjson.dumps(patient()), requests.Session(), []
    mine = f"{url}/api/v1/patients/load-{number}/attestations"
    turn = 0
    while time.time() < until:
        turn += 1
        begun = time.time()
        try:
            if turn % 20 == 0:
                one = {"judgement": "consent", "answer": "met", "by": "a client", "at": AS_OF}
                etag = session.get(mine, timeout=60).headers["ETag"]
                condition = {"If-None-Match": "*"} if etag == '"0"' else {"If-Match": etag}
                answer = session.put(mine, json={"attestations": [one]}, headers=condition, timeout=60)
            elif turn % 10 == 0:
                answer = session.get(f"{url}/api/v1/patients/lupus-likely-01/matches?as_of={AS_OF}", timeout=60)
            elif turn % 10 == 5:
                answer = session.get(f"{url}/api/v1/studies", timeout=60)
            else:
                target, kind = f"{url}/api/v1/matches?as_of={AS_OF}", {"Content-Type": "application/json"}
                answer = session.post(target, data=body, headers=kind, timeout=60)
            status = str(answer.status_code)
            if "Trialmatch-Incomplete" in answer.headers:
                status += " incomplete"
        except requests.RequestException as problem:
            status = type(problem).__name__
        answers.append((begun, time.time() - begun, status))
    told.put(answers)


def memory(service: Running) -> dict[int, float]:
    """Resident memory of the master and the workers, in MiB."""
    pids = [service.process.pid, *service.workers()]
    found = subprocess.run(["ps", "-o", "pid=,rss=", *map(str, pids)], capture_output=True, text=True, check=True)
    return {int(pid): int(kilobytes) / 1024 for pid, kilobytes in (line.split() for line in found.stdout.splitlines())}


def main() -> None:
    """Load and print; exit code 1 where there was an error or memory grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=4)
    given = parser.parse_args()
    with (
        TemporaryDirectory() as folder,
        hospital_served() as hospital,
        running(Path(folder), workers=2, fhir_server=hospital, rate_limit="1000000 per minute") as service,
    ):
        told: Queue[Any] = multiprocessing.Queue()
        begin = time.time() + WARM
        until = begin + given.minutes * 60
        clients = [
            multiprocessing.Process(target=client, args=(number, service.url, until, told), daemon=True)
            for number in range(given.clients)
        ]
        for one in clients:
            one.start()
        time.sleep(max(begin - time.time(), 0))
        before = memory(service)
        time.sleep(max(until - time.time() - 1, 0))
        after = memory(service)
        answers = [answer for _ in clients for answer in told.get()]
        log = service.log.read_text()
    answers = [answer for answer in answers if answer[0] >= begin]
    statuses = Counter(status for _, _, status in answers)
    minutes = Counter(int((begun - begin) // 60) for begun, _, _ in answers)
    times = sorted(taken * 1000 for _, taken, _ in answers)
    print(f"{given.minutes:g} minutes, {given.clients} clients, {len(answers)} answers: {dict(statuses)}")
    print("answers in each minute: " + ", ".join(str(minutes[one]) for one in sorted(minutes)))
    print("latency " + "  ".join(f"p{share}: {times[int(len(times) * share / 100)]:.1f} ms" for share in (50, 95, 99)))
    for pid, mebibytes in before.items():
        name = "master" if pid == service.process.pid else "worker"
        print(f"{name} {pid}: {mebibytes:.1f} MiB at the beginning, {after.get(pid, 0):.1f} MiB at the end")
    failures = len(re.findall('"event": "failure"', log))
    flat = after.keys() == before.keys() and all(after[pid] <= before[pid] * FLAT for pid in before)
    told_errors = len(answers) - statuses["200"]
    print(f"errors: {told_errors} told, {failures} in the log; memory {'flat' if flat else 'grew'}")
    good = not told_errors and not failures and flat
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
