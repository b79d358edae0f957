"""What of a folder or a Bundle is taken in, and what makes it incomplete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trialmatch.errors import BadInput
from trialmatch.fhir.patient.records import FACT_TYPES, Records, identities
from trialmatch.fhir.patient.sources import from_bundle, from_folder

Json = dict[str, Any]

PATIENT = {"resourceType": "Patient", "id": "p"}


def bundle(*entries: Any) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def incomplete(records: Records) -> set[str]:
    return {name for name, source in records.sources.items() if source.state != "complete"}


def test_an_entry_of_a_bundle_in_a_bundle_that_cannot_be_read() -> None:
    """It could have been of any type: silence about none of them says anything."""
    records = from_bundle(bundle({"resource": PATIENT}, {"resource": bundle({"resource": {"id": "x"}}, 5)}), "b")
    assert incomplete(records) == set(FACT_TYPES)
    assert len(records.problems) == 2 and all("entry[1]: entry[" in words for words in records.problems)


def test_a_line_that_is_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT))
    (tmp_path / "Condition.ndjson").write_text(json.dumps(bundle({"resource": {"resourceType": "Condition"}})))
    records = from_folder(tmp_path)
    assert incomplete(records) == set(FACT_TYPES) and not records.by_type.get("Condition")
    assert records.problems == [f"{tmp_path}/Condition.ndjson:1: a Bundle; expected one resource a line"]


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT))
    (tmp_path / "Condition.ndjson").symlink_to(tmp_path / "gone")
    with pytest.raises(BadInput, match=r"Condition\.ndjson: a link that leads nowhere; expected a file"):
        from_folder(tmp_path)


def _merged(**links: str) -> Records:
    """Patients by id, each with one link such as ``replaced-by new``."""
    records = Records()
    for name, words in links.items():
        kind, other = words.split() if words else ("", "")
        link = [{"type": kind, "other": {"reference": f"Patient/{other}"}}] if words else []
        records.add({"resourceType": "Patient", "id": name, "link": link}, name)
    return records


@pytest.mark.parametrize(
    ("links", "asked", "current", "ids"),
    [
        ({"old": "replaced-by new", "new": ""}, "new", "new", "old new"),
        ({"old": "replaced-by new", "new": ""}, "old", "new", "old new"),
        ({"old": "", "new": "replaces old"}, "new", "new", "old new"),
        ({"old": "", "new": "replaces old"}, "old", "old", "old"),
        ({"oldest": "replaced-by old", "old": "replaced-by new", "new": ""}, "new", "new", "oldest old new"),
        ({"a": "seealso b", "b": ""}, "b", "b", "b"),
    ],
)
def test_who_is_who(links: dict[str, str], asked: str, current: str, ids: str) -> None:
    assert identities(_merged(**links), asked) == (current, frozenset(ids.split()))


def test_patients_that_come_later_are_seen() -> None:
    records = _merged(new="")
    assert identities(records, "new") == ("new", frozenset({"new"}))
    records.take(_merged(old="replaced-by new"))
    assert identities(records, "new") == ("new", frozenset({"old", "new"}))
