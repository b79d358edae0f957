"""FHIR servers: one patient's records from a hospital (R4, R4B, R5), or studies (R5). Every gap is said.

The calls are synchronous and may come from any thread; requests run on :mod:`trialmatch.fhir.hospital.background`.
"""

from __future__ import annotations

from functools import partial

from trialmatch.addresses import shown
from trialmatch.config import Settings
from trialmatch.errors import SourceUnavailable
from trialmatch.fhir.hospital.backend_services import Tokens
from trialmatch.fhir.hospital.background import background
from trialmatch.fhir.hospital.fetching import Given, Visit
from trialmatch.fhir.hospital.pages import read
from trialmatch.fhir.hospital.searches import Query
from trialmatch.fhir.hospital.transport import Client, Refused, Renew, checked
from trialmatch.fhir.patient.needs import Needs
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.study.studies import Definition

__all__ = ["Given", "fetch", "shown", "study_definitions"]

#: A token for the server, or what gives one and renews it once it is refused (None: without).
Bearer = str | Tokens | None


def fetch(
    url: str,
    patient_id: str,
    settings: Settings,
    needs: Needs | None = None,
    bearer: Bearer = None,
    given: Given | None = None,
) -> Records:
    """The records of one patient that criteria can use: ``needs``, or everything a criterion could look at.

    A type that the server does not give, or not wholly, is ``failed`` or ``partial`` in the Records' sources, with why
    in ``detail``; one that no criterion needs is not asked for. ``bearer`` is sent to this server only. What is
    ``given`` as complete is not asked for again.

    Raises BadInput where ``url`` is none, PatientMissing where the server has no such patient, SourceUnavailable where
    it cannot be reached or refuses the patient.
    """
    base, line = checked(url), background()
    token, renew = proof(bearer, str(base.with_user(None)))

    async def visit() -> Records:
        begun = Visit.begin(line.session, base, settings, needs or Needs(), token, renew, given)
        return await begun.fetch(patient_id)

    return line.run(visit())


def proof(bearer: Bearer, place: str) -> tuple[str | None, Renew | None]:
    """A token for the server at ``place``, and what gives another one once it is refused."""
    if isinstance(bearer, str | None):
        return bearer, None
    return bearer.bearer(place), partial(bearer.renew, place)


def study_definitions(url: str, settings: Settings) -> list[Definition]:
    """The ResearchStudy and EvidenceVariable resources of an R5 server (SourceUnavailable where it fails)."""
    base, line = checked(url), background()

    async def whole(kind: str) -> list[Definition]:
        client = Client(base, settings, line.session)
        params = (("_count", str(settings.fhir_page_size)),)
        try:
            series = await read(client, Query(kind, params))
        except Refused as problem:
            raise SourceUnavailable(f"{shown(url)}/{kind}: {problem}") from None
        if series.problem is not None:
            raise SourceUnavailable(f"{shown(url)}/{kind}: {series.problem}")
        return [Definition(shown(url), resource) for resource in series.matches.values()]

    return [*line.run(whole("ResearchStudy")), *line.run(whole("EvidenceVariable"))]
