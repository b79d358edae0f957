"""FHIR servers through fhirpy: one patient's records, or R5 studies. Every page is followed, gaps are said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
import requests
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import (
    AuthorizationError,
    BaseFHIRError,
    ForbiddenError,
    OperationOutcome,
    ResourceNotFound,
)

from trialmatch.config import Settings
from trialmatch.errors import BadInput, PatientMissing, SourceUnavailable
from trialmatch.fhir.elements import Json
from trialmatch.fhir.records import FACT_TYPES, Records
from trialmatch.fhir.sources import from_bundle
from trialmatch.fhir.studies import Definition

#: Entries a page; servers may give fewer.
_PAGE = 200

#: The Medication that an order refers to comes along where the server can.
_INCLUDED = {
    "MedicationRequest": "MedicationRequest:medication",
    "MedicationStatement": "MedicationStatement:medication",
    "MedicationAdministration": "MedicationAdministration:medication",
    "MedicationDispense": "MedicationDispense:medication",
}


class _Refused(Exception):
    """A search that the server did not answer as it should; the message has no patient value."""


def shown(url: str) -> str:
    """A URL for messages, without the credentials it may hold."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rsplit("@", 1)[-1], parts.path, "", ""))


def _client(url: str, settings: Settings) -> SyncFHIRClient:
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise BadInput(shown(url), "no URL of a server", "http:// or https:// and a host")
    return SyncFHIRClient(
        url.rstrip("/"),
        extra_headers={"Accept": "application/fhir+json"},
        requests_config={"timeout": settings.fhir_timeout},
    )


def _get(client: SyncFHIRClient, path: str, params: dict[str, Any] | None) -> Json:
    """One answer as a JSON object; _Refused in words that hold no patient value."""
    try:
        answer = client.execute(path, method="get", params=params)
    except (AuthorizationError, ForbiddenError):
        raise _Refused("it refuses access (401 or 403)") from None
    except ResourceNotFound:
        raise _Refused("it knows no such thing (404 or 410)") from None
    except OperationOutcome:
        raise _Refused("it answers with an OperationOutcome or an error page") from None
    except BaseFHIRError as problem:
        raise _Refused(f"it fails ({type(problem).__name__})") from None
    except requests.Timeout:
        raise _Refused("it does not answer in time") from None
    except requests.RequestException as problem:
        raise _Refused(f"it cannot be reached ({type(problem).__name__})") from None
    except (ValueError, RecursionError):
        raise _Refused("its answer is no JSON") from None
    if not isinstance(answer, dict):
        raise _Refused("its answer is no resource")
    plain: Json = orjson.loads(orjson.dumps(answer))
    return plain


def _pages(client: SyncFHIRClient, kind: str, params: dict[str, Any], settings: Settings) -> Iterator[Json]:
    """The pages of a search. Links to another origin, loops and endless results are refused."""
    origin = urlsplit(client.url)[:2]
    seen: set[str] = set()
    path, parameters = kind, dict(params) or None
    for _ in range(settings.fhir_pages):
        page = _get(client, path, parameters)
        if page.get("resourceType") != "Bundle":
            raise _Refused("its answer is no Bundle")
        yield page
        links = page.get("link")
        following = [
            one.get("url")
            for one in (links if isinstance(links, list) else ())
            if isinstance(one, dict) and one.get("relation") == "next"
        ]
        if not following:
            return
        path, parameters = str(following[0]), None
        if urlsplit(path).netloc and urlsplit(path)[:2] != origin:
            raise _Refused("its next page is at another origin")
        if path in seen:
            raise _Refused("its pages go round in circles")
        seen.add(path)
    raise _Refused(f"it has more than {settings.fhir_pages} pages")


def fetch(url: str, patient_id: str, settings: Settings) -> Records:
    """All records of one patient that criteria can look at.

    A type that the server does not give, or not wholly, is ``failed`` or ``partial``. Raises PatientMissing where the
    server has no such patient, SourceUnavailable where it cannot be reached or refuses the patient.
    """
    client = _client(url, settings)
    wanted = patient_id.removeprefix("Patient/")
    records = Records()
    for _ in range(5):  # a merged patient may have been merged again
        patient = _patient(client, url, wanted)
        records.add(patient, f"{shown(url)}/Patient")
        other = _replaced_by(patient)
        if other is None or other in records.patients():
            break
        wanted = other
    for identity in records.patients():
        for kind in FACT_TYPES[1:]:
            _search(client, kind, identity, records, settings)
    return records


def _patient(client: SyncFHIRClient, url: str, patient_id: str) -> Json:
    try:
        found = client.execute(f"Patient/{patient_id}", method="get")
    except ResourceNotFound:
        raise PatientMissing(shown(url), "no such patient", "a Patient with the id that was asked for") from None
    except (AuthorizationError, ForbiddenError):
        raise SourceUnavailable(f"{shown(url)}: refuses access to the patient (401 or 403)") from None
    except requests.RequestException as problem:
        raise SourceUnavailable(f"{shown(url)}: cannot be reached ({type(problem).__name__})") from None
    except (BaseFHIRError, ValueError) as problem:
        raise SourceUnavailable(f"{shown(url)}: fails on the patient ({type(problem).__name__})") from None
    plain = orjson.loads(orjson.dumps(found))
    if not isinstance(plain, dict) or plain.get("resourceType") != "Patient":
        raise SourceUnavailable(f"{shown(url)}: its answer is no Patient")
    return dict(plain)


def _replaced_by(patient: Json) -> str | None:
    links = patient.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("type") == "replaced-by" and isinstance(link.get("other"), dict):
            reference = link["other"].get("reference")
            if isinstance(reference, str):
                return reference.split("/_history/")[0].rsplit("/", 1)[-1]
    return None


def _search(client: SyncFHIRClient, kind: str, patient_id: str, records: Records, settings: Settings) -> None:
    parameters = {"patient": patient_id, "_count": _PAGE}
    if kind in _INCLUDED:
        parameters["_include"] = _INCLUDED[kind]
    source = records.source(kind)
    got = False
    try:
        for page in _pages(client, kind, parameters, settings):
            found = from_bundle(page, f"{shown(client.url)}/{kind}")
            for name, entries in found.by_type.items():
                records.by_type.setdefault(name, []).extend(entries)
            records.full_urls |= found.full_urls
            for line in found.problems:
                records.unreadable(kind, *line.split(": ", 1))
            got = True
    except _Refused as problem:
        source.state = "partial" if got else "failed"
        source.truncated = True
        source.detail = str(problem)
        records.problems.append(f"{shown(client.url)}/{kind}: {problem}; what hangs on it is unknown")
    except BadInput as problem:
        source.state, source.detail = "failed", "its answer could not be read"
        source.truncated = True
        records.problems.append(str(problem))


def study_definitions(url: str, settings: Settings) -> list[Definition]:
    """The ResearchStudy and EvidenceVariable resources of an R5 server (SourceUnavailable where it fails)."""
    client = _client(url, settings)
    found = []
    for kind in ("ResearchStudy", "EvidenceVariable"):
        try:
            for page in _pages(client, kind, {"_count": _PAGE}, settings):
                for entry in page.get("entry") or ():
                    resource = entry.get("resource") if isinstance(entry, dict) else None
                    if isinstance(resource, dict) and resource.get("resourceType") == kind:
                        found.append(Definition(shown(url), resource))
        except _Refused as problem:
            raise SourceUnavailable(f"{shown(url)}/{kind}: {problem}") from None
    return found
