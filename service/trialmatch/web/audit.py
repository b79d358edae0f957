"""AuditEvents (R4, https://hl7.org/fhir/R4/auditevent.html): who did what with a patient's data, why, with what end."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trialmatch.web.callers import Caller

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
_ACTIONS = {"R": "read", "U": "update"}


@dataclass(frozen=True)
class Access:
    """One access to a patient's data.

    ``patient`` is the id; ``server`` where the patient is, if not in the settings' hospital; ``why`` the endpoint;
    ``address`` where the call comes from; ``action`` R or U.
    """

    patient: str
    why: str
    who: Caller
    address: str | None
    request_id: str | None
    action: str = "R"
    server: str | None = None


def event(access: Access, outcome: str, words: str, at: datetime) -> dict[str, Any]:
    """The AuditEvent of an access. ``words`` say how it ended, without a patient's value."""
    action = _ACTIONS[access.action]
    place = f"{access.server.rstrip('/')}/" if access.server else ""
    entities: list[dict[str, Any]] = [
        {
            "what": {"reference": f"{place}Patient/{access.patient}"},
            "type": _coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "1", "Person"),
            "role": _coding("http://terminology.hl7.org/CodeSystem/object-role", "1", "Patient"),
        }
    ]
    if access.request_id:
        entities.append(
            {
                "what": {"identifier": {"value": access.request_id}},
                "type": _coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "4", "Other"),
                "name": "request id",
            }
        )
    return {
        "resourceType": "AuditEvent",
        "type": _coding(_REST, "rest", "RESTful Operation"),
        "subtype": [_coding(_INTERACTION, action, action)],
        "action": access.action,
        "recorded": at.isoformat(timespec="milliseconds"),
        "outcome": outcome,
        "outcomeDesc": words,
        "purposeOfEvent": [{"coding": [_PURPOSE], "text": access.why}],
        "agent": [_caller(access), _ourselves()],
        "source": {
            "site": socket.gethostname(),
            "observer": {"display": "trialmatch"},
            "type": [_coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")],
        },
        "entity": entities,
    }


def _caller(access: Access) -> dict[str, Any]:
    who = access.who
    identifier = {"value": who.subject} | ({"system": who.issuer} if who.issuer else {})
    agent: dict[str, Any] = {
        "type": {"coding": [_coding(_DICOM, "110153", "Source Role ID")]},
        "who": {"identifier": identifier},
        "requestor": True,
    }
    if who.tenant:
        agent["name"] = who.tenant
    if access.address:
        agent["network"] = {"address": access.address, "type": "2"}
    return agent


def _ourselves() -> dict[str, Any]:
    return {
        "type": {"coding": [_coding(_DICOM, "110152", "Destination Role ID")]},
        "who": {"display": "trialmatch"},
        "requestor": False,
    }


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}
