"""AuditEvents (R4, https://hl7.org/fhir/R4/auditevent.html): who read or wrote what about which patient, and why."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_TYPE = {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110112", "display": "Query"}
_REST = "http://hl7.org/fhir/restful-interaction"

#: Matching people to trials (http://terminology.hl7.org/CodeSystem/v3-ActReason).
_PURPOSE = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "CLINTRCH",
    "display": "clinical trial research",
}

#: AuditEvent.outcome (http://hl7.org/fhir/audit-event-outcome).
SUCCESS, MINOR, SERIOUS = "0", "4", "8"


@dataclass(frozen=True)
class Access:
    """One access to a patient's data: ``action`` is R, U or C; ``why`` the endpoint; ``who`` the caller."""

    patient: str
    why: str
    who: str
    issuer: str | None
    address: str | None
    request_id: str | None
    action: str = "R"
    server: str | None = None


def event(access: Access, outcome: str, words: str, at: datetime) -> dict[str, Any]:
    """The AuditEvent of an access. ``words`` say how it ended, without a patient's value."""
    caller: dict[str, Any] = {
        "type": {"coding": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110153"}]},
        "who": {"identifier": {"value": access.who} | ({"system": access.issuer} if access.issuer else {})},
        "requestor": True,
    }
    if access.address:
        caller["network"] = {"address": access.address, "type": "2"}
    entities: list[dict[str, Any]] = [
        {
            "what": {"reference": f"Patient/{access.patient}"},
            "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1"},
            "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1"},
        }
    ]
    if access.request_id:
        entities.append(
            {
                "what": {"identifier": {"value": access.request_id}},
                "type": {
                    "system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
                    "code": "XrequestId",
                },
            }
        )
    return {
        "resourceType": "AuditEvent",
        "type": _TYPE,
        "subtype": [{"system": _REST, "code": "update" if access.action == "U" else "read"}],
        "action": access.action,
        "recorded": at.isoformat(timespec="milliseconds"),
        "outcome": outcome,
        "outcomeDesc": words,
        "purposeOfEvent": [{"coding": [_PURPOSE], "text": access.why}],
        "agent": [caller],
        "source": {"site": access.server or socket.gethostname(), "observer": {"display": "trialmatch"}},
        "entity": entities,
    }
