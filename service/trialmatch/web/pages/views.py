"""Pages for coordinators: where to start, a patient's trials, how a study is read, what a prescreen found.

They are rendered here; script only helps.

Whoever is signed in, was launched from an EHR, or sits at this computer sees them
(:mod:`trialmatch.web.login.visitor`).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from trialmatch.documents import study_listing
from trialmatch.errors import Stale, UsageError
from trialmatch.fhir.hospital.lookup import patients_with
from trialmatch.fhir.study.studies import StudySet
from trialmatch.lines import clean
from trialmatch.prescreen.attrition_page import number, share
from trialmatch.store import attestations as store_answers
from trialmatch.store import runs as store_runs
from trialmatch.store.attestations import Held
from trialmatch.store.runs import Run
from trialmatch.usecases.match import Question
from trialmatch.web import headers
from trialmatch.web.access.callers import LOCAL
from trialmatch.web.access.security import authorize, caller
from trialmatch.web.converters import FHIR_ID
from trialmatch.web.login import visitor
from trialmatch.web.login.sessions import csrf, csrf_holds, readable
from trialmatch.web.pages import answers as pages_answers
from trialmatch.web.pages import patient as pages_patient
from trialmatch.web.pages import prescreen as pages_prescreen
from trialmatch.web.pages import study as pages_study
from trialmatch.web.pages.patient import FILTERS, View
from trialmatch.web.pages.texts import ENGLISH, say
from trialmatch.web.prescreens import results as prescreen_results
from trialmatch.web.service import patient_key, service

blueprint = Blueprint("pages", __name__)

_RUNS = 10

#: Characters of a record number.
_NUMBER = 64

#: How a match page may be asked for.
_ASKED = ("as_of", "study", "show")


@blueprint.record_once
def _words(state: Any) -> None:
    """What templates may call."""
    environment = state.app.jinja_env
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(plain=clean, person=_person, number=number, share=share)
    environment.globals.update(say=say, forms=_forms, csrf=csrf)


def _person(name: str | None) -> str:
    """Whoever answered, in words."""
    return say("local") if name == LOCAL.subject else clean(name or "?")


def _forms(key: str) -> str:
    """Both forms of a text, for the script."""
    text = ENGLISH[key]
    return "|".join((text, text) if isinstance(text, str) else text)


blueprint.before_request(readable)
blueprint.before_request(visitor.recognise)
blueprint.context_processor(visitor.shown)


@blueprint.get("/")
def start() -> str:
    """Studies, a patient to find, and what was prescreened lately."""
    return _start()


def _start(fault: str | None = None) -> str:
    who = authorize("match.read")
    studies = [study_listing(study) for study in service().engine.studies.studies]
    runs = store_runs.listed(service().store, limit=_RUNS) if who.may("prescreen") else None
    return render_template(
        "start.html",
        studies=studies,
        runs=[(run, pages_prescreen.state(run)) for run in runs] if runs is not None else None,
        hospital=service().settings.fhir_server is not None,
        zone=service().settings.zone,
        fault=fault,
    )


@blueprint.post("/patients")
def find() -> ResponseReturnValue:
    """To a patient's page; posted, so that what is typed stands in no address."""
    authorize("match.read")
    _own_form()
    visitor.access_to("")  # whoever was launched from a chart looks for nobody else
    wanted, by = request.form.get("patient", "").strip(), request.form.get("by")
    if by == "id":
        wanted = wanted.removeprefix("Patient/")
        found = [wanted] if FHIR_ID.fullmatch(wanted) else []
    else:
        found = _numbered(wanted) if 0 < len(wanted) <= _NUMBER and wanted.isprintable() else []
    if not found:
        return _start(say("start.find.wrong" if by == "id" else "start.find.nobody")), 422
    if len(found) > 1:
        return render_template("several.html", patients=found)
    return redirect(url_for(".patient", patient_id=found[0]), 303)


def _own_form() -> None:
    """Refuse forms that somebody else's page has sent."""
    if not csrf_holds(request.form.get("csrf")):
        abort(403, say("answer.foreign"))


def _numbered(number: str) -> list[str]:
    """The patients with a record number; that they were looked up is in the audit before anybody sees it."""
    here = service()
    found = patients_with(here.hospital, number, here.settings, here.tokens)
    for patient_id in found:
        here.audited(here.access(patient_id, "page /patients"), lambda: None)
    return found


@blueprint.get("/patients/<fhir_id:patient_id>")
def patient(patient_id: str) -> ResponseReturnValue:
    """A patient's trials, ranked, with everything that stands for and against them."""
    return _patient(patient_id)


def _patient(patient_id: str, notice: str | None = None) -> str:
    authorize("match.read")
    view, faults = _view(patient_id)
    access = visitor.access_to(patient_id)
    held = _held(patient_id, access.server)
    answer = service().match_from_hospital(
        patient_id,
        Question(view.as_of, (view.only,) if view.only else (), everything=True),
        bearer=access.bearer,
        server=access.server,
        why="page /patients/{id}",
    )
    canonical = answer.context.facts.person.reference.removeprefix("Patient/")
    if canonical != patient_id:  # merged: answers are the surviving record's
        visitor.same_person(patient_id, canonical)
        held = _held(canonical, access.server)
    shown = pages_patient.page(answer, view, held, _places())
    return render_template("patient.html", notices=[*faults, *([notice] if notice else [])], **shown)


