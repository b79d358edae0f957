"""Reading a search to its end: every page, what the server remarks, and every limit with its own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

import orjson

from trialmatch.addresses import shown
from trialmatch.errors import BadInput
from trialmatch.fhir.elements import Json, next_link, objects
from trialmatch.fhir.hospital.searches import Query
from trialmatch.fhir.hospital.transport import Allowance, Client, Refused
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import from_bundle

_ISSUE_CODE = re.compile(r"[a-z-]{1,40}$")

#: As if the server had answered with this status: an error inside an answer that is otherwise fine.
_UNPROCESSABLE = 422


@dataclass
class Series:
    """The pages of one search and how it ended.

    ``problem`` says why it is not complete, in words without a patient's values; None where it is. ``note`` is what the
    server remarked beside. ``unreadable`` are lines of place and reason. ``matches`` are the ids found, each once,
    included records left out.
    """

    kind: str
    pages: int = 0
    entries: int = 0
    records: Records = field(default_factory=Records)
    unreadable: list[str] = field(default_factory=list)
    matches: dict[str, Json] = field(default_factory=dict)
    total: int | None = None
    problem: str | None = None
    note: str | None = None

    @property
    def state(self) -> str:
        """``complete``, ``partial`` (some pages came) or ``failed``."""
        if self.problem is None:
            return "complete"
        return "partial" if self.pages else "failed"

    def take(self, page: Json, place: str) -> None:
        """Take in a page; Refused where it is none, or an error and nothing else."""
        if page["resourceType"] == "OperationOutcome":
            raise Refused("it answers with an error (OperationOutcome)", _UNPROCESSABLE, orjson.dumps(page))
        if page["resourceType"] != "Bundle":
            raise Refused("its answer is no Bundle")
        try:
            found = from_bundle(page, place, page=True)
        except BadInput:
            raise Refused("its answer could not be read") from None
        entries = objects(page, "entry")
        errors = [self._remark(issue) for issue in _issues(entries)]
        matches = dict(match for entry in entries if (match := _match(entry, self.kind)) is not None)
        if any(errors) and not matches and not self.pages:
            raise Refused("it answers with an error (OperationOutcome)", _UNPROCESSABLE, orjson.dumps(page))
        if any(errors):
            self.problem = "it says that its answer is not whole (OperationOutcome)"
        self.pages += 1
        self.entries += len(entries)
        self.matches |= matches
        total = page.get("total")
        if isinstance(total, int):
            self.total = total
        self.unreadable += found.problems
        self.records.take(found)

    def _remark(self, issue: Json) -> bool:
        """Note an issue that the server tells of; whether it is an error."""
        code = issue.get("code")
        if isinstance(code, str) and _ISSUE_CODE.match(code) and code != "informational":
            self.note = f"the server remarks: {code}"
        return issue.get("severity") in ("error", "fatal")

    def end(self) -> None:
        """All pages were read: was that all there is?"""
        if self.problem is None and self.total is not None and self.total > len(self.matches):
            self.problem = "it gives fewer records than it says it has"


def _issues(entries: list[Json]) -> Iterator[Json]:
    for entry in entries:
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") == "OperationOutcome":
            yield from objects(resource, "issue")


def _match(entry: Json, kind: str) -> tuple[str, Json] | None:
    """A match by what identifies it; None for included records and outcomes."""
    resource, search = entry.get("resource"), entry.get("search")
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        return None
    if isinstance(search, dict) and search.get("mode") in ("include", "outcome"):
        return None
    return str(resource.get("id") or entry.get("fullUrl") or id(resource)), resource


async def read(client: Client, query: Query, first: Json | Refused | None = None) -> Series:
    """Read a search to its end; ``first`` is its first page where that came already, in a batch.

    Raises Refused where nothing came at all. What goes wrong later is the Series' ``problem``.
    """
    settings, series, allowance = client.settings, Series(query.kind), Allowance(client.settings.fhir_bytes)
    place, here = f"{shown(client.url)}/{query.kind}", f"{client.url}/{query.kind}"
    if isinstance(first, Refused):
        raise first
    if first is None and query.post:
        first = await client.ask(query.path, method="post", form=query.values, allowance=allowance)
    page = first if first is not None else await client.ask(query.path, query.values, allowance=allowance)
    series.take(page, place)
    seen: set[str] = set()
    try:
        while (link := next_link(page)) is not None:
            url = _absolute(here, link)
            if url in seen:
                raise Refused("its pages go round in circles")
            if series.pages >= settings.fhir_pages:
                raise Refused(f"it has more than {settings.fhir_pages} pages (fhir_pages)")
            if series.entries > settings.fhir_entries:
                raise Refused(f"it has more than {settings.fhir_entries} entries (fhir_entries)")
            seen.add(url)
            page = await client.ask(url, allowance=allowance)
            series.take(page, place)
        series.end()
    except Refused as problem:
        series.problem = str(problem)
    return series


def _absolute(here: str, link: str) -> str:
    try:
        return urljoin(here, link)
    except ValueError:
        raise Refused("its link is no URL") from None
