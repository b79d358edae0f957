"""Where a CDS Hooks call's records come from: what the EHR sent along, and what its FHIR server gives for the rest.

The rules of https://cds-hooks.hl7.org/2.0/#prefetch-template, and what is done where they leave a choice:

- A key that is absent, or of which only a first page came, has its type fetched, with the token of the call, from the
  ``fhirServer`` of the call, if that server is one the settings name. No other address is ever contacted.
- Where the key cannot be fetched either, the answer is 412. So it is where the server gives neither the patient nor any
  of the types that were fetched.
- A type that the EHR says it cannot give (OperationOutcome), or that its server keeps back, is ``failed``: what hangs
  on it is unknown, and cards say so. A type of which only a part came is ``partial``.
"""

from __future__ import annotations

from urllib.parse import unquote

from trialmatch.addresses import origin, parts
from trialmatch.config import Settings
from trialmatch.config_access import listed
from trialmatch.errors import DataUnavailable, PatientMissing, SourceUnavailable
from trialmatch.fhir.hospital import server as hospital
from trialmatch.fhir.patient.records import Records
from trialmatch.usecases.match import Answer, Question
from trialmatch.web.cds import prefetch as cds_prefetch
from trialmatch.web.cds.prefetch import Given, Template
from trialmatch.web.cds.requests import Call
from trialmatch.web.service import Service

WHY = "POST /cds-services/trial-match"


def match(service: Service, call: Call, question: Question) -> Answer:
    """Match the patient of a call. Raises BadRequest (400) for a prefetch that is none, DataUnavailable (412)."""
    needs = service.engine.needs()
    given = cds_prefetch.given(call.prefetch, cds_prefetch.templates(needs), call.patient)
    given.records.needs = needs
    if not given.absent and not given.paged:
        return _brought(service, call, question, given)
    refusal = _refusal(call, service.settings)
    if refusal is None:
        return _fetched(service, call, question, given)
    if given.absent:
        raise DataUnavailable(f"prefetch: {_listed(given.absent)} absent, and {refusal}")
    for template in given.paged:
        source = given.records.source(template.type)
        source.state, source.truncated = "partial", True
        source.detail = f"only a first page was sent along, and {refusal}"
    return _brought(service, call, question, given)


def _brought(service: Service, call: Call, question: Question, given: Given) -> Answer:
    """What was sent along is all there is."""
    records = _with_patient(given.records, call.patient)
    return service.match_records(records, call.patient, question, server=call.server, why=WHY)


def _fetched(service: Service, call: Call, question: Question, given: Given) -> Answer:
    """What was sent along together with what the server gives."""
    kinds = {template.type for template in given.absent + given.paged}
    if "Patient" not in kinds:
        _with_patient(given.records, call.patient)
    had = hospital.Given(given.records, frozenset(given.records.sources) - kinds)
    try:
        answer = service.match_from_hospital(
            call.patient, question, bearer=call.token, server=call.server, given=had, why=WHY
        )
    except (SourceUnavailable, PatientMissing) as problem:
        raise DataUnavailable(f"fhirServer: {problem}") from None
    fetched = [source for source in answer.sources if source.type in kinds - {"Patient"}]
    if fetched and all(source.state == "failed" for source in fetched):
        raise DataUnavailable(f"fhirServer: it gives none of {', '.join(sorted(kinds))} ({fetched[0].detail})")
    return answer


def _with_patient(records: Records, patient: str) -> Records:
    """The records, if the patient's own is among them: without it nothing can be said of anybody."""
    if patient not in records.patients():
        raise DataUnavailable("prefetch.patient: the EHR has none to give; expected the patient's own record")
    return records


def _listed(templates: tuple[Template, ...]) -> str:
    """The keys of templates; the first few, as there may be a dozen."""
    names = [template.key for template in templates]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _refusal(call: Call, settings: Settings) -> str | None:
    """Why the server of a call cannot be asked; None where it can."""
    if call.server is None:
        return "there is no fhirServer to fetch it from"
    if not allowed(call.server, settings):
        return "fhirServer is none of those that may be asked (fhir_server, fhir_allowed)"
    return None


def allowed(url: str, settings: Settings) -> bool:
    """Whether the settings name a FHIR server: its URL, one above it, or its origin. Never by what its name means."""
    return any(_within(url, known) for known in (*listed(settings.fhir_server), *listed(settings.fhir_allowed)))


def _within(url: str, known: str) -> bool:
    found, base = parts(url), parts(known)
    if found is None or base is None or origin(url) != origin(known) or "?" in url or "#" in url:
        return False
    path = unquote(found.path).rstrip("/")
    if "//" in path or "\\" in path or any(step in (".", "..") for step in path.split("/")):
        return False
    above = base.path.rstrip("/")
    return path == above or path.startswith(f"{above}/")
