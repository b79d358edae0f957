"""Looking up a patient of a hospital's server by the number on the chart."""

from __future__ import annotations

from dataclasses import replace

from trialmatch.addresses import shown
from trialmatch.config import Settings
from trialmatch.errors import SourceUnavailable
from trialmatch.fhir.elements import Json, objects
from trialmatch.fhir.hospital.background import background
from trialmatch.fhir.hospital.pages import read
from trialmatch.fhir.hospital.searches import Query, escaped
from trialmatch.fhir.hospital.server import Bearer, proof
from trialmatch.fhir.hospital.transport import Client, Refused, checked

#: So many are looked at: a number that more patients have tells nobody apart.
_MOST = 20


def patients_with(url: str, number: str, settings: Settings, bearer: Bearer = None) -> list[str]:
    """The ids of the patients one of whose identifiers has this value: as a rule none or one.

    A server that does not know the search parameter answers with anybody; only those who have the number are given.
    Raises BadInput where ``url`` is none, SourceUnavailable where the server cannot be reached or refuses.
    """
    base, line = checked(url), background()
    token, renew = proof(bearer, str(base.with_user(None)))
    once = replace(settings, fhir_pages=1)

    async def search() -> list[str]:
        client = Client(base, once, line.session, token, renew)
        parameters = (("identifier", escaped(number)), ("_count", str(_MOST)))
        query = Query("Patient", parameters, post=settings.fhir_search == "post")
        try:
            series = await read(client, query)
        except Refused as problem:
            raise SourceUnavailable(f"{shown(url)}/Patient: {problem}") from None
        return [identity for identity, resource in series.matches.items() if _has(resource, number)]

    return line.run(search())


def _has(patient: Json, number: str) -> bool:
    return number in [one.get("value") for one in objects(patient, "identifier")]
