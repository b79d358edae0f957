"""AuditEvents (R4, https://hl7.org/fhir/R4/auditevent.html): who did what with a patient's data, why, with what end."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trialmatch.web.access.callers import Caller

_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTION = "http://hl7.org/fhir/restful-interaction"

#: Matching people to trials (http://terminology.hl7.org/CodeSystem/v3-ActReason).
_PURPOSE = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "CLINTRCH",
    "display": "clinical trial research",
}

#: AuditEvent.outcome (http://hl7.org/fhir/audit-event-outcome): done, refused to the caller, failed.
DONE, REFUSED, FAILED = "0", "4", "8"

#: AuditEvent.action and the interaction that it is.
_ACTIONS = {"C": "create", "R": "read", "U": "update", "D": "delete"}


@dataclass(frozen=True)
class Access:
    """One access to a patient's data.

    ``patient`` is the id; ``server`` where the patient is, if not in the settings' hospital; ``why`` the endpoint;
    ``address`` where the call comes from; ``action`` C, R or U.
    """

    patient: str
    why: str
    who: Caller
    address: str | None
    request_id: str | None
    action: str = "R"
    server: str | None = None


@dataclass(frozen=True)
class RunAccess:
    """Something done with a prescreen: ``action`` is C (asked for), R (results read, about ``patients``) or D."""

    run: str
    source: str
    patients: tuple[str, ...]
    action: str
    why: str


def event(access: Access, outcome: str, words: str, at: datetime) -> dict[str, Any]:
    """The AuditEvent of an access. ``words`` say how it ended, without a patient's value."""
    place = f"{access.server.rstrip('/')}/" if access.server else ""
    entities = [_patient(f"{place}Patient/{access.patient}")]
    caller = _caller(access.who, access.address)
    return _event(access.action, access.why, caller, [*entities, *_request(access.request_id)], outcome, words, at)


def run_event(
    access: RunAccess, who: Caller, address: str | None, request_id: str | None, at: datetime
) -> dict[str, Any]:
    """The AuditEvent of something done with a prescreen, which reads all patients of its source."""
    run = {
        "what": {"identifier": {"value": access.run}},
        "type": _coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "4", "Other"),
        "name": "prescreen",
        "description": f"of all patients of {access.source}",
    }
    entities = [run, *(_patient(one) for one in access.patients), *_request(request_id)]
    return _event(access.action, access.why, _caller(who, address), entities, DONE, "done", at)


def _event(
    action: str,
    why: str,
    caller: dict[str, Any],
    entities: list[dict[str, Any]],
    outcome: str,
    words: str,
    at: datetime,
) -> dict[str, Any]:
    interaction = _ACTIONS[action]
    return {
        "resourceType": "AuditEvent",
        "type": _coding(_REST, "rest", "RESTful Operation"),
        "subtype": [_coding(_INTERACTION, interaction, interaction)],
        "action": action,
        "recorded": at.isoformat(timespec="milliseconds"),
        "outcome": outcome,
        "outcomeDesc": words,
        "purposeOfEvent": [{"coding": [_PURPOSE], "text": why}],
        "agent": [caller, _ourselves()],
        "source": {
            "site": socket.gethostname(),
            "observer": {"display": "trialmatch"},
            "type": [_coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")],
        },
        "entity": entities,
    }


def _patient(reference: str) -> dict[str, Any]:
    return {
        "what": {"reference": reference},
        "type": _coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "1", "Person"),
        "role": _coding("http://terminology.hl7.org/CodeSystem/object-role", "1", "Patient"),
    }


def _request(request_id: str | None) -> list[dict[str, Any]]:
    if not request_id:
        return []
    kind = _coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "4", "Other")
    return [{"what": {"identifier": {"value": request_id}}, "type": kind, "name": "request id"}]


def _caller(who: Caller, address: str | None) -> dict[str, Any]:
    identifier = {"value": who.subject} | ({"system": who.issuer} if who.issuer else {})
    agent: dict[str, Any] = {
        "type": {"coding": [_coding(_DICOM, "110153", "Source Role ID")]},
        "who": {"identifier": identifier},
        "requestor": True,
    }
    if who.tenant:
        agent["name"] = who.tenant
    if address:
        agent["network"] = {"address": address, "type": "2"}
    return agent


def _ourselves() -> dict[str, Any]:
    return {
        "type": {"coding": [_coding(_DICOM, "110152", "Destination Role ID")]},
        "who": {"display": "trialmatch"},
        "requestor": False,
    }


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}
