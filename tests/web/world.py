"""What the tests of the web service are made with: an application, the demo hospital behind it, tokens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask
from trialmatch.config import Settings
from trialmatch.demo.server import Quiet
from trialmatch.demo.server import create_app as demo_hospital
from trialmatch.web.app import create_app
from werkzeug.serving import make_server

from tests.auth.issuer import AUDIENCE, ISSUER, key_set, rsa, token

Json = dict[str, Any]

#: The day that the demo hospital's records are written for.
AS_OF = "2026-03-01"

#: A patient of the demo hospital.
LIKELY = "lupus-likely-01"


def settings_of(folder: Path, **changes: Any) -> Settings:
    """Settings with a database of their own."""
    return Settings.read({}, **{"database": f"sqlite:///{folder / 'store.sqlite'}", **changes})


def app_of(folder: Path, **changes: Any) -> Flask:
    """An application with a database of its own."""
    return create_app(settings_of(folder, **changes))


def service_of(folder: Path, **changes: Any) -> Flask:
    """An application on the day that the demo hospital is written for."""
    noon = datetime.fromisoformat(f"{AS_OF}T12:00:00+00:00")
    return create_app(settings_of(folder, **changes), clock=lambda: noon)


def issued(folder: Path) -> dict[str, str]:
    """Settings with which the tokens of :func:`bearer` are accepted."""
    path = folder / "jwks.json"
    path.write_text(json.dumps(key_set(rsa())))
    return {"issuers": f"{ISSUER}={path}", "audience": AUDIENCE}


def bearer(scope: str = "trialmatch/match.read", subject: str = "clinician-7") -> dict[str, str]:
    """The header of a caller with some scopes."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + 3600, "scope": scope}
    return {"Authorization": f"Bearer {token(claims, rsa())}"}


@contextmanager
def served(app: Any, port: int = 0) -> Iterator[str]:
    """Any WSGI application on the loopback address; its URL."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def hospital_served() -> Iterator[str]:
    """The demo hospital's FHIR server; its base URL."""
    with served(demo_hospital()) as url:
        yield f"{url}/fhir"


def patient_bundle(patient: str = LIKELY, kind: str = "collection") -> Json:
    """A demo patient's records as a Bundle."""
    from trialmatch.demo import hospital_path

    entries = []
    for file in sorted(hospital_path().glob("*.ndjson")):
        for line in file.read_text("utf-8").splitlines():
            resource = json.loads(line)
            if resource["resourceType"] == "Patient":
                mine = resource["id"] == patient
            else:
                whose = resource.get("subject") or resource.get("patient") or {}
                mine = whose.get("reference") == f"Patient/{patient}" or resource["resourceType"] == "Medication"
            if mine:
                entries.append({"resource": resource})
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def study_bundle(name: str = "trial-1", status: str = "active", **changes: Any) -> Json:
    """A small study: adults with lupus."""
    base = "https://trialmatch.example.org/fhir"
    age = {
        "linkId": "1",
        "description": "Adults",
        "definitionByTypeAndValue": {
            "type": {"coding": [{"system": "http://loinc.org", "code": "30525-0"}]},
            "valueRange": {"low": {"value": 18, "unit": "a", "system": "http://unitsofmeasure.org", "code": "a"}},
        },
    }
    gate = {
        "linkId": "2",
        "description": "Systemic lupus erythematosus",
        "extension": [{"url": f"{base}/StructureDefinition/absence", "valueCode": "absent"}],
        "definitionByTypeAndValue": {
            "type": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "Condition"}]},
            "valueCodeableConcept": {"coding": [{"system": f"{base}/CodeSystem/concept", "code": "sle"}]},
        },
    }
    consent = {
        "linkId": "3",
        "description": "Consents",
        "definitionCodeableConcept": {"coding": [{"system": f"{base}/CodeSystem/judgement", "code": "consent"}]},
    }
    criteria = {
        "resourceType": "EvidenceVariable",
        "id": f"{name}-criteria",
        "status": status,
        "characteristic": [age, gate, consent],
    }
    study = {
        "resourceType": "ResearchStudy",
        "id": name,
        "title": "A small trial",
        "status": status,
        "recruitment": {"eligibility": {"reference": f"EvidenceVariable/{name}-criteria"}},
        **changes,
    }
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": study}, {"resource": criteria}]}
