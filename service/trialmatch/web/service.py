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

from flask import current_app, g, has_request_context, request

from trialmatch import attestations
from trialmatch.config import Settings
from trialmatch.errors import FaultyStudy, PatientMissing, TrialmatchError, UsageError
from trialmatch.fhir.records import Records, identities
from trialmatch.fhir.server import fetch
from trialmatch.fhir.studies import Definition
from trialmatch.store import attestations as answers
from trialmatch.store import audit as audit_log
from trialmatch.store import studies as added_studies
from trialmatch.store.database import Store
from trialmatch.usecases import Answer, Engine, Question, match_patient, study_sources
from trialmatch.web import audit
from trialmatch.web.audit import Access
from trialmatch.web.logs import log
from trialmatch.web.security import caller

T = TypeVar("T")

#: How often a worker looks whether studies were added elsewhere, in seconds.
_NOTICE = 1.0


def service() -> Service:
    """The service of the application that answers the current request."""
    return cast(Service, current_app.extensions["trialmatch"])


class Service:
    """Settings, store and engine of one process; safe to use from several threads."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self._shipped = study_sources(settings)
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._revision = added_studies.revision(store)
        self._engine = self._load()

    def now(self) -> datetime:
        """The present, in the site's time zone."""
        return datetime.now(self.settings.zone)

    @property
    def engine(self) -> Engine:
        """The settings' studies and those that were added since, by whichever worker (within a second)."""
        if time.monotonic() - self._looked >= _NOTICE and self._lock.acquire(blocking=False):
            try:
                self._refresh()
            finally:
                self._lock.release()
        return self._engine

    def reload(self) -> Engine:
        """The engine with what has just been added."""
        with self._lock:
            self._refresh()
        return self._engine

    def _refresh(self) -> None:
        self._looked = time.monotonic()
        revision = added_studies.revision(self.store)
        if revision != self._revision:
            self._engine, self._revision = self._load(), revision

    def _load(self) -> Engine:
        """All studies; added ones that this version cannot read are left out, and logged, rather than all of them."""
        added = [Definition(place, resource) for place, resource in added_studies.definitions(self.store)]
        try:
            return Engine.of([*self._shipped, *added], self.settings)
        except FaultyStudy as problem:
            log.error("added studies cannot be read", faults=len(problem.faults))
            return Engine.of(self._shipped, self.settings)

    def match_from_hospital(
        self,
        patient_id: str,
        question: Question,
        *,
        bearer: str | None = None,
        server: str | None = None,
        given: Any = None,
        why: str,
    ) -> Answer:
        """Fetch a patient from the hospital (``server``, or that of the settings) and match.

        ``bearer`` is the token of the call, if it brought one; ``given`` what is already there of the records; ``why``
        the endpoint, for the audit. Raises PatientMissing, SourceUnavailable, UsageError, StoreUnavailable.
        """
        url = server or self.hospital

        def act() -> Answer:
            records = fetch(url, patient_id, self.settings)
            return self._match(records, patient_id, question, url)

        return self.audited(self._access(patient_id, why, server=url), act)

    def match_records(self, records: Records, patient_id: str, question: Question, *, why: str) -> Answer:
        """Match a patient whose records the caller brought. Raises PatientMissing, UsageError, StoreUnavailable."""
        return self.audited(
            self._access(patient_id, why), lambda: self._match(records, patient_id, question, "the Bundle")
        )

    @property
    def hospital(self) -> str:
        """The hospital's server (UsageError where none is configured)."""
        if self.settings.fhir_server is None:
            raise UsageError("no hospital server is configured; expected TRIALMATCH_FHIR_SERVER")
        return self.settings.fhir_server

    def _match(self, records: Records, patient_id: str, question: Question, place: str) -> Answer:
        found = identities(records, patient_id)
        entries = [
            entry for one in sorted(found[1] if found else ()) for entry in answers.held(self.store, one).entries
        ]
        stored = attestations.read(entries, "stored attestations", self.settings.zone, None)
        question = replace(question, attestations=(*stored, *question.attestations))
        return match_patient(self.engine, records, patient_id, question, place)

    def audited(self, access: Access, act: Callable[[], T]) -> T:
        """Do something with a patient's data, and write down durably that it was done or tried, before it is seen."""
        try:
            result = act()
        except Exception as problem:
            known = isinstance(problem, TrialmatchError)
            outcome = audit.MINOR if isinstance(problem, PatientMissing | UsageError) else audit.SERIOUS
            self._write(access, outcome, type(problem).__name__ if known else "internal error")
            raise
        self._write(access, audit.SUCCESS, "done")
        return result

    def _write(self, access: Access, outcome: str, words: str) -> None:
        audit_log.record(self.store, audit.event(access, outcome, words, self.now()))

    def _access(self, patient_id: str, why: str, *, action: str = "R", server: str | None = None) -> Access:
        who = caller()
        live = has_request_context()
        return Access(
            patient_id.removeprefix("Patient/"),
            why,
            who.subject,
            who.issuer,
            request.remote_addr if live else None,
            g.get("request_id") if live else None,
            action,
            server,
        )
