"""What a situation is, and how it is held: a record, and what single criteria must say of it.

Expected values are written by hand from the table of situations and the criteria language, before any run. They are the
product's statuses (``met`` is always good news), so an exclusion whose fact is there is ``unmet``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.harness import match_bundle
from tests.situations.builders import AS_OF, PATIENT, Json, record

#: "Something is still open": nothing is unmet, a person or a further result must settle the rest.
OPEN = ("likely", "possible")


@dataclass(frozen=True)
class Situation:
    """One situation: its number in the table and its words, the facts, and what they must come to.

    ``expect`` maps linkIds to ``status`` or ``status:basis``; ``verdict`` is one verdict or several that are right.
    """

    number: str
    words: str
    facts: tuple[Json, ...]
    expect: Mapping[str, str] = field(default_factory=dict)
    verdict: str | tuple[str, ...] | None = None
    study: str = "NCT06892145"
    as_of: str = AS_OF
    given: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.number} {self.words}"


def match(situation: Situation) -> Json:
    """The match of the situation's record with its study, ineligible or not."""
    document = match_bundle(
        record(*situation.facts), PATIENT, study_ids=[situation.study], as_of=situation.as_of, **situation.given
    )
    matches = [one for one in document["matches"] if one["study"]["id"] == situation.study]
    assert len(matches) == 1, f"expected one match with {situation.study}, received {len(matches)}"
    return matches[0]


def walk(items: list[Json]) -> Iterator[Json]:
    """All items of a match, groups and leaves."""
    for item in items:
        yield item
        yield from walk(item.get("children", []))


def check(situation: Situation) -> None:
    """Hold a situation to its expectation; every difference is told, not only the first."""
    found = match(situation)
    items = {item["linkId"]: item for item in walk(found["items"])}
    wrong = []
    for link_id, expected in situation.expect.items():
        status, _, basis = expected.partition(":")
        item = items[link_id]
        if item["status"] != status or (basis and item.get("basis") != basis):
            received = f"{item['status']}:{item.get('basis')}"
            wrong.append(f"{link_id}: expected {expected}, received {received} ({item.get('reason')})")
    if situation.verdict is not None:
        allowed = (situation.verdict,) if isinstance(situation.verdict, str) else situation.verdict
        if found["verdict"] not in allowed:
            wrong.append(f"verdict: expected {' or '.join(allowed)}, received {found['verdict']} ({found['why']})")
    assert not wrong, f"{situation}\n" + "\n".join(wrong)


def cases(*situations: Situation) -> pytest.MarkDecorator:
    """Parametrise a test with situations, named by their number and words."""
    return pytest.mark.parametrize("situation", situations, ids=str)
