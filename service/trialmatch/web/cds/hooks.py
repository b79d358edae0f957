"""CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0/): discovery, the service ``trial-match`` and its feedback.

Errors are OperationOutcomes, as version 3.0 recommends.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Blueprint, Flask, Response, request
from flask_cors import CORS
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from trialmatch.config import Settings
from trialmatch.config_access import listed
from trialmatch.store import feedback
from trialmatch.usecases.match import Question
from trialmatch.web import limits
from trialmatch.web.access.security import login_cds_client
from trialmatch.web.api.shared import answer
from trialmatch.web.cds import cards, prefetch, records, requests
from trialmatch.web.cds.requests import Call, Feedback
from trialmatch.web.service import Service, patient_key, patient_of, service

blueprint = Blueprint("cds", __name__, url_prefix="/cds-services")

#: The service's id, which is part of its URL.
ID = "trial-match"

#: What browsers of other origins may call: CDS clients and applications of the mCODE matching service.
_CROSS_ORIGIN = (r"/cds-services(/.*)?", r"/getClinicalTrial")

_DESCRIPTION = (
    "Names the clinical trials that the patient whose chart is opened may qualify for, with what is still missing."
)
_REQUIREMENTS = (
    "Whatever of the prefetch is left out is fetched from fhirServer with the token of fhirAuthorization, if the"
    " service's operator allows that server; else the answer is 412."
)


def register(app: Flask, settings: Settings) -> None:
    """Register the endpoints, and the origins whose pages may call them (setting ``cors_origins``)."""
    app.register_blueprint(blueprint)
    origins = listed(settings.cors_origins)
    if origins:
        CORS(
            app,
            resources={path: {} for path in _CROSS_ORIGIN},
            origins=list(origins),
            methods=["GET", "POST", "OPTIONS"],
            allow_headers=["Authorization", "Content-Type"],
            max_age=600,
        )


@blueprint.before_request
def _who() -> None:
    login_cds_client()


@blueprint.get("")
def discovery() -> Response:
    """The service, with templates for what the loaded criteria can use.

    ``version`` and ``hookVersion`` are fields of version 3.0; clients of 2.0 pass over what they do not know.
    """
    templates = prefetch.templates(service().engine.needs())
    described = {
        "hook": requests.HOOK,
        "id": ID,
        "title": "Clinical trials for this patient",
        "description": _DESCRIPTION,
        "prefetch": {template.key: template.query for template in templates},
        "usageRequirements": _REQUIREMENTS,
        "version": "2.0.1",
        "hookVersion": "1.0",
    }
    return answer({"services": [described]})


@blueprint.post(f"/{ID}")
def trial_match() -> Response:
    """Cards for the patient whose chart has been opened: the best trials, none where there is nothing to say."""
    call = requests.call(limits.body())
    here = service()
    _check_size(call, here.settings)
    key = patient_key(call.patient, here.foreign(call.server))
    settings, now = here.settings, here.now()
    quiet = feedback.overridden(here.store, key)
    # as many more as there may be that have to stay quiet
    found = records.match(here, call, Question(now.date(), most=settings.cards + len(quiet)))
    matches = cards.worth_showing(found.matches, settings.card_verdict)
    prints = {match.study.id: cards.fingerprint(match) for match in matches}
    matches = [match for match in matches if (match.study.id, prints[match.study.id]) not in quiet][: settings.cards]
    view = cards.View(call.patient, call.encounter, *_pages(here, call), now)
    shown = cards.cards(matches, found.sources, here.engine.terminology, view)
    kept = [
        feedback.Card(card["uuid"], key, match.study.id, prints[match.study.id])
        for match, card in zip(matches, shown, strict=True)
    ]
    feedback.show(here.store, kept, at=now)
    return answer({"cards": shown})


@blueprint.post(f"/{ID}/feedback")
def trial_match_feedback() -> Response:
    """What clinicians made of cards.

    The specification is silent on cards that are not known (any longer): all other entries are kept, and the answer is
    404 with the places of these. What is kept is in the audit, an entry for each patient.
    """
    here, entries = service(), requests.feedback(limits.body())
    about = feedback.patients(here.store, (one.card for one in entries))
    unknown = [position for position, one in enumerate(entries) if one.card not in about]
    for key in dict.fromkeys(about[one.card] for one in entries if one.card in about):
        patient, server = patient_of(key)
        mine = [(position, one) for position, one in enumerate(entries) if about.get(one.card) == key]
        access = here.access(patient, f"{records.WHY}/feedback", action="C", server=server)
        unknown += here.audited(access, partial(_keep, here, mine))
    if unknown:
        places = ", ".join(f"feedback[{position}].card" for position in sorted(unknown)[:5])
        raise NotFound(f"{places}: no such card; expected one that this service gave")
    return Response(status=200)


def _keep(here: Service, entries: Sequence[tuple[int, Feedback]]) -> list[int]:
    """Keep entries of feedback, each with its place in the body; the places of those whose card has gone meanwhile."""
    return [
        position
        for position, one in entries
        if not feedback.give(here.store, one.card, one.outcome, one.entry, at=here.now())
    ]


def _check_size(call: Call, settings: Settings) -> None:
    entries = sum(len(_entries(value)) for value in call.prefetch.values())
    if entries > settings.body_entries:
        raise RequestEntityTooLarge(f"prefetch: {entries} entries; expected at most {settings.body_entries}")


def _entries(value: Any) -> list[Any]:
    found = value.get("entry") if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _pages(here: Service, call: Call) -> tuple[str | None, str | None]:
    """Where the pages are, for patients of the hospital that they show, and where a SMART launch begins."""
    settings = here.settings
    elsewhere = settings.fhir_server is not None and here.foreign(call.server) is not None
    return None if elsewhere else settings.public_url or request.url_root, settings.launch_url
