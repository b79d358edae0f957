"""The audit log: what is recorded comes back whole, in order, by patient and by time, and nobody changes it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError
from trialmatch.errors import BadInput
from trialmatch.store import audit
from trialmatch.store.database import Store
from trialmatch.store.tables import audit_events, audit_patients

from tests.store.times import NOW, days


def event(name: str, *references: str, recorded: str = "2026-03-01T09:30:00Z") -> dict[str, Any]:
    """An AuditEvent about some resources."""
    entity = [{"what": {"reference": one}} for one in references]
    return {"resourceType": "AuditEvent", "id": name, "recorded": recorded, "outcome": "0", "entity": entity}


def names(events: list[dict[str, Any]]) -> list[str]:
    """Their ids."""
    return [one["id"] for one in events]


def test_events_come_back_whole_and_in_order(store: Store) -> None:
    first = event("b", "Patient/1") | {"x": {"b": 1, "a": [None, "ü"]}}
    second = {"recorded": "2026-03-01T09:30:00+01:00", "resourceType": "AuditEvent"}
    for one in (first, second):
        audit.record(store, one)
    assert audit.events(store) == [first, second]
    assert [list(one) for one in audit.events(store)] == [list(first), list(second)]


def test_the_same_event_twice_is_two_events(store: Store) -> None:
    for _ in range(2):
        audit.record(store, event("a", "Patient/1"))
    assert names(audit.events(store, "1")) == ["a", "a"]


def test_events_about_a_patient(store: Store) -> None:
    """Merged patients are two in one event; a server's URL before the id is no matter; a Group is no Patient."""
    audit.record(store, event("one", "Patient/1"))
    audit.record(store, event("both", "Patient/2", "Patient/1", "Patient/1"))
    audit.record(store, event("absolute", "https://ehr.example/fhir/Patient/1"))
    audit.record(store, event("version", "Patient/1/_history/2"))
    audit.record(store, event("other", "Patient/11", "Group/1", "urn:uuid:1", "1"))
    audit.record(store, event("none"))
    assert names(audit.events(store, "1")) == ["one", "both", "absolute", "version"]
    assert names(audit.events(store, "2")) == ["both"]
    assert names(audit.events(store, "3")) == []
    assert names(audit.events(store)) == ["one", "both", "absolute", "version", "other", "none"]


def test_events_since_a_time(store: Store) -> None:
    """The instant itself is in; 10:29 in Berlin is 09:29 in UTC and before 09:30."""
    audit.record(store, event("at", "Patient/1", recorded="2026-03-01T09:30:00Z"))
    audit.record(store, event("before", "Patient/1", recorded="2026-03-01T10:29:59.999+01:00"))
    audit.record(store, event("after", "Patient/2", recorded="2026-03-01T09:30:00.001Z"))
    assert names(audit.events(store, since=NOW)) == ["at", "after"]
    assert names(audit.events(store, "1", NOW)) == ["at"]
    assert names(audit.events(store, since=NOW + days(1))) == []


@pytest.mark.parametrize("recorded", [None, "", "yesterday", "2026-03-01", "2026-03-01T09:30:00", 20260301])
def test_an_event_needs_an_instant(store: Store, recorded: Any) -> None:
    with pytest.raises(BadInput, match=r"AuditEvent\.recorded"):
        audit.record(store, {"resourceType": "AuditEvent", "recorded": recorded})
    with pytest.raises(BadInput, match=r"AuditEvent\.recorded"):
        audit.record(store, {"resourceType": "AuditEvent"})
    assert audit.events(store) == []


@pytest.mark.parametrize(
    "statement",
    [
        update(audit_events).values(at=NOW),
        delete(audit_events),
        delete(audit_events).where(audit_events.c.number == 1),
        update(audit_patients).values(patient="2"),
        delete(audit_patients),
    ],
    ids=["change", "remove all", "remove one", "change whom", "remove whom"],
)
def test_nobody_changes_or_removes_an_event(store: Store, statement: update | delete) -> None:
    audit.record(store, event("a", "Patient/1"))
    with pytest.raises(DBAPIError, match="is append-only"), store.writing() as connection:
        connection.execute(statement)
    assert names(audit.events(store, "1")) == ["a"]
