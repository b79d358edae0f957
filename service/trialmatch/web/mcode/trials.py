"""``POST /getClinicalTrial``: the contract of the mCODE clinical-trial-matching-service, for its clients as they are.

The body is a Bundle with a Parameters resource beside the patient's R4 resources; the answer a searchset of R4
ResearchStudy with scores. Errors are ``{"error": …}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response
from werkzeug.exceptions import BadRequest as NoSuchBody
from werkzeug.exceptions import RequestEntityTooLarge

from trialmatch.eligibility.verdict import UNDETERMINED, Match
from trialmatch.errors import BadInput, BadRequest
from trialmatch.fhir.patient.records import Records, identities
from trialmatch.fhir.patient.sources import from_bundle
from trialmatch.usecases.match import Question
from trialmatch.web import limits
from trialmatch.web.access.security import requires
from trialmatch.web.api.shared import answer
from trialmatch.web.mcode import places, studies
from trialmatch.web.mcode.query import Query, phases
from trialmatch.web.service import service

blueprint = Blueprint("mcode", __name__)

Json = dict[str, Any]

#: Kinds of Bundle that the contract takes (http://hl7.org/fhir/R4/valueset-bundle-type.html: all there are).
_BUNDLES = (
    "document", "message", "transaction", "transaction-response", "batch", "batch-response", "history", "searchset",
    "collection",
)  # fmt: skip


@blueprint.post("/getClinicalTrial")
@requires("match.read")
def get_clinical_trial() -> Response:
    """The trials that a patient may qualify for, best first; those without criteria say nothing and are left out."""
    bundle = limits.body()
    if not _is_bundle(bundle):
        raise NoSuchBody("Invalid patientBundle")
    most = service().settings.body_entries
    if len(bundle["entry"]) > most:
        raise RequestEntityTooLarge(f"patientBundle: {len(bundle['entry'])} entries; expected at most {most}")
    query = Query.read(bundle)
    try:
        records = from_bundle(bundle, "patientBundle")
    except BadInput as problem:
        raise NoSuchBody(str(problem)) from None
    patient = _patient(records)
    found = service().match_records(records, patient, Question(service().now().date()), why="POST /getClinicalTrial")
    entries = list(_entries(found.matches, query))
    return answer({"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries})


def _is_bundle(body: Any) -> bool:
    return (
        isinstance(body, dict)
        and body.get("resourceType") == "Bundle"
        and body.get("type") in _BUNDLES
        and isinstance(body.get("entry"), list)
    )


def _patient(records: Records) -> str:
    """The id of the Bundle's one patient, whose resources refer to it by ``urn:uuid:`` and that id."""
    found = list(records.patients())
    people = {identities(records, one)[0] for one in found if identities(records, one)}  # type: ignore[index]
    if len(people) != 1:
        raise BadRequest("patientBundle.entry", f"{len(people)} Patients with an id or fullUrl", "one")
    for one in found:
        records.full_urls.setdefault(f"urn:uuid:{one}", f"Patient/{one}")
    return people.pop()


def _entries(matches: list[Match], query: Query) -> Iterator[Json]:
    origin = places.of_zip(query.zip_code) if query.zip_code else None
    for match in matches:
        study = match.study
        found = phases(studies.phase_codes(study))
        if match.verdict == UNDETERMINED or not query.takes(found, studies.statuses(study)):
            continue
        note = None
        if query.radius is not None:
            near, note = _near(studies.sites(study), query, origin)
            if not near:
                continue
        resource = studies.rendered(study, (note,) if note else ())
        yield {"resource": resource, "search": {"mode": "match", "score": match.score}}


def _near(sites: list[Json], query: Query, origin: places.Position | None) -> tuple[bool, str | None]:
    """Whether a study has a site within reach, or one that may be; and what to say where nobody knows."""
    assert query.radius is not None
    if query.zip_code is None:
        return True, "Distance not looked at: the query has no ZIP code."
    if origin is None:
        return True, "Distance not looked at: it is not known where the postal code of the query is."
    distance, complete = places.nearest(origin, sites)
    if distance is not None and distance <= query.radius:
        return True, None
    if complete:
        return False, None
    return True, "Distance not known: the record gives no position and no US ZIP code for at least one of its sites."
