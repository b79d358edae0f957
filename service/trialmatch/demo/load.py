"""Fills a FHIR server with a hospital: ``python -m trialmatch.demo.load http://localhost:8080/fhir [FOLDER]``.

Every resource is put under the id that it has, so that loading twice changes nothing. FOLDER holds NDJSON files;
without one it is the demo hospital. A server that is still starting is waited for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from trialmatch.demo import hospital_path

Json = dict[str, Any]

#: What others point at comes first: a server may not find its way to a patient who was not there yet.
_FIRST = ("Patient", "Medication", "Encounter")

#: Seconds that a server may take to start, and to take in a part of the hospital.
_PATIENCE = 300


class NotLoaded(Exception):
    """The server cannot be reached, or does not take the records."""


def resources(folder: Path) -> list[Json]:
    """The resources of a folder of NDJSON, in an order in which a server can take them."""
    found = [orjson.loads(line) for file in sorted(folder.glob("*.ndjson")) for line in file.read_bytes().splitlines()]
    return sorted(found, key=lambda one: (*_FIRST, one["resourceType"]).index(one["resourceType"]))


def wait(url: str, patience: float = _PATIENCE) -> None:
    """Come back when the server says what it can do. Raises NotLoaded when it does not in so many seconds."""
    passing = (requests.ConnectionError, requests.Timeout, requests.HTTPError)
    try:
        for attempt in Retrying(
            retry=retry_if_exception_type(passing), stop=stop_after_delay(patience), wait=wait_fixed(1), reraise=True
        ):
            with attempt:
                requests.get(f"{url}/metadata", timeout=60).raise_for_status()
    except requests.RequestException as problem:
        raise NotLoaded(f"{url}: does not answer ({type(problem).__name__})") from None


def load(url: str, entries: Sequence[Json], size: int = 500) -> None:
    """Put resources on a server, ``size`` of them in a transaction. Raises NotLoaded unless it takes them all."""
    with requests.Session() as session:
        session.headers["Content-Type"] = "application/fhir+json"
        for start in range(0, len(entries), size):
            bundle = {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [
                    {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
                    for one in entries[start : start + size]
                ],
            }
            try:
                answer = session.post(url, data=orjson.dumps(bundle), timeout=_PATIENCE)
                taken = answer.json()["entry"] if answer.ok else []
            except (requests.RequestException, ValueError, KeyError) as problem:
                raise NotLoaded(f"{url}: does not take the records ({type(problem).__name__})") from None
            refused = [one["response"]["status"] for one in taken if not one["response"]["status"].startswith("20")]
            if refused or not taken:
                raise NotLoaded(f"{url}: does not take the records ({refused[0] if refused else answer.status_code})")


def main(arguments: Sequence[str]) -> int:
    """Load a hospital; 4 where the server does not have it all in the end."""
    if len(arguments) not in (1, 2):
        print("python -m trialmatch.demo.load URL [FOLDER]", file=sys.stderr)
        return 2
    url = arguments[0].rstrip("/")
    entries = resources(Path(arguments[1]) if arguments[1:] else hospital_path())
    try:
        wait(url)
        load(url, entries)
    except NotLoaded as problem:
        print(problem, file=sys.stderr)
        return 4
    print(f"{url} holds the {len(entries)} records")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
