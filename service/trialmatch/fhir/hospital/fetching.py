"""One patient's records from a hospital's FHIR server: what criteria can use, asked for side by side."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from trialmatch.addresses import shown
from trialmatch.config import Settings
from trialmatch.eligibility.facts import EXPOSURES
from trialmatch.errors import PatientMissing, SourceTimeout, SourceUnavailable
from trialmatch.fhir.elements import Json, objects
from trialmatch.fhir.hospital import batch
from trialmatch.fhir.hospital.asking import Asking, Found
from trialmatch.fhir.hospital.capabilities import RELEASES, server
from trialmatch.fhir.hospital.pages import Series
from trialmatch.fhir.hospital.searches import Plan
from trialmatch.fhir.hospital.transport import Client, Refused, Renew
from trialmatch.fhir.patient.needs import Needs
from trialmatch.fhir.patient.records import FACT_TYPES, Records

#: An id as FHIR defines it, and a little more (servers have longer ones, and ones with an underscore).
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$")

#: How many times a patient may have been merged one after the other.
_MERGES = 5

_GONE = (404, 410)


@dataclass(frozen=True)
class Given:
    """Records that are already there (a CDS Hooks prefetch), and the types that are all there and not asked again."""

    records: Records
    complete: frozenset[str] = frozenset()


@dataclass
class Visit:
    """The fetching of one patient. Lives on the background loop.

    ``elsewhere`` says why there may be records of the patient that nobody can ask for here.
    """

    client: Client
    plan: Plan
    given: Given
    records: Records = field(default_factory=Records)
    elsewhere: str | None = None

    @classmethod
    def begin(
        cls, session: aiohttp.ClientSession, base: URL, settings: Settings, needs: Needs, bearer: str | None,
        renew: Renew | None, given: Given | None,
    ) -> Visit:  # fmt: skip
        """Get ready, with what is known of the server; SourceUnavailable where nobody here reads what it speaks."""
        client = Client(base, settings, session, bearer, renew)
        known = server(client.url)
        known.refresh(Client(base, settings, session, bearer), settings.fhir_metadata_ttl)
        release = known.capabilities.release
        if release and release not in RELEASES:
            raise SourceUnavailable(f"{shown(client.url)}: speaks FHIR {release}; expected R4, R4B or R5")
        plan = Plan(needs, settings, known.capabilities, len(client.url), known.refused, known.proven, known.pace)
        return cls(client, plan, given or Given(Records()))

    async def fetch(self, patient_id: str) -> Records:
        """The patient with all records that are needed; what could not be had is said in the sources.

        Raises PatientMissing and SourceUnavailable where the patient's own record cannot be had.
        """
        self.records.take(self.given.records)
        self.records.sources |= self.given.records.sources
        self.records.problems += self.given.records.problems
        wanted = patient_id.removeprefix("Patient/")
        if not _ID.match(wanted):
            raise PatientMissing(shown(self.client.url))
        searches = {wanted: asyncio.ensure_future(self._records_of(wanted))}
        try:
            for identity in await self._identities(wanted):
                if identity not in searches:
                    searches[identity] = asyncio.ensure_future(self._records_of(identity))
            found = await asyncio.gather(*searches.values())
        finally:
            for search in searches.values():
                search.cancel()
        for kind in self._kinds():
            self._conclude(kind, [one[kind] for one in found])
        await self._medications()
        self._unasked()
        self._say_what_is_elsewhere()
        return self.records

    def _kinds(self) -> list[str]:
        """The types to search."""
        return [kind for kind in self.plan.needs.types if kind != "Patient" and kind not in self.given.complete]

    async def _identities(self, wanted: str) -> list[str]:
        """The ids under which the patient has records: who replaced whom is followed both ways."""
        current, chain = wanted, [wanted]
        while True:
            patient = await self._patient(current)
            links = list(self._links(patient, "replaced-by"))
            if None in links:
                self.elsewhere = "the patient was merged into a record that this server does not name"
            following = [one for one in links if one is not None and one not in chain]
            if not following or len(chain) > _MERGES:
                break
            current = following[0]
            chain.append(current)
        ids = list(chain)
        for _ in range(_MERGES):
            patients = self.records.patients()
            older = [
                old for one in ids if one in patients for old in self._links(patients[one].resource, "replaces")
                if old is not None and old not in ids
            ]  # fmt: skip
            if not older:
                break
            ids += dict.fromkeys(older)
            await asyncio.gather(*(self._merged(one) for one in dict.fromkeys(older)))
        return ids

    async def _patient(self, identity: str) -> Json:
        known = self.records.patients().get(identity)
        if known is not None and "Patient" in self.given.complete:
            return known.resource
        place = shown(self.client.url)
        try:
            patient = await self.client.ask(f"Patient/{identity}")
        except Refused as problem:
            if problem.status in _GONE:
                raise PatientMissing(place) from None
            kind = SourceTimeout if problem.late else SourceUnavailable
            raise kind(f"{place}: {str(problem).removeprefix('it ')}") from None
        if patient["resourceType"] != "Patient":
            raise SourceUnavailable(f"{place}: its answer is no Patient")
        self.records.add(patient, f"{place}/Patient")
        return patient

    async def _merged(self, identity: str) -> None:
        """Read a record that was merged into the patient's: it may have replaced others. It is often gone."""
        try:
            self.records.add(await self.client.ask(f"Patient/{identity}"), f"{shown(self.client.url)}/Patient")
        except Refused as problem:
            if problem.status not in _GONE:
                self.elsewhere = f"a record that was merged into the patient's could not be read: {problem}"

    def _links(self, patient: Json, kind: str) -> Iterator[str | None]:
        """The ids of other records of the patient; None for those that are elsewhere or not named."""
        for link in objects(patient, "link"):
            if link.get("type") == kind:
                other = link.get("other")
                yield self._own(other.get("reference"), "Patient") if isinstance(other, dict) else None

    def _own(self, reference: object, kind: str) -> str | None:
        """The id of a resource of this server that is referred to."""
        if not isinstance(reference, str):
            return None
        parts = reference.removeprefix(f"{self.client.url}/").split("/_history/")[0].split("/")
        return parts[1] if len(parts) == 2 and parts[0] == kind and _ID.match(parts[1]) else None

    async def _records_of(self, identity: str) -> dict[str, Found]:
        """All types of records of one identity, searched side by side."""
        kinds = [kind for kind in self._kinds() if not self.plan.capabilities.lacks(kind)]
        ways = {kind: self.plan.way(kind, identity) for kind in kinds}
        first = [query for way in ways.values() if way for query in way.all]
        asking = Asking(self.client, self.plan)
        begun, together = time.monotonic(), batch.is_worth_it(self.plan, len(first))
        if together:
            asking.firsts |= await batch.ask(self.client, first, self.plan.refused)
        found = await asyncio.gather(*(asking.ask(kind, identity, ways[kind]) for kind in kinds))
        self.plan.pace.took(time.monotonic() - begun, batch=together)
        answers = dict(zip(kinds, found, strict=True))
        return {kind: answers.get(kind) or _lacking(kind) for kind in self._kinds()}

    def _conclude(self, kind: str, found: list[Found]) -> None:
        """Take in a type's records and say how complete they are."""
        source = self.records.source(kind)
        place = f"{shown(self.client.url)}/{kind}"
        ways = [one.way for one in found if one.way is not None]
        series = [each for one in found for each in one.series]
        states = {each.state for each in series} or {"complete"}
        states |= {"partial" for way in ways if way.partial and states != {"failed"}}
        source.state = states.pop() if len(states) == 1 else "partial"
        source.narrowed = any(one.narrowed for one in found)
        problems = list(dict.fromkeys(problem for one in found for problem in one.problems))
        details = [*problems, *(way.detail for way in ways), *(each.note for each in series)]
        details += ["results that only words name cannot be looked for"] if source.narrowed else []
        source.detail = "; ".join(dict.fromkeys(detail for detail in details if detail)) or None
        source.truncated = bool(problems) or any(way.truncated for way in ways)
        for each in series:
            self.records.take(each.records)
            for line in each.unreadable:
                self.records.unreadable(kind, *line.split(": ", 1))
        if source.state != "complete" and not any(each.unreadable for each in series):
            words = "; ".join(problems) or source.detail
            self.records.problems.append(f"{place}: {words}; what hangs on it is unknown")

    async def _medications(self) -> None:
        """Read the Medications that orders refer to and that did not come along."""
        there = {f"Medication/{one.resource.get('id')}" for one in self.records.by_type.get("Medication", ())}
        there |= {*self.records.full_urls.values()}
        missing = dict.fromkeys(
            identity
            for kind in EXPOSURES
            for record in self.records.by_type.get(kind, ())
            if (identity := self._own(_medication(record.resource), "Medication")) is not None
            and f"Medication/{identity}" not in there
        )
        for answer in await asyncio.gather(*(self._one_medication(identity) for identity in missing)):
            if answer is not None:
                self.records.add(answer, f"{shown(self.client.url)}/Medication")

    async def _one_medication(self, identity: str) -> Json | None:
        """A Medication; None where it cannot be had: then the orders that refer to it cannot be read, and say so."""
        try:
            return await self.client.ask(f"Medication/{identity}")
        except Refused:
            return None

    def _unasked(self) -> None:
        """Types that nobody asked for: whoever looks at them all the same learns nothing from their silence."""
        for kind in FACT_TYPES:
            if kind not in self.plan.needs.types and kind not in self.given.complete:
                source = self.records.source(kind)
                source.state, source.asked = "failed", False
                source.detail = "not asked for: no criterion looks at it"
        patient = self.records.source("Patient")
        if self.plan.capabilities.release == "R5" and patient.detail is None:
            patient.detail = "from a FHIR R5 server"
        self.records.needs = self.plan.needs

    def _say_what_is_elsewhere(self) -> None:
        """No type is complete where the patient has records elsewhere, and the newest may be among those."""
        if self.elsewhere is not None:
            self.records.problems.append(f"{shown(self.client.url)}/Patient: {self.elsewhere}; nothing is complete")
            for kind in self.plan.needs.types:
                source = self.records.source(kind)
                if source.state == "complete":
                    source.state, source.truncated, source.detail = "partial", True, self.elsewhere


def _lacking(kind: str) -> Found:
    return Found(None, [Series(kind, problem=f"the server has no {kind} that can be searched")])


def _medication(resource: Json) -> object:
    """What a record refers to as its medication, in R4 and R5."""
    whole = resource.get("medicationReference")
    if not isinstance(whole, dict):
        either = resource.get("medication")
        whole = either.get("reference") if isinstance(either, dict) else None
    return whole.get("reference") if isinstance(whole, dict) else None
