"""Writes the demo hospital: ``python -m trialmatch.demo.generate OUT [--seed N]``.

The output is FHIR R4 Bulk Data: one NDJSON file per resource type, resources in the order of the patients, keys in the
order in which they are written below, UTF-8, ``\\n``. The same seed gives the same bytes on every machine, which a test
holds against the files that are shipped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from trialmatch.demo import lupus_closed, lupus_open, others
from trialmatch.demo.cases import CASES
from trialmatch.demo.chart import Chart, Json

SEED = 20260301
TYPES = (
    "Patient", "Encounter", "Condition", "Procedure", "Observation", "Medication", "MedicationRequest",
    "MedicationStatement", "MedicationAdministration", "MedicationDispense", "Immunization", "AllergyIntolerance",
)  # fmt: skip
PARTS = (lupus_open, lupus_closed, others)
"""The modules whose import registers the patients, in this order."""


def resources(seed: int = SEED) -> list[Json]:
    """All resources of all patients, patient by patient."""
    result: list[Json] = []
    for serial, case in enumerate(CASES, start=1):
        chart = Chart(case.id, seed, serial, gender=case.gender, birth=case.birth, house=case.house)
        case.write(chart)
        result += chart.resources
    return result


def files(seed: int = SEED) -> dict[str, bytes]:
    """File name → content, one NDJSON file per resource type."""
    lines: dict[str, list[str]] = {kind: [] for kind in TYPES}
    for resource in resources(seed):
        lines[resource["resourceType"]].append(json.dumps(resource, ensure_ascii=False, separators=(",", ":")) + "\n")
    return {f"{kind}.ndjson": "".join(rows).encode() for kind, rows in lines.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files into a folder, which is made where it does not exist."""
    parser = argparse.ArgumentParser(prog="python -m trialmatch.demo.generate", description="Write the demo hospital.")
    parser.add_argument("out", type=Path, help="folder for the NDJSON files")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in files(options.seed).items():
        (options.out / name).write_bytes(content)


if __name__ == "__main__":
    main()
