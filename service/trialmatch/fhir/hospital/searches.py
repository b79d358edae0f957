"""How a type of record is asked of a server: the searches of one patient, the best way first that it does not refuse.

Observations are searched by the codes that criteria name. The codes are given bare, without their systems: a hospital
may store a system under another spelling (an OID, a SNOMED CT edition) that the facts understand all the same, and a
code of another system that happens to look alike is left aside there. A result may be a component of a panel;
``combo-code`` finds it by its own code or the panel's. The ways, from the best on:

1. ``combo-code``, or ``code`` and ``component-code`` side by side;
2. all Observations of the patient, where the server knows neither;
3. by all categories of the specification, where it refuses to give them all (US Core asks servers for that much);
   ``partial``, as results without a category are missed;
4. by ``code`` alone; ``partial`` and ``truncated``, as the newest results may be inside panels.

``_sort``, ``_count`` and ``_include`` are asked for until a server refuses them. ``_sort`` is newest first, so that a
limit that is hit leaves out the oldest; only Observations can be so many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from urllib.parse import quote

import orjson

from trialmatch.config import Settings
from trialmatch.eligibility.facts import EXPOSURES
from trialmatch.fhir.hospital.capabilities import Capabilities, Pace
from trialmatch.fhir.hospital.transport import Refused
from trialmatch.fhir.patient.needs import Code, Needs

#: Statuses by which servers refuse a search that they could answer if it were put otherwise.
_PUT_OTHERWISE = frozenset({400, 405, 406, 412, 414, 415, 422, 501})
_NO_POST = frozenset({404, 405, 415, 501})

#: http://terminology.hl7.org/CodeSystem/observation-category
_CATEGORIES = "laboratory,vital-signs,survey,exam,imaging,procedure,therapy,activity,social-history"

_EXTRAS = ("_sort", "_include", "_count")


@dataclass(frozen=True)
class Query:
    """One search: a type with its parameters, by GET or by POST to ``_search``."""

    kind: str
    params: tuple[tuple[str, str], ...]
    post: bool = False

    @property
    def path(self) -> str:
        """The path below the server's base."""
        return f"{self.kind}/_search" if self.post else self.kind

    @property
    def values(self) -> dict[str, str]:
        """The parameters."""
        return dict(self.params)


@dataclass(frozen=True)
class Way:
    """The searches that together give all records of a type, and what is to be said of records that came this way.

    ``keys`` are the parameters that it hangs on; ``by_code`` where these are codes. ``hints`` finds records by their
    words. ``narrowed``: without an answer to ``hints`` records may be missed that only words connect with a criterion.
    """

    keys: tuple[str, ...]
    queries: tuple[Query, ...]
    hints: Query | None = None
    narrowed: bool = False
    by_code: bool = False
    partial: bool = False
    truncated: bool = False
    detail: str | None = None

    @property
    def all(self) -> tuple[Query, ...]:
        """Its searches with the one for hints, if any, as the last."""
        return (*self.queries, self.hints) if self.hints else self.queries


