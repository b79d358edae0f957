"""Which gates a row of a survey may speak for: found by reading it as a record, with the reader of facts itself.

A survey sees of a record what names it, word for word, and of everything else only which JSON types it has. Hospitals
have millions of records but few distinct pairs of these, so each distinct pair is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from trialmatch.config import Settings
from trialmatch.fhir.elements import Json
from trialmatch.fhir.patient.facts import reader_of
from trialmatch.fhir.patient.records import Records
from trialmatch.prescreen.gates import Gate
from trialmatch.terminology.mappings import Terminology

_TIMES = ("DateTime", "Instant", "Date", "Period", "Age", "Range", "Timing", "String")

#: By kind: what names a record or tells whether it counts (looked at as it is), and what else its reading looks at
#: (of which only the JSON types matter: a wrong one makes the record unreadable). A test holds this against the reader.
ELEMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Condition": (
        ("code", "stage", "clinicalStatus", "verificationStatus"),
        (
            *(f"onset{suffix}" for suffix in _TIMES),
            *(f"abatement{suffix}" for suffix in _TIMES),
            *("recordedDate", "assertedDate", "encounter"),
        ),
    ),
    "Procedure": (
        ("code", "status"),
        (
            *(f"performed{suffix}" for suffix in _TIMES),
            *(f"occurrence{suffix}" for suffix in _TIMES),
            *("period", "actualPeriod", "started", "date", "encounter", "recorded"),
        ),
    ),
}

#: A value of each type that DuckDB's ``json_structure`` names; mixed arrays ("JSON") are not told apart.
_SAMPLES: dict[str, Any] = {
    "VARCHAR": "x", "UBIGINT": 1, "BIGINT": -1, "HUGEINT": 1, "DOUBLE": 0.5, "BOOLEAN": True, "NULL": None,
}  # fmt: skip


class Binder:
    """Binds rows to gates."""

    def __init__(self, gates: Sequence[Gate], terminology: Terminology, settings: Settings) -> None:
        self.gates, self.terminology, self.settings = gates, terminology, settings

    def of_survey(self, kind: str, named: Sequence[str | None], shaped: Sequence[str | None]) -> frozenset[int]:
        """The gates of rows whose elements (in the order of :data:`ELEMENTS`) have these JSON texts and types."""
        resource: Json = {"resourceType": kind}
        try:
            for key, text in zip(ELEMENTS[kind][0], named, strict=True):
                if text is not None:
                    resource[key] = orjson.loads(text)
            for key, structure in zip(ELEMENTS[kind][1], shaped, strict=True):
                if structure is not None:
                    resource[key] = _sample(orjson.loads(structure))
        except (orjson.JSONDecodeError, KeyError):
            return self._all(kind)  # what is not understood may be anything
        return self.of(resource)

    def of(self, resource: Json) -> frozenset[int]:
        """The gates that a record may speak for; all of its kind where it cannot be read."""
        kind = resource["resourceType"]
        records = Records()
        records.add({"resourceType": "Patient", "id": "p"}, "")
        records.add({**resource, "id": "r", "subject": {"reference": "Patient/p"}}, "")
        facts = reader_of(records, "p", self.terminology, self.settings).read()
        if records.source(kind).state != "complete":
            return self._all(kind)
        return frozenset(number for number, gate in enumerate(self.gates) if gate.kind == kind and gate.holds(facts))

    def _all(self, kind: str) -> frozenset[int]:
        return frozenset(number for number, gate in enumerate(self.gates) if gate.kind == kind)


def _sample(structure: Any) -> Any:
    """A value that has a structure as ``json_structure`` tells it; KeyError for types it does not tell."""
    if isinstance(structure, dict):
        return {key: _sample(inner) for key, inner in structure.items()}
    if isinstance(structure, list):
        return [_sample(inner) for inner in structure]
    return _SAMPLES[structure]
