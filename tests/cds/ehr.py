"""An EHR for tests: it fills prefetch templates from a hospital, calls the service as the specification says, and holds
every body that goes either way against the schemas of this folder."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.servicerequest import ServiceRequest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from tests.auth.issuer import ec, token
from tests.hospital.server import Hospital

Json = dict[str, Any]

SERVICES, SERVICE, FEEDBACK = "/cds-services", "/cds-services/trial-match", "/cds-services/trial-match/feedback"

#: The EHR as an issuer of tokens, and the address under which it reaches the service.
ISSUER, PUBLIC = "https://ehr.hospital.example", "https://trials.hospital.example"

_FOLDER = Path(__file__).parent / "schemas"
SCHEMAS = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(_FOLDER.glob("*.json"))}


def check(name: str, body: Any) -> None:
    """Hold a body against a schema of this folder."""
    faults = [f"{one.json_path}: {one.message}" for one in Draft202012Validator(SCHEMAS[name]).iter_errors(body)]
    assert not faults, faults


@dataclass
class Ehr:
    """A client. ``hospital`` is its FHIR server, ``signed`` whether its calls bear tokens."""

    client: FlaskClient
    hospital: Hospital
    signed: bool = False
    templates: dict[str, str] = field(default_factory=dict)

    # --- calls

    def discover(self) -> Json:
        """The one service, as discovery describes it; its templates are kept."""
        answer = self.client.get(SERVICES, headers=self.bearer(SERVICES))
        assert answer.status_code == 200, answer.text
        check("discovery", answer.json)
        (service,) = answer.json["services"]
        self.templates = service["prefetch"]
        return dict(service)

    def view(self, patient: str, status: int = 200, **changes: Any) -> TestResponse:
        """Open a chart: the answer, cards or (``status``) an error."""
        body = self.body(patient, **changes)
        check("request", body)
        return self.send(body, status)

    def cards(self, patient: str, **changes: Any) -> list[Json]:
        """The cards for a patient."""
        return list(self.view(patient, **changes).json["cards"])

    def send(self, body: Any, status: int = 200, **headers: str) -> TestResponse:
        """Send a body as it is."""
        answer = self.client.post(SERVICE, json=body, headers={**self.bearer(SERVICE), **headers})
        assert answer.status_code == status, answer.text
        if status == 200:
            check("response", answer.json)
            for request in drafts(answer.json["cards"]):
                ServiceRequest.model_validate(request)
        else:
            OperationOutcome.model_validate(answer.json)
        return answer

    def feed_back(self, *entries: Json, status: int = 200) -> TestResponse:
        """Say what became of cards."""
        body = {"feedback": list(entries)}
        if status == 200:
            check("feedback", body)
        answer = self.client.post(FEEDBACK, json=body, headers=self.bearer(FEEDBACK))
        assert answer.status_code == status, answer.text
        return answer

    def override(self, card: Json, **reason: Any) -> None:
        """Set a card aside."""
        entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-03-01T12:00:00Z"}
        self.feed_back(entry | ({"overrideReason": reason} if reason else {}))

    # --- what calls are made of

    def body(self, patient: str, **changes: Any) -> Json:
        """The body of a call, with everything prefetched; ``changes`` replace fields, None takes one away."""
        body = {
            "hook": "patient-view",
            "hookInstance": str(uuid4()),
            "context": {"userId": "Practitioner/p1", "patientId": patient},
            **({"prefetch": self.prefetch(patient)} if "prefetch" not in changes else {}),
            **changes,
        }
        return {name: value for name, value in body.items() if value is not None}

    def prefetch(self, patient: str) -> Json:
        """What the templates give: null where there is nothing, pages put together."""
        if not self.templates:
            self.discover()
        return {key: self._filled(query, patient) for key, query in self.templates.items()}

    def page(self, key: str, patient: str) -> Json:
        """The first page of a template's answer, as the hospital's server gives it."""
        return self._ask(self.templates[key].replace("{{context.patientId}}", patient))

    def key(self, kind: str) -> str:
        """The (first) key of the templates for a type."""
        return next(key for key, query in self.templates.items() if query.partition("?")[0].partition("/")[0] == kind)

    def _filled(self, query: str, patient: str) -> Json | None:
        relative = query.replace("{{context.patientId}}", patient)
        found = self._ask(relative)
        if found["resourceType"] != "Bundle":
            return found
        entries = found["entry"]
        while True:
            following = [link["url"] for link in found["link"] if link["relation"] == "next"]
            if not following:
                break
            found = self._ask(following[0].removeprefix(f"{self.hospital.url}/"))
            entries += found["entry"]
        return {"resourceType": "Bundle", "type": "searchset", "entry": entries} if entries else None

    def _ask(self, relative: str) -> Json:
        status, resource = self.hospital.answer(relative)
        assert status == 200, relative
        return dict(json.loads(json.dumps(resource)))

    def authorization(self, text: str = "the-ehr-s-token") -> Json:
        """A token for the hospital's server."""
        terms = {"token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs", "subject": "trialmatch"}
        return {"access_token": text, **terms}

    def bearer(self, path: str, **claims: Any) -> dict[str, str]:
        """The header with a token for an endpoint, if this client signs."""
        if not self.signed:
            return {}
        now = int(time.time())
        whole = {"iss": ISSUER, "aud": f"{PUBLIC}{path}", "iat": now, "exp": now + 300, "jti": str(uuid4())} | claims
        return {"Authorization": f"Bearer {token(whole, ec())}"}


def drafts(cards: list[Json]) -> list[Json]:
    """The resources that suggestions would create."""
    return [
        action["resource"]
        for card in cards
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
    ]