@dataclass
class Plan:
    """What decides how to ask: needs, settings, the server's capabilities and refusals.

    ``base`` is the length of the server's URL. ``refused`` and ``proven`` hold names like ``Observation?combo-code``
    and ``post``: what the server does not do, and what it was seen to do. ``pace`` is how quickly it answers.
    """

    needs: Needs
    settings: Settings
    capabilities: Capabilities
    base: int
    refused: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)
    pace: Pace = field(default_factory=Pace)

    def way(self, kind: str, patient: str) -> Way | None:
        """The best way to ask for a patient's records of a type that was not refused yet; None where none is left."""
        whose = "subject" if self.capabilities.without(kind, "patient") else "patient"
        # With the type: servers must take both forms, and one (Medplum's repository) finds nothing by the id alone.
        return next(self._ways(kind, ((whose, f"Patient/{patient}"),)), None)

    def blame(self, way: Way, problem: Refused) -> set[str]:
        """What of a way the server refused, to do without it; nothing where another way would not help."""
        first = way.queries[0]
        if first.post and problem.status in _NO_POST:
            return {"post"}
        if problem.status not in _PUT_OTHERWISE:
            return set()
        names = [name for name, _ in first.params if name in _EXTRAS]
        mentioned = _first_named(_words(problem.body), {*names, *way.keys})
        return {f"{first.kind}?{name}" for name in ([mentioned] if mentioned else names or way.keys)}

    def blame_hints(self, way: Way, problem: Refused) -> set[str]:
        """The same of the search by words."""
        put_otherwise = way.hints is not None and problem.status in _PUT_OTHERWISE | _NO_POST
        return {f"Observation?{way.keys[0]}:text"} if put_otherwise else set()

    def trusts(self, kind: str, parameter: str) -> bool:
        """Whether the server is known to search by a parameter: it says so, or was seen to."""
        return f"{kind}?{parameter}" in self.proven or self.capabilities.lists(kind, parameter)

    def _can(self, kind: str, parameter: str) -> bool:
        return f"{kind}?{parameter}" not in self.refused and not self.capabilities.without(kind, parameter)

    def _ways(self, kind: str, whose: tuple[tuple[str, str], ...]) -> Iterator[Way]:
        by_code = kind == "Observation" and self.needs.codes is not None and _may_be_narrowed(self.settings)
        if by_code and self._can(kind, "combo-code"):
            yield self._by_code(("combo-code",), whose)
        elif by_code and self._can(kind, "code") and self._can(kind, "component-code"):
            yield self._by_code(("code", "component-code"), whose)
        if f"{kind}?patient" not in self.refused:
            detail = "all were asked for, as the server does not search by code" if by_code else None
            yield Way(("patient",), (self._query(kind, whose),), detail=detail)
        if by_code and self._can(kind, "category"):
            detail = "the server gives results by category only; those without one are missing"
            query = self._query(kind, (*whose, ("category", _CATEGORIES)))
            yield Way(("category",), (query,), narrowed=True, partial=True, detail=detail)
        if by_code and self._can(kind, "code"):
            way = self._by_code(("code",), whose)
            detail = "the server does not find results inside panels"
            yield replace(way, hints=None, narrowed=True, partial=True, truncated=True, detail=detail)

    def _by_code(self, keys: tuple[str, ...], whose: tuple[tuple[str, str], ...]) -> Way:
        kind, needs = "Observation", self.needs
        codes = _tokens(needs.codes or frozenset())
        if not codes:
            return Way(keys, ())
        queries = tuple(
            self._query(kind, (*whose, (key, ",".join(some))))
            for key in keys
            for some in _split(codes, None if self._posted else self._room(kind, whose, key))
        )
        words = f"{keys[0]}:text"
        hints = None
        if needs.words and f"{kind}?{words}" not in self.refused:
            hints = self._query(kind, (*whose, (words, ",".join(sorted(map(escaped, needs.words))))))
        return Way(keys, queries, hints, bool(needs.words), True, detail=f"asked for by {len(codes)} codes")

    @property
    def _posted(self) -> bool:
        return self.settings.fhir_search == "post" and "post" not in self.refused

    def _query(self, kind: str, params: tuple[tuple[str, str], ...]) -> Query:
        return Query(kind, (*params, *self._extras(kind)), self._posted)

    def _extras(self, kind: str) -> Iterator[tuple[str, str]]:
        wanted = {"_sort": "-date"} if kind == "Observation" else {}
        if kind in EXPOSURES:
            wanted["_include"] = f"{kind}:medication"
        wanted["_count"] = str(self.settings.fhir_page_size)
        return ((name, value) for name, value in wanted.items() if f"{kind}?{name}" not in self.refused)

    def _room(self, kind: str, whose: tuple[tuple[str, str], ...], key: str) -> int:
        """How long a list of codes may be in a URL."""
        others = [(key, ""), *whose, *self._extras(kind)]
        return self.settings.fhir_url_length - self.base - sum(_length(*one) for one in others) - len(f"/{kind}?")


@lru_cache(maxsize=256)
def _tokens(codes: frozenset[Code]) -> tuple[tuple[str, int], ...]:
    """Codes as a search takes them, in order, each with the room that it takes in a URL."""
    tokens = sorted({escaped(code) for _, code in codes})
    return tuple((token, len(quote(token, safe=":")) + 1) for token in tokens)


def _split(codes: Iterable[tuple[str, int]], room: int | None) -> Iterator[list[str]]:
    """Codes in lists that have room in a URL (None: in one); a list has at least one."""
    some: list[str] = []
    taken = 0
    for code, size in codes:
        if some and room is not None and taken + size > room:
            yield some
            some, taken = [], 0
        some.append(code)
        taken += size
    yield some


def _words(body: bytes) -> str:
    """What the OperationOutcome of an error says in words."""
    try:
        issues = orjson.loads(body)["issue"]
        return " ".join(str(one.get("diagnostics") or one.get("details")) for one in issues)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return ""


def _first_named(words: str, names: set[str]) -> str | None:
    """The parameter that an error names first: its cause comes before what would have been allowed."""
    return next((word for word in re.findall(r"[\w-]+", words) if word in names), None)


def _may_be_narrowed(settings: Settings) -> bool:
    """Whether Observations may be asked by code at this site (see :mod:`trialmatch.fhir.patient.needs`)."""
    return settings.fhir_observations == "codes" and settings.text != "accept"


def escaped(value: str) -> str:
    """A value in a list of values (https://hl7.org/fhir/R4/search.html#escaping)."""
    for special in "\\,$|":
        value = value.replace(special, f"\\{special}")
    return value


def _length(name: str, value: str) -> int:
    return len(quote(name)) + len(quote(value, safe=":,")) + 2
