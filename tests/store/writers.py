"""Programs that write to a store: ``python -m tests.store.writers WORK URL NAME NUMBER``.

They say "ready", wait for a line on standard input, open the store and work, a line for each thing done. Such a line is
an acknowledgement: it is printed when the store has said that what it names is kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from trialmatch.errors import Stale
from trialmatch.store import attestations, audit, runs, studies, tokens
from trialmatch.store.database import Store

from tests.store.times import NOW

EHR = "https://ehr.example"
ROOT = Path(__file__).parents[2]


def answer(name: str, number: int) -> dict[str, Any]:
    """An answer that can be told from all others, long enough to be written in several pieces."""
    return {"study": "NCT1", "linkId": f"{name}-{number}", "answer": "met", "by": "Dr A", "at": "2026-03-01" * 50}


def event(name: str, number: int) -> dict[str, Any]:
    """An AuditEvent that can be told from all others."""
    who = {"reference": f"Patient/{name}"}
    return {
        "resourceType": "AuditEvent",
        "id": f"{name}-{number}",
        "recorded": NOW.isoformat(),
        "entity": [{"what": who, "description": "x" * 3000}],
    }


def add_answer(store: Store, name: str, number: int) -> None:
    """Add one answer to those of everybody's patient, as a client does: read, change, put; again if it was stale."""
    while True:
        read = attestations.held(store, "shared")
        try:
            entries = [*read.entries, answer(name, number)]
            attestations.put(store, "shared", entries, by=name, at=NOW, expected=read.version)
        except Stale:
            continue
        return


def _answers(store: Store, name: str, number: int) -> str:
    add_answer(store, name, number)
    return f"{name}-{number}"


def _events(store: Store, name: str, number: int) -> str:
    audit.record(store, event(name, number))
    return f"{name}-{number}"


def _tokens(store: Store, name: str, number: int) -> str:
    return f"{number} {tokens.first_use(store, EHR, str(number), NOW + timedelta(minutes=5))}"


def _claims(store: Store, name: str, number: int) -> str:
    run = runs.claim(store, at=NOW)
    return run.id if run else "-"


def _studies(store: Store, name: str, number: int) -> str:
    study = {"resourceType": "ResearchStudy", "id": f"{name}-{number}"}
    return f"{studies.add(store, study, by=name, at=NOW)} {study['id']}"


WORK: dict[str, Callable[[Store, str, int], str]] = {
    "answers": _answers,
    "events": _events,
    "tokens": _tokens,
    "claims": _claims,
    "studies": _studies,
}


@contextmanager
def started(work: str, url: str, name: str, number: int) -> Iterator[Popen[str]]:
    """A writer in a process of its own, killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.store.writers", work, url, name, str(number)]
    with Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def go(*processes: Popen[str]) -> None:
    """Let writers begin, when all of them are ready: at the same moment."""
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def together(work: str, url: str, names: Iterable[str], number: int) -> list[list[str]]:
    """Writers at the same time, each in a process of its own; the lines of each, when all have ended well."""
    with ExitStack() as many:
        processes = [many.enter_context(started(work, url, name, number)) for name in names]
        go(*processes)
        printed = [process.communicate(timeout=120)[0].splitlines() for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes)
    return printed


def main(work: str, url: str, name: str, number: str) -> None:
    """Open the store and do a piece of work so many times."""
    print("ready", flush=True)
    sys.stdin.readline()
    with Store.open(url) as store:
        for one in range(int(number)):
            print(WORK[work](store, name, one), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
