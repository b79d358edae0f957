"""The hospitals that servers are filled with, and how they are filled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import requests
import trialmatch.demo

Json = dict[str, Any]

DEMO = Path(trialmatch.demo.__file__).parent / "hospital"

#: What others point at comes first: a server may not find its way to a patient who was not there yet.
_FIRST = ("Patient", "Medication", "Encounter")


def resources(folder: Path) -> list[Json]:
    """The resources of a folder of NDJSON, in an order in which a server can take them."""
    found = [orjson.loads(line) for file in sorted(folder.glob("*.ndjson")) for line in file.read_bytes().splitlines()]
    return sorted(found, key=lambda one: one["resourceType"] not in _FIRST)


def load(url: str, entries: Sequence[Json], size: int = 500) -> None:
    """Put the resources on a server under the ids they have, ``size`` a transaction. The server must take them all."""
    with requests.Session() as session:
        for start in range(0, len(entries), size):
            bundle = {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [
                    {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
                    for one in entries[start : start + size]
                ],
            }
            answer = session.post(
                url, data=orjson.dumps(bundle), headers={"Content-Type": "application/fhir+json"}, timeout=120
            )
            if answer.status_code != 200:
                raise RuntimeError(f"{url} did not take the records: {answer.status_code} {answer.text[:1000]}")
            refused = [one for one in answer.json()["entry"] if one["response"]["status"][:2] != "20"]
            if refused:
                raise RuntimeError(f"{url} did not take {len(refused)} records: {refused[0]}")
