"""Of versions of one record the newest counts: by when it was made (FHIR R4, Meta.lastUpdated), then by its number."""

from __future__ import annotations

from typing import Any

import pytest
from trialmatch.fhir.patient.records import Record, newest

Json = dict[str, Any]

PAIRS: dict[str, tuple[Json | None, Json | None]] = {  # the older first
    "by time": ({"lastUpdated": "2026-02-28T08:00:00Z"}, {"lastUpdated": "2026-02-28T08:00:01Z"}),
    "of two time zones": ({"lastUpdated": "2026-03-01T00:30:00+01:00"}, {"lastUpdated": "2026-02-28T23:45:00Z"}),
    "parts of a second": ({"lastUpdated": "2026-02-28T08:00:00Z"}, {"lastUpdated": "2026-02-28T08:00:00.5Z"}),
    "digits of it": ({"lastUpdated": "2026-02-28T08:00:00.25Z"}, {"lastUpdated": "2026-02-28T08:00:00.3Z"}),
    "by number": ({"versionId": "9"}, {"versionId": "10"}),
    "by time before number": (
        {"lastUpdated": "2026-02-27T08:00:00Z", "versionId": "7"},
        {"lastUpdated": "2026-02-28T08:00:00Z", "versionId": "2"},
    ),
    "none before any": (None, {"lastUpdated": "1970-01-01T00:00:00Z"}),
    "no time before any": ({"lastUpdated": "yesterday"}, {"lastUpdated": "1970-01-01T00:00:00Z"}),
    "no number before any": ({"versionId": "W/2"}, {"versionId": "1"}),
    "a number that is none": ({"versionId": "9" * 5000}, {"versionId": "²"}),
    "alike: the last": ({"versionId": "1"}, {"versionId": "1"}),
}


@pytest.mark.parametrize("case", PAIRS)
def test_the_newest_version_counts(case: str) -> None:
    older, newer = (
        Record({"resourceType": "Observation", "id": "o1"} | ({"meta": meta} if meta else {}), place)
        for meta, place in zip(PAIRS[case], ("older", "newer"), strict=True)
    )
    assert newest([older, newer]) == [newer]
    if older.resource != newer.resource and "number that" not in case:
        assert newest([newer, older]) == [newer]
