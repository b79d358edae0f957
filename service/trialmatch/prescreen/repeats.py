"""Records that are there again: how many, where, and all versions of those that are about different patients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial as bound

from trialmatch.fhir.elements import Json
from trialmatch.prescreen.closer import Key, record_of
from trialmatch.prescreen.shares import Cut, Share
from trialmatch.prescreen.survey import Survey
from trialmatch.prescreen.workers import Workers


@dataclass(frozen=True)
class Repeats:
    """``places`` (file, line) of records that are there again, and the lines of versions about different patients."""

    places: list[tuple[int, int]] = field(default_factory=list)
    crossing: dict[Key, list[tuple[int, int, bytes]]] = field(default_factory=dict)


def repeats(
    survey: Survey, cuts: Mapping[int, Cut], odd: Sequence[Share], ids: Mapping[Key, int], workers: Workers
) -> Repeats:
    """Look for them. ``odd`` are lines that the survey does not know, ``ids`` those of their records and how many."""
    hashes = survey.repeated()
    if not hashes:
        return Repeats()
    plain = [share for number, rows in survey.identified(hashes).items() for share in cuts[number].shares(rows)]
    found: dict[Key, list[tuple[int, int]]] = {}
    whose: dict[Key, set[str]] = {}

    def take(shares: Iterable[Share], keys: frozenset[Key] | None) -> None:
        for share, records in workers.each(bound(_told, keys=keys), shares):
            for key, line, subjects in records:
                found.setdefault(key, []).append((share.number, line))
                whose.setdefault(key, set()).add(subjects)

    take(plain, None)
    take(odd, frozenset(found) | {key for key, count in ids.items() if count > 1})
    crossed = frozenset(key for key, subjects in whose.items() if len(subjects) > 1)
    crossing: dict[Key, list[tuple[int, int, bytes]]] = {}
    for share, lines in workers.each(bound(_lines, keys=crossed), [*plain, *odd] if crossed else []):
        for key, line, content in lines:
            crossing.setdefault(key, []).append((share.number, line, content))
    return Repeats(
        sorted(place for places in found.values() for place in sorted(places)[1:]),
        {key: sorted(lines) for key, lines in sorted(crossing.items())},
    )


def _keyed(share: Share, keys: frozenset[Key] | None) -> Iterator[tuple[Key, int, bytes, Json]]:
    """The lines of a share whose records have one of ``keys`` (None: any), with the records."""
    for _, number, line in share.numbered():
        resource, _, _ = record_of(line, number, share.file.kind)
        key = (str((resource or {}).get("resourceType")), str((resource or {}).get("id")))
        if resource is not None and (keys is None or key in keys):
            yield key, number, line, resource


def _told(share: Share, keys: frozenset[Key] | None) -> list[tuple[Key, int, str]]:
    """Whose the records of a share are, as they say it."""
    return [(key, number, _subjects(resource)) for key, number, _, resource in _keyed(share, keys)]


def _lines(share: Share, keys: frozenset[Key]) -> list[tuple[Key, int, bytes]]:
    return [(key, number, line.rstrip()) for key, number, line, _ in _keyed(share, keys)]


def _subjects(resource: Json) -> str:
    return repr([resource.get(key) for key in ("subject", "patient", "individual")])
