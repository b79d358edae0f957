"""The demo hospital: synthetic patients, shipped as FHIR R4 Bulk Data (NDJSON). See README.md beside this file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

INDEX_DATE = "2026-03-01"
"""The as-of date that the records are written for (ISO 8601)."""

SHOWCASE: tuple[tuple[str, str], ...] = (
    ("lupus-likely-01", "everything measured and fine: what is left are a person's answers"),
    ("lupus-missing-01", "heart, oxygen and viruses never tested: what to order"),
    ("lupus-renal-01", "one fact rules the trial out, shown with the result it rests on"),
    ("lupus-vague-01", "events too vaguely dated to decide: nothing is guessed"),
)
"""Patients worth showing first: (Patient.id, one line why)."""


def hospital_path() -> Path:
    """The folder of NDJSON files, one per resource type, plain files on disk also from an installed wheel."""
    return Path(str(files(__name__) / "hospital"))


def attestations_path() -> Path:
    """A file for ``--attestations``: with it one patient becomes eligible."""
    return Path(str(files(__name__) / "attestations.json"))
