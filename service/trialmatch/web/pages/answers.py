"""Persons' answers on the match page: which are on file for a criterion, what a form says, what changed meanwhile.

Entries have the shape of an attestations file. An answer given on the page replaces the one to the same question: two
of one day that differ would settle nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson

from trialmatch.eligibility.criteria import Item, JudgementLeaf, Study
from trialmatch.fhir.study.studies import names
from trialmatch.web.pages.match import anchor

Json = dict[str, Any]

#: What an answer is to: study (None: every study that asks), linkId, judgement, concept.
Key = tuple[str | None, str | None, str | None, str | None]


class Misunderstood(Exception):
    """A form that cannot be saved; ``text`` is the key of the words for it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class Place:
    """A single criterion of a study."""

    study: Study
    item: Item

    @property
    def link_id(self) -> str:
        """Its linkId."""
        return self.item.link_id

    @property
    def anchor(self) -> str:
        """Its name on the page."""
        return anchor(self.study.id, self.item.link_id)

    @property
    def text(self) -> str:
        """Its printed text."""
        return self.item.text

    @property
    def negated(self) -> bool:
        """Whether its statement, if true, speaks against the patient."""
        return self.item.exclude != self.item.flipped

    def key(self, *, every: bool) -> Key:
        """What an answer given here is to. ``every``: for all studies that ask the same; a judgement only."""
        leaf = self.item.leaf
        if isinstance(leaf, JudgementLeaf):
            return (None if every else self.study.id, None, leaf.code, leaf.concept)
        return (self.study.id, self.link_id, None, None)

    def means(self, yes: bool) -> str:
        """``met`` or ``unmet``: of a judgement its statement's truth, else whether the requirement is fulfilled."""
        plain = isinstance(self.item.leaf, JudgementLeaf) or not self.negated
        return "met" if yes == plain else "unmet"

    def yes(self, answer: str) -> bool:
        """Whether an answer affirms the statement."""
        return answer == self.means(True)


class Places:
    """All single criteria of some studies, by the names that the page gives them, and by what they ask."""

    def __init__(self, studies: Iterable[Study]) -> None:
        self.by_anchor: dict[str, Place] = {}
        self._asking: dict[tuple[str, str | None], list[Place]] = {}
        self._names: dict[str, str] = {}
        for study in studies:
            self._names |= dict.fromkeys(names(study), study.id)
            for item in study.leaves.values():
                place = Place(study, item)
                self.by_anchor[place.anchor] = place
                if isinstance(item.leaf, JudgementLeaf):
                    self._asking.setdefault((item.leaf.code, item.leaf.concept), []).append(place)

    def elsewhere(self, place: Place) -> list[Place]:
        """The criteria of other studies that ask for the same judgement; those of one study in the same words once."""
        leaf = place.item.leaf
        if not isinstance(leaf, JudgementLeaf):
            return []
        others = [one for one in self._asking[leaf.code, leaf.concept] if one.study is not place.study]
        return list({(one.study.id, one.text): one for one in reversed(others)}.values())[::-1]

    def key(self, entry: Mapping[str, Any]) -> Key:
        """What a stored answer is to, with the study under its own id."""
        study = entry.get("study")
        named = self._names.get(study, study) if study else None
        return (named, entry.get("linkId"), entry.get("judgement"), entry.get("concept"))

    def place_of(self, key: Key) -> Place | None:
        """A criterion that a stored answer is to, for its words."""
        study, link_id, judgement, concept = key
        if link_id:
            return self.by_anchor.get(anchor(study or "", link_id))
        asking = self._asking.get((judgement or "", concept), [])
        return next((one for one in asking if study in (None, one.study.id)), None)


@dataclass(frozen=True)
class Given:
    """An answer on file, as the page shows it. ``over``: it ran out before the day that is looked at."""

    key: str
    yes: bool
    by: str
    at: str
    until: str | None
    over: bool
    every: bool


@dataclass(frozen=True)
class Asked:
    """What the page needs to ask about a criterion: the answers on file, and who else asks."""

    given: tuple[Given, ...]
    elsewhere: tuple[Place, ...]


@dataclass(frozen=True)
class Change:
    """One answer out of a form. ``yes`` None: the answers on file that ``withdrawn`` names are taken back."""

    place: Place
    yes: bool | None
    until: date | None = None
    every: bool = False
    withdrawn: frozenset[Key] = frozenset()

    @property
    def keys(self) -> frozenset[Key]:
        """What it touches. An answer also takes the place of those that are for this very criterion or trial."""
        if self.yes is None:
            return self.withdrawn
        own = {key for key in _keys(self.place) if key[0] is not None}
        return self.withdrawn | own | {self.place.key(every=self.every)}


@dataclass(frozen=True)
class Answers:
    """The answers of a form, and the entries that they make of those on file."""

    changes: tuple[Change, ...] = field(default=())

    @property
    def keys(self) -> frozenset[Key]:
        """What they touch."""
        return frozenset(key for change in self.changes for key in change.keys)

    def applied(self, entries: Sequence[Json], places: Places, by: str, now: datetime) -> list[Json]:
        """The entries with these answers in place of earlier ones to the same questions; all others stay."""
        kept = [entry for entry in entries if places.key(entry) not in self.keys]
        fresh = {
            change.place.key(every=change.every): _entry(change, by, now)
            for change in self.changes
            if change.yes is not None
        }
        return kept + list(fresh.values())


