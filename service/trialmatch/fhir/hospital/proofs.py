"""Whether a server does what it does not refuse: searches are tried on records that are known to be there.

What a server does not know of a search it must ignore or refuse (https://hl7.org/fhir/R4/search.html#errors). Some
answer with nothing instead (Medplum's repository does, to the modifier ``:text`` and to parameters that mean nothing to
it), and nothing would be taken for silence of the record. What was found once holds for the server as long as its
CapabilityStatement is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable

from trialmatch.fhir.elements import Json, Malformed, codings, objects
from trialmatch.fhir.hospital.pages import read
from trialmatch.fhir.hospital.searches import Query, Way
from trialmatch.fhir.hospital.transport import Client, Refused
from trialmatch.terminology.names import bare


async def finds_by_code(client: Client, way: Way) -> bool:
    """Whether a search by code that found nothing would have found something; true where there is nothing to find."""
    try:
        record = await _any(client, way)
        if record is None:
            return True
        found, _ = codings(record, "code")
        return bool(found) and await _finds(client, way, way.keys[0], found[0].code, record)
    except (Refused, Malformed):
        return False


async def finds_by_words(client: Client, way: Way, records: Iterable[Json]) -> bool | None:
    """Whether a search by words that found nothing would have found something; true where there is nothing to find.

    It is tried on one of ``records`` (any of the patient's where there are none). None: it cannot be tried.
    """
    try:
        tried = list(records)
        if not tried:
            record = await _any(client, way)
            if record is None:
                return True
            tried = [record]
        for record in tried:
            found, text = codings(record, "code")
            words = bare(text or next((coding.display for coding in found if coding.display), "")).split()
            if words:
                return await _finds(client, way, f"{way.keys[0]}:text", words[0], record)
    except (Refused, Malformed):
        pass
    return None


async def _finds(client: Client, way: Way, parameter: str, value: str, record: Json) -> bool:
    """Whether one parameter finds a record."""
    query = way.queries[0]
    asked = Query(query.kind, (*query.params[:1], (parameter, value)))
    return str(record.get("id")) in (await read(client, asked)).matches


async def _any(client: Client, way: Way) -> Json | None:
    """One of the patient's records; None where there is none."""
    query = way.queries[0]
    page = await client.ask(query.kind, {**dict(query.params[:1]), "_count": "1"})
    for entry in objects(page, "entry"):
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") == query.kind:
            return resource
    return None
