"""What every view works with: settings, store, the engine of the day, and matching that leaves its trace.

``service()`` gives it inside a request. A match is audited durably before anybody sees it: where the audit cannot be
written, the match is not given.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import current_app, g, request
from werkzeug.exceptions import HTTPException

from trialmatch import attestations
from trialmatch.config import Settings, variable
from trialmatch.errors import SourceUnavailable, Stale, StoreUnavailable, TrialmatchError
from trialmatch.fhir.hospital.backend_services import Tokens
from trialmatch.fhir.hospital.client_keys import public_jwks
from trialmatch.fhir.hospital.server import Given, fetch
from trialmatch.fhir.patient.records import Records, identities
from trialmatch.fhir.study.studies import Definition
from trialmatch.store import attestations as answers
from trialmatch.store import audit as audit_log
from trialmatch.store import studies as added_studies
from trialmatch.store.database import Store
from trialmatch.usecases.match import Answer, Engine, Question, match_patient, study_sources
from trialmatch.web import audit, metrics
from trialmatch.web.access.security import caller
from trialmatch.web.api import additions
from trialmatch.web.audit import Access
from trialmatch.web.logs import log

T = TypeVar("T")

#: What stands between a server and the id of a patient.
_PATIENT = "/Patient/"

#: How often a worker looks whether another one has added a study, in seconds.
_NOTICE = 1.0


def service() -> Service:
    """The service of the application that answers the current request."""
    return cast(Service, current_app.extensions["trialmatch"])


class Service:
    """Settings, store and engine of one process; safe to use from several threads, and from a process forked off."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], datetime] | None = None) -> None:
        self.settings = settings
        self.store = store
        self._clock = clock
        self.tokens = Tokens(settings)
        public_jwks(settings)  # a key that cannot be used ends it here, and not when somebody comes in
        self._own = study_sources(settings)
        self._lock = threading.RLock()
        self._looked = time.monotonic()
        self._loaded = additions.load(self._own, settings, store)

    def now(self) -> datetime:
        """The present, in the site's time zone."""
        return datetime.now(self.settings.zone) if self._clock is None else self._clock()

    @property
    def engine(self) -> Engine:
        """The settings' studies and those that were added since, by whichever worker (within a second)."""
        if time.monotonic() - self._looked >= _NOTICE and self._lock.acquire(blocking=False):
            try:
                self._refresh()
            except StoreUnavailable:  # what is loaded is good to match with; the audit will tell the caller
                log.warning("the store cannot be asked for new studies")
            finally:
                self._lock.release()
        return self._loaded.engine

    def _refresh(self) -> None:
        self._looked = time.monotonic()
        if added_studies.revision(self.store) != self._loaded.revision:
            self._loaded = additions.load(self._own, self.settings, self.store)

    def definitions(self) -> list[Definition]:
        """What the studies of the moment are made from, whichever worker has added them. Raises StoreUnavailable."""
        with self._lock:
            self._refresh()
            added = self._loaded.added
        return [*self._own, *(one for group in added.values() for one in group)]

    def version(self, study_id: str) -> int | None:
        """The revision at which a study was added; None for those of the settings."""
        return self._loaded.versions.get(study_id)

    def add_study(self, bundle: dict[str, Any], *, seen: int | None) -> additions.Added:
        """Add a study, or replace the revision ``seen`` of one that was added.

        It is matched by this worker at once and by the others within a second. Raises FaultyStudy, Conflict, Stale.
        """
        by = caller().subject
        with self._lock:
            while True:
                self._refresh()
                try:
                    added = additions.add(bundle, self._own, self._loaded, self.store, by=by, at=self.now(), seen=seen)
                    break
                except Stale:
                    if added_studies.revision(self.store) == self._loaded.revision:
                        raise
                    # another worker has added one meanwhile: look again whether the two go together
            self._refresh()
        return added

    @property
    def hospital(self) -> str:
        """The hospital's server (SourceUnavailable where none is configured)."""
        if self.settings.fhir_server is None:
            raise SourceUnavailable(f"no hospital server is configured; expected {variable('fhir_server')}")
        return self.settings.fhir_server

    def match_from_hospital(
        self,
        patient_id: str,
        question: Question,
        *,
        bearer: str | None = None,
        server: str | None = None,
        given: Given | None = None,
        why: str,
    ) -> Answer:
        """Fetch a patient from the hospital (``server``, or that of the settings) and match.

        ``bearer`` is the token of the call, if it brought one, else the service's own is used, and for its own hospital
        only; ``given`` are records that are there already; ``why`` names the endpoint for the audit. Raises
        PatientMissing, SourceUnavailable, UsageError, StoreUnavailable.
        """
        url = server or self.hospital
        foreign = self.foreign(url)

        def act() -> Answer:
            engine = self.engine
            needs = engine.needs(question.study_ids)  # unknown studies end here, before the hospital is asked
            token = bearer or (self.tokens if foreign is None else None)
            records = fetch(url, patient_id, self.settings, needs, token, given)
            return self._match(engine, records, patient_id, question, url, foreign)

        return self._counted("hospital", self.access(patient_id, why, server=foreign), act)

    def match_records(
        self, records: Records, patient_id: str, question: Question, *, server: str | None = None, why: str
    ) -> Answer:
        """Match a patient whose records the caller brought, from ``server`` if not from the hospital of the settings.

        Raises PatientMissing, UsageError, StoreUnavailable.
        """
        foreign = self.foreign(server)
        return self._counted(
            "request",
            self.access(patient_id, why, server=foreign),
            lambda: self._match(self.engine, records, patient_id, question, "body", foreign),
        )

    def _counted(self, source: str, access: Access, act: Callable[[], Answer]) -> Answer:
        """An audited match, counted for the metrics by where the records came from and how it ended."""
        try:
            answer = self.audited(access, act)
        except Exception as problem:
            metrics.matched(source, "refused" if _is_the_callers(problem) else "failed")
            raise
        metrics.matched(source, "complete" if answer.complete else "incomplete")
        return answer

    def foreign(self, server: str | None) -> str | None:
        """A server, unless it is that of the settings."""
        own = server is None or server.rstrip("/") == (self.settings.fhir_server or "").rstrip("/")
        return None if own else server

    def _match(
        self, engine: Engine, records: Records, patient_id: str, question: Question, place: str, server: str | None
    ) -> Answer:
        """Match with what persons have confirmed about the patient, under whichever of its merged ids."""
        found = identities(records, patient_id)
        stored: list[dict[str, Any]] = []
        for one in sorted(found[1]) if found else ():
            stored += answers.held(self.store, patient_key(one, server)).entries
        confirmed = attestations.read(stored, "attestations", self.settings.zone, None)
        question = replace(question, attestations=(*confirmed, *question.attestations))
        return match_patient(engine, records, patient_id, question, place)

    def audited(self, access: Access, act: Callable[[], T]) -> T:
        """Do something with a patient's data, and write down durably that it was done or tried, before it is seen."""
        try:
            result = act()
        except Exception as problem:
            known = isinstance(problem, TrialmatchError | HTTPException)
            outcome = audit.REFUSED if _is_the_callers(problem) else audit.FAILED
            self._record(access, outcome, type(problem).__name__ if known else "internal error")
            raise
        self._record(access, audit.DONE, "done")
        return result

    def _record(self, access: Access, outcome: str, words: str) -> None:
        audit_log.record(self.store, audit.event(access, outcome, words, self.now()))

    def access(self, patient_id: str, why: str, *, action: str = "R", server: str | None = None) -> Access:
        """The access of the current request to a patient's data; ``action`` is C, R or U."""
        who, patient = caller(), patient_id.removeprefix("Patient/")
        return Access(patient, why, who, request.remote_addr, g.get("request_id"), action, server)


def _is_the_callers(problem: Exception) -> bool:
    """Whether an error is the caller's and not ours or the hospital's."""
    status = getattr(problem, "http_status", None) or getattr(problem, "code", None) or 500
    return isinstance(problem, TrialmatchError | HTTPException) and status < 500


def patient_key(patient_id: str, server: str | None = None) -> str:
    """Under what the store has a patient: the id, or (of a ``server`` that is not the settings') the whole URL.

    Ids are unique on one server only: what was confirmed of somebody must not be believed of somebody else.
    """
    return patient_id if server is None else f"{server.rstrip('/')}{_PATIENT}{patient_id}"


def patient_of(key: str) -> tuple[str, str | None]:
    """The id and the server that a :func:`patient_key` is made of."""
    server, of, patient_id = key.rpartition(_PATIENT)
    return patient_id, server if of else None