def _view(patient_id: str) -> tuple[View, list[str]]:
    """How the page is asked for, and what of that was not understood."""
    now, faults = service().now(), []
    as_of, given = now.date(), request.args.get("as_of")
    if given:
        try:
            as_of = date.fromisoformat(given)
        except ValueError:
            faults.append(say("match.asof.wrong", date=as_of))
    show = request.args.get("show", "all")
    only = request.args.get("study") or None
    return View(patient_id, as_of, now, only, show if show in FILTERS else "all"), faults


def _held(patient_id: str, server: str | None) -> Held:
    return store_answers.held(service().store, patient_key(patient_id, server))


def _places() -> pages_answers.Places:
    """The criteria of the engine's studies: the same object until the studies change."""
    studies = service().engine.studies
    known: tuple[StudySet, pages_answers.Places] | None = current_app.extensions.get("trialmatch.places")
    if known is None or known[0] is not studies:
        known = current_app.extensions["trialmatch.places"] = studies, pages_answers.Places(studies.matchable)
    return known[1]


@blueprint.post("/patients/<fhir_id:patient_id>")
def answer(patient_id: str) -> ResponseReturnValue:
    """Save what a person has answered, unless somebody else answered meanwhile: then show what, and ask again."""
    authorize("match.read")
    _own_form()
    places, now, store = _places(), service().now(), service().store
    fields = request.form.to_dict()
    withdrawals = {name: values for name, values in request.form.lists() if name.startswith("withdraw.")}
    try:
        given = pages_answers.read(fields, withdrawals, places, now.date())
    except pages_answers.Misunderstood as fault:
        return _patient(patient_id, say(fault.text)), 422
    server = visitor.access_to(patient_id).server
    key, by = patient_key(patient_id, server), visitor.signature(caller())
    access = service().access(patient_id, "page /patients/{id}", action="U", server=server)

    def save() -> None:
        held = store_answers.held(store, key)
        if str(held.version) != request.form.get("version"):
            raise Stale("the answers have been changed since the page was opened")
        entries = given.applied(held.entries, places, by, now)
        store_answers.put(store, key, entries, by=by, at=now, expected=held.version)

    try:
        service().audited(access, save)
    except Stale:
        return _conflict(patient_id, key, given, places), 409
    kept: dict[str, Any] = {name: value for name in _ASKED if (value := request.args.get(name))}
    return redirect(url_for(".patient", patient_id=patient_id, _anchor=given.changes[0].place.anchor, **kept), 303)


def _conflict(patient_id: str, key: str, given: pages_answers.Answers, places: pages_answers.Places) -> str:
    """What changed while somebody filled in a form, beside what the form says."""
    versions = store_answers.history(service().store, key)
    seen = next((one for one in versions if str(one.version) == request.form.get("version")), None)
    current = versions[0] if versions else Held([], 0, None, None)
    today = service().now().date()
    hidden = [(name, value) for name, value in request.form.items(multi=True) if name not in ("csrf", "version")]
    return render_template(
        "conflict.html",
        patient=patient_id,
        changes=pages_answers.differences(seen.entries if seen else [], current.entries, places, given.keys, today),
        mine=given.changes,
        current=current,
        at=current.at.astimezone(service().settings.zone) if current.at else None,
        hidden=hidden,
        kept={name: value for name in _ASKED if (value := request.args.get(name))},
    )


@blueprint.get("/studies/<fhir_id:study_id>")
def study(study_id: str) -> str:
    """How a study is read."""
    authorize("match.read")
    engine = service().engine
    try:
        found = engine.studies.get(study_id)
    except UsageError:
        abort(404, "no such study")
    return render_template("study.html", **pages_study.page(found, engine))


@blueprint.get("/prescreens/<fhir_id:run>")
def prescreen(run: str) -> str:
    """How far a prescreen is, and what came of it. Who is shown is in the audit before anybody sees it."""
    who = authorize("prescreen")
    here, found = service(), _run(run)
    shown = pages_prescreen.page(here.settings, found, pages_prescreen.asked(request.args))
    if shown["patients"] is not None:
        prescreen_results.seen(here, found, "page /prescreens/{run}", shown["patients"])
    reads = who.may("match.read")
    return render_template(
        "prescreen.html",
        leads=reads and here.settings.fhir_server is not None,
        readable={study.id for study in here.engine.studies.studies} if reads else set(),
        on_a_page=pages_prescreen.ON_A_PAGE,
        **shown,
    )


@blueprint.get("/prescreens/<fhir_id:run>/<any('screening-log.csv', 'changes.csv', 'attrition.html'):file>")
def prescreen_file(run: str, file: str) -> Response:
    """A file that a prescreen has left: the one with all its patients, whose verdict has changed, or the counts."""
    authorize("prescreen")
    here, found = service(), _run(run)
    path = prescreen_results.results(here.settings, found) / file
    if not path.is_file():
        abort(404, "this prescreen has no such file")
    if file == pages_prescreen.ATTRITION:
        headers.standing_alone()
        return send_file(path, mimetype="text/html")
    why = f"page /prescreens/{{run}}/{file}"
    if file == pages_prescreen.CHANGES:
        prescreen_results.seen(here, found, why, prescreen_results.changed(path))
    else:
        prescreen_results.audited(here, found, why)
    return send_file(path, mimetype="text/csv", as_attachment=True, download_name=f"prescreen-{found.id}-{file}")


def _run(run_id: str) -> Run:
    found = store_runs.get(service().store, run_id)
    if found is None:
        abort(404, "no such prescreen")
    return found


@blueprint.after_request
def _private(response: Response) -> Response:
    """Pages are one person's."""
    response.headers["Cache-Control"] = "no-store"
    return response
