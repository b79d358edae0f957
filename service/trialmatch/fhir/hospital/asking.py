"""Asking for one type of record: in the best way first, in the next where a server refuses, or finds nothing by it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from trialmatch.fhir.elements import Json
from trialmatch.fhir.hospital import proofs
from trialmatch.fhir.hospital.pages import Series, read
from trialmatch.fhir.hospital.searches import Plan, Query, Way
from trialmatch.fhir.hospital.transport import Client, Refused


@dataclass
class Found:
    """What came of asking for one type of record of one identity of the patient; ``way`` None where nothing did."""

    way: Way | None
    series: list[Series] = field(default_factory=list)
    narrowed: bool = False

    @property
    def problems(self) -> list[str]:
        """Why it is not complete, each reason once."""
        return list(dict.fromkeys(one.problem for one in self.series if one.problem is not None))


@dataclass
class Asking:
    """Asks a server, and lets the plan know what it does and what it does not.

    ``firsts`` are first pages that came already, in a batch.
    """

    client: Client
    plan: Plan
    firsts: dict[Query, Json | Refused] = field(default_factory=dict)

    async def ask(self, kind: str, identity: str, way: Way | None) -> Found:
        """A type's records, asked for in one way, and as long as the server refuses that, in the next best."""
        refused: set[str] = set()
        problem = Refused("no way of searching is left")
        while way is not None:
            answers = await asyncio.gather(*(self._read(query) for query in way.all))
            hints = answers.pop() if way.hints else None
            problems = [one for one in answers if isinstance(one, Refused)]
            blamed = next((names for one in problems if (names := self.plan.blame(way, one))), set())
            series = [Series(kind, problem=str(one)) if isinstance(one, Refused) else one for one in answers]
            if not blamed:
                blamed = await self._disproved(way, series)
            if not blamed:
                heard = await self._heard(way, series, hints)
                return Found(way, [*series, *heard], way.narrowed and not heard)
            problem = problems[0] if problems else problem
            self.plan.refused |= blamed
            refused |= blamed
            way = self.plan.way(kind, identity)
        self.plan.refused -= refused  # it was not these: whatever way is tried, the server refuses
        return Found(None, [Series(kind, problem=str(problem))])

    async def _read(self, query: Query) -> Series | Refused:
        try:
            return await read(self.client, query, self.firsts.pop(query, None))
        except Refused as problem:
            return problem

    async def _disproved(self, way: Way, series: list[Series]) -> set[str]:
        """The parameter that a way hangs on, where it found nothing and would have found nothing that is there."""
        if not way.by_code or not series or any(one.problem for one in series):
            return set()
        kind, key = series[0].kind, way.keys[0]
        if not any(one.matches for one in series) and not self.plan.trusts(kind, key):
            if not await proofs.finds_by_code(self.client, way):
                return {f"{kind}?{key}"}
        self.plan.proven.add(f"{kind}?{key}")
        return set()

    async def _heard(self, way: Way, series: list[Series], hints: Series | Refused | None) -> list[Series]:
        """The answer to the search by words; none where it failed or the server does not search by words."""
        if isinstance(hints, Refused):
            self.plan.refused |= self.plan.blame_hints(way, hints)
        if not isinstance(hints, Series) or hints.problem is not None:
            return []
        name = f"{hints.kind}?{way.keys[0]}:text"
        if not hints.matches and name not in self.plan.proven:
            records = (record for one in series for record in one.matches.values())
            found = await proofs.finds_by_words(self.client, way, records)
            if found is False:
                self.plan.refused.add(name)
            if not found:
                return []
        self.plan.proven.add(name)
        return [hints]
