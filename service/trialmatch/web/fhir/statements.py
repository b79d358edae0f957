"""What the service says of itself in FHIR R4: CapabilityStatement and OperationDefinition."""

from __future__ import annotations

from typing import Any

from trialmatch import __version__
from trialmatch.config import BASE

_OPERATION = f"{BASE}/OperationDefinition/match-trials"

#: When the definitions below were last changed.
_DATE = "2026-11-22"

_PARAMETERS = (
    ("study", "*", "string", "Only this study, by id or registry number; may be given again"),
    ("as-of", "1", "date", "The day of screening; today if not given"),
    ("enrolment", "1", "date", "The planned day of enrolment; as-of if not given"),
    ("infusion", "1", "date", "The planned day of infusion; unknown if not given"),
    ("all", "1", "boolean", "Also the studies that the patient is ineligible for"),
)


def capability_statement(place: str, *, secured: bool) -> dict[str, Any]:
    """The CapabilityStatement of the server at a URL; ``secured``: whether callers show a token."""
    security: dict[str, Any] = {
        "cors": False,
        "description": "Bearer tokens of configured issuers with the scope trialmatch/match.read"
        if secured
        else "Only the machine itself is served: no issuer of tokens is configured",
    }
    if secured:
        system = "http://terminology.hl7.org/CodeSystem/restful-security-service"
        security["service"] = [{"coding": [{"system": system, "code": "OAuth"}]}]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _DATE,
        "kind": "instance",
        "software": {"name": "trialmatch", "version": __version__},
        "implementation": {"description": "Matches patients to clinical trials", "url": place},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": security,
                "resource": [
                    {
                        "type": "Patient",
                        "documentation": "Patients are in the hospital's own server; here they are matched.",
                        "operation": [{"name": "match-trials", "definition": _OPERATION}],
                    },
                    {"type": "OperationDefinition", "interaction": [{"code": "read"}]},
                ],
            }
        ],
    }


def operation_definition() -> dict[str, Any]:
    """The OperationDefinition of ``$match-trials``."""
    taken = [
        {"name": name, "use": "in", "min": 0, "max": most, "documentation": words, "type": kind}
        for name, most, kind, words in _PARAMETERS
    ]
    given = {
        "name": "return",
        "use": "out",
        "min": 1,
        "max": "1",
        "documentation": "A searchset of ResearchStudy, best match first; Bundle.entry.search has score and verdict",
        "type": "Bundle",
    }
    return {
        "resourceType": "OperationDefinition",
        "id": "match-trials",
        "url": _OPERATION,
        "version": __version__,
        "name": "MatchTrials",
        "title": "Match a patient to clinical trials",
        "status": "active",
        "kind": "operation",
        "date": _DATE,
        "description": "Which trials a patient may qualify for, by the patient's records in the hospital's server.",
        "affectsState": False,
        "code": "match-trials",
        "resource": ["Patient"],
        "system": False,
        "type": False,
        "instance": True,
        "parameter": [*taken, given],
    }
