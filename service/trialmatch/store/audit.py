"""The audit log: FHIR AuditEvents, only ever added, each on disk before :func:`record` returns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from trialmatch.errors import BadInput
from trialmatch.store.database import Store
from trialmatch.store.tables import audit_events, audit_patients


def record(store: Store, event: dict[str, Any]) -> None:
    """Keep an AuditEvent. Raises StoreUnavailable where it could not be kept, BadInput for one without ``recorded``."""
    at, patients = _recorded(event), _patients(event)
    with store.writing() as connection:
        kept = insert(audit_events).values(at=at, event=event).returning(audit_events.c.number)
        number = connection.execute(kept).scalar_one()
        if patients:
            connection.execute(insert(audit_patients), [{"number": number, "patient": one} for one in patients])


def events(store: Store, patient: str | None = None, since: datetime | None = None) -> list[dict[str, Any]]:
    """The events in the order in which they were kept: all, those about one patient (by id), those since a time."""
    query = select(audit_events.c.event).order_by(audit_events.c.number)
    if patient is not None:
        about = select(audit_patients.c.number).where(audit_patients.c.patient == patient)
        query = query.where(audit_events.c.number.in_(about))
    if since is not None:
        query = query.where(audit_events.c.at >= since)
    with store.reading() as connection:
        return list(connection.execute(query).scalars())


def _recorded(event: dict[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(event["recorded"])
    except (KeyError, TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise BadInput("AuditEvent.recorded", "no instant", "date and time with the zone")
    return at


def _patients(event: dict[str, Any]) -> list[str]:
    """The ids of the Patients among ``entity[].what.reference``: relative or absolute, with a version or without."""
    found = []
    for entity in event.get("entity") or ():
        reference = str((entity.get("what") or {}).get("reference", ""))
        parts = reference.split("/_history/")[0].split("/")
        if len(parts) > 1 and parts[-2] == "Patient":
            found.append(parts[-1])
    return list(dict.fromkeys(found))