def _entry(change: Change, by: str, now: datetime) -> Json:
    assert change.yes is not None
    names = ("study", "linkId", "judgement", "concept")
    about = dict(zip(names, change.place.key(every=change.every), strict=True))
    entry = {name: value for name, value in about.items() if value is not None}
    entry |= {"answer": change.place.means(change.yes), "by": by, "at": now.isoformat(timespec="seconds")}
    return entry | ({"until": change.until.isoformat()} if change.until else {})


def asked(places: Places, names: Iterable[str], entries: Iterable[Json], as_of: date) -> dict[str, Asked]:
    """For each criterion of these names what is on file and who else asks."""
    by_key: dict[Key, list[Json]] = {}
    for entry in entries:
        by_key.setdefault(places.key(entry), []).append(entry)
    return {
        name: Asked(
            tuple(_given(entry, key, place, as_of) for key in _keys(place) for entry in by_key.get(key, ())),
            tuple(places.elsewhere(place)),
        )
        for name, place in ((name, places.by_anchor[name]) for name in names)
    }


def _keys(place: Place) -> tuple[Key, ...]:
    """All that an answer to a criterion may be to, the most particular first."""
    named: Key = (place.study.id, place.link_id, None, None)
    return tuple(dict.fromkeys((named, place.key(every=False), place.key(every=True))))


def _given(entry: Json, key: Key, place: Place, as_of: date) -> Given:
    until = entry.get("until")
    by_statement = key[1] is None
    affirmed = entry["answer"] == "met"
    return Given(
        key=written(key),
        yes=affirmed if by_statement else affirmed != place.negated,
        by=entry["by"],
        at=entry["at"][:10],
        until=until,
        over=until is not None and until[:10] < as_of.isoformat(),
        every=key[0] is None,
    )


def written(key: Key) -> str:
    """A key as the value of a form field."""
    return orjson.dumps(key).decode()


def read(form: Mapping[str, str], withdrawals: Mapping[str, Sequence[str]], places: Places, today: date) -> Answers:
    """The answers that a form gives. Raises Misunderstood.

    ``form`` are its fields ``answer.X``, ``until.X`` and ``every.X``, X being the anchor of a criterion;
    ``withdrawals`` the values of ``withdraw.X``.
    """
    fields = [name.partition(".") for name in (*form, *withdrawals)]
    names = dict.fromkeys(rest for kind, _, rest in fields if kind in ("answer", "withdraw"))
    changes = [_change(name, form, withdrawals.get(f"withdraw.{name}", ()), places, today) for name in names]
    if not changes:
        raise Misunderstood("answer.nothing")
    said: dict[Key, bool] = {}
    for change in changes:
        if change.yes is not None and said.setdefault(change.place.key(every=change.every), change.yes) != change.yes:
            raise Misunderstood("answer.contradiction")
    return Answers(tuple(changes))


def _change(name: str, form: Mapping[str, str], taken_back: Sequence[str], places: Places, today: date) -> Change:
    place, chosen = places.by_anchor.get(name), form.get(f"answer.{name}")
    if place is None or chosen not in ("yes", "no", None):
        raise Misunderstood("answer.wrong")
    allowed = {written(key): key for key in _keys(place)}
    if any(value not in allowed for value in taken_back):
        raise Misunderstood("answer.wrong")
    withdrawn = frozenset(allowed[value] for value in taken_back)
    if chosen is None:
        return Change(place, None, withdrawn=withdrawn)
    every = form.get(f"every.{name}") == "1" and bool(places.elsewhere(place))
    return Change(place, chosen == "yes", _until(form.get(f"until.{name}"), today), every, withdrawn)


def _until(text: str | None, today: date) -> date | None:
    if not text:
        return None
    try:
        until = date.fromisoformat(text)
    except ValueError:
        raise Misunderstood("answer.wrong") from None
    if until < today:
        raise Misunderstood("answer.until.past")
    return until


@dataclass(frozen=True)
class Difference:
    """How one answer changed: ``before`` and ``after`` None where there was, or is, none."""

    kind: str
    place: Place | None
    key: Key
    before: Given | None
    after: Given | None
    mine: bool


def differences(
    before: Sequence[Json], after: Sequence[Json], places: Places, mine: frozenset[Key], as_of: date
) -> list[Difference]:
    """What changed between two versions of a patient's answers; ``mine`` are the questions of the own form."""
    old, new = ({places.key(entry): entry for entry in entries} for entries in (before, after))
    found = []
    for key in dict.fromkeys((*new, *old)):
        if old.get(key) == new.get(key):
            continue
        kind = "added" if key not in old else "removed" if key not in new else "replaced"
        place = places.place_of(key)
        shown = [_given(one[key], key, place, as_of) if place and key in one else None for one in (old, new)]
        found.append(Difference(kind, place, key, shown[0], shown[1], bool({key} & mine)))
    return found
