"""What changed since an earlier run: whose verdict is another one, and because of which facts."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from trialmatch.eligibility.criteria import Item, Study
from trialmatch.eligibility.verdict import INELIGIBLE, VERDICTS
from trialmatch.errors import BadInput, UsageError
from trialmatch.prescreen.gates import gate_of
from trialmatch.prescreen.judge import Held
from trialmatch.prescreen.outputs import cell, held_rows, verdicts, write_parquet
from trialmatch.prescreen.reading import Reading
from trialmatch.prescreen.whereabouts import NO_RECORD, NOT_THERE, Whereabouts

#: In the columns of verdicts: who was set aside before any criterion was judged, and who was not looked at.
ASIDE, NOT_SCREENED = "set aside", "not screened"

#: Columns of changes.parquet: name, type, meaning. The fields of :class:`Change` in their order.
CHANGED: tuple[tuple[str, pa.DataType, str], ...] = (
    ("study", pa.string(), "id of the study"),
    ("patient", pa.string(), "reference of the Patient"),
    (
        "before",
        pa.string(),
        "the verdict of the earlier run; `set aside` (or not there yet); `not screened`: the study was not in that run",
    ),
    ("now", pa.string(), "the verdict of this run; `set aside`; `not there`: no such Patient, or replaced by another"),
    ("because", pa.string(), "what changed, in words: up to four criteria"),
    (
        "facts",
        pa.list_(
            pa.struct([(name, pa.string()) for name in ("linkId", "text", "before", "now", "shownBefore", "shownNow")])
        ),
        "every criterion that tells the change: its status before and now, and what the records showed",
    ),
)

#: Columns of changes.csv.
CHANGES = tuple(name for name, _, _ in CHANGED[:5])

#: So many criteria are named in words for one change.
_MOST = 4

_STATUS = {"m": "met", "u": "unmet", "?": "unknown"}


class Change(NamedTuple):
    """A patient whose verdict on a study is another one now."""

    study: str
    patient: str
    before: str
    now: str
    because: str
    facts: list[dict[str, str | None]]


class _Fact(NamedTuple):
    """How one criterion came out then and now (None: it was not judged), and what the records showed."""

    link_id: str
    text: str
    before: str | None
    now: str | None
    shown_before: str
    shown_now: str

    @property
    def name(self) -> str:
        """What the criterion is called in words."""
        return f"{self.link_id} {self.text}".strip()

    @property
    def column(self) -> dict[str, str | None]:
        """The fact in changes.parquet."""
        names = ("linkId", "text", "before", "now", "shownBefore", "shownNow")
        return {name: value or None for name, value in zip(names, self, strict=True)}


class _Then(NamedTuple):
    """What an earlier run found of a patient and a study; ``letters`` are the leaves' by linkId."""

    held: Held
    letters: Mapping[str, str]


@dataclass(frozen=True)
class Earlier:
    """A finished run to compare with: what its run.json says, and by study the leaves that were judged."""

    folder: Path
    run: Mapping[str, Any]
    leaves: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, folder: Path) -> Earlier:
        """The run in a folder. Raises UsageError where there is none, BadInput where it cannot be read."""
        for name in ("run.json", "findings.parquet"):
            if not (folder / name).exists():
                raise UsageError(f"--since {folder}: no finished run is there ({name} is missing)")
        try:
            run = orjson.loads((folder / "run.json").read_bytes())
            return cls(folder, run, {one["id"]: one["leaves"] for one in run["studies"]})
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise _unreadable(folder / "run.json", problem) from None

    def verdicts(self) -> dict[tuple[str, str], str]:
        """Every verdict by patient and study, ineligible ones too."""
        path = self.folder / "findings.parquet"
        try:
            return {(patient, study): verdict for patient, study, verdict in verdicts(path)}
        except (OSError, ValueError, KeyError) as problem:
            raise _unreadable(path, problem) from None

    def held(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], _Then]:
        """What was found of some patients and studies."""
        path = self.folder / "findings.parquet"
        try:
            return {
                (one.patient, one.study): _Then(one, dict(zip(self.leaves[one.study], one.statuses, strict=True)))
                for one in held_rows(path, wanted)
            }
        except (OSError, ValueError, KeyError) as problem:
            raise _unreadable(path, problem) from None

    def other(self, as_of: date, engine: Mapping[str, str], partial: Iterable[str]) -> list[str]:
        """What else than the records is another than it was then, in words."""
        found = [] if self.run.get("asOf") == as_of.isoformat() else ["another day of screening"]
        words = {"version": "another version", "studies": "other studies", "mappings": "other mappings"}
        before = self.run.get("engine") or {}
        found += [words.get(name, name) for name in engine if before.get(name) != engine[name]]
        if set(self.run.get("partial") or ()) != set(partial):
            found.append("another part of the records that cannot be read")
        return found


def changes(
    earlier: Earlier, now: Path, studies: Sequence[Study], reading: Reading, as_of: date, engine: Mapping[str, str]
) -> list[Change]:
    """Every change since an earlier run, by study, best first; unchanged candidates are left out.

    ``now`` is the folder with this run's findings, ``engine`` what run.json says of versions. Raises BadInput where the
    earlier run cannot be read.
    """
    known = {study.id: _Criteria(study) for study in studies}
    before = earlier.verdicts()
    told: dict[tuple[str, str], str | None] = {}
    for patient, study, verdict in verdicts(now / "findings.parquet"):
        was = before.pop((patient, study), None)
        if was != verdict and not (was is None and verdict == INELIGIBLE):
            told[patient, study] = was
    lost = [key for key, was in before.items() if key[1] in known and was != INELIGIBLE]
    then = earlier.held({*lost, *(key for key, was in told.items() if was is not None)})
    other = earlier.other(as_of, engine, reading.partial)
    found = [
        _here(held, known[held.study], then.get((held.patient, held.study)), held.study in earlier.leaves, other)
        for held in held_rows(now / "findings.parquet", told.keys())
    ]
    where = Whereabouts.of_run(reading, studies, as_of, {_id(patient) for patient, _ in lost})
    found += [_lost(then[key], known[key[1]], where) for key in lost]
    order = {name: place for place, name in enumerate((*VERDICTS, ASIDE, NOT_THERE))}
    return sorted(found, key=lambda one: (one.study, order[one.now], one.patient))


def write_changes(path: Path, found: Iterable[Change]) -> None:
    """Changes as CSV for people."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(CHANGES)
        writer.writerows([[cell(one) for one in change[: len(CHANGES)]] for change in found])


def write_changed(path: Path, found: Sequence[Change]) -> None:
    """Changes as Parquet."""
    write_parquet(path, CHANGED, [found])


class _Criteria:
    """A study's criteria: their texts, the leaves in order, and those that there must be a record of."""

    def __init__(self, study: Study) -> None:
        self.texts = {item.link_id: _text(item) for item in study.walk()}
        self.leaves = [item.link_id for item in study.walk() if item.leaf is not None]
        self.gates = {item.link_id for item in study.walk() if item.leaf is not None and gate_of(item.leaf) is not None}

    def letters(self, held: Held) -> dict[str, str]:
        """The letter of each leaf by its linkId."""
        return dict(zip(self.leaves, held.statuses, strict=True))

    def entering(self, held: Held) -> list[_Fact]:
        """What speaks for somebody of whom nothing was known: what is met by records, first what must be on record."""
        now, shown = self.letters(held), _shown(held)
        met = sorted((name for name in shown if now[name] == "m"), key=lambda name: name not in self.gates)
        return [_Fact(name, self.texts[name], None, "met", "", shown[name]) for name in met]

    def leaving(self, then: _Then) -> list[_Fact]:
        """What was on record of somebody of whom nothing is any longer, of what must be on record."""
        shown = _shown(then.held)
        met = [name for name in self.leaves if name in self.gates and name in shown and then.letters.get(name) == "m"]
        return [_Fact(name, self.texts[name], "met", None, shown[name], "") for name in met]

    def differing(self, then: _Then, held: Held) -> list[_Fact]:
        """The criteria that came out otherwise: those that tell the change, first those whose records changed."""
        before, now, showed, shown = then.letters, self.letters(held), _shown(then.held), _shown(held)
        changed = [name for name in dict.fromkeys((*now, *before)) if before.get(name) != now.get(name)]
        tell = [name for name in changed if _tells(then.held.verdict, held.verdict, before.get(name), now.get(name))]
        return [
            _Fact(
                name,
                self.texts.get(name, ""),
                _STATUS.get(before.get(name, "")),
                _STATUS.get(now.get(name, "")),
                showed.get(name, ""),
                shown.get(name, ""),
            )
            for name in sorted(tell or changed, key=lambda name: showed.get(name) == shown.get(name))
        ]


def _here(held: Held, criteria: _Criteria, then: _Then | None, screened: bool, other: Sequence[str]) -> Change:
    """The change of somebody who is judged now; ``screened``: the earlier run was about the study, too."""
    if not screened:
        return Change(held.study, held.patient, NOT_SCREENED, held.verdict, "the study was not in the earlier run", [])
    if then is None:
        facts = criteria.entering(held)
        because = _several([f"{fact.name}: {fact.shown_now}" for fact in facts])
    else:
        facts = criteria.differing(then, held)
        because = _several([f"{fact.name}: {_told(fact, criteria, other)}" for fact in facts])
    was = then.held.verdict if then else ASIDE
    return Change(held.study, held.patient, was, held.verdict, because, [fact.column for fact in facts])


def _lost(then: _Then, criteria: _Criteria, where: Whereabouts) -> Change:
    """The change of somebody who was a candidate and is not judged any longer."""
    patient, study, was = then.held.patient, then.held.study, then.held.verdict
    kind, because = where.of(_id(patient), study)
    facts = criteria.leaving(then) if kind == NO_RECORD else []
    if facts:
        because += f" (before: {_several([f'{fact.name}: {fact.shown_before}' for fact in facts])})"
    return Change(
        study, patient, was, NOT_THERE if kind == NOT_THERE else ASIDE, because, [fact.column for fact in facts]
    )


def _tells(was: str, verdict: str, before: str | None, now: str | None) -> bool:
    """Whether a leaf that came out otherwise tells why a verdict did: what stands against it, or keeps it open."""
    if INELIGIBLE in (was, verdict):
        return (now if verdict == INELIGIBLE else before) == "u"
    return (before if VERDICTS.index(verdict) < VERDICTS.index(was) else now) == "?"


def _told(fact: _Fact, criteria: _Criteria, other: Sequence[str]) -> str:
    """How a criterion came to another status, in words."""
    if fact.now is None:
        return "no longer judged by itself" if fact.link_id in criteria.texts else "no longer a criterion"
    if fact.before is None:
        return f"{fact.shown_now or 'nothing on record'}; a new criterion, {fact.now}"
    if fact.shown_before != fact.shown_now:
        return _difference(fact.shown_before, fact.shown_now)
    causes = [*other, "other details of the records"] if fact.shown_now else other or ["other settings"]
    same = f"{fact.shown_now or 'nothing on record'}, as before"
    return f"{same}; {fact.before} → {fact.now} because of {' or '.join(causes)}"


def _several(words: Sequence[str]) -> str:
    """The first few of several parts."""
    more = [f"and {len(words) - _MOST} more"] if len(words) > _MOST else []
    return "; ".join([*words[:_MOST], *more])


def _id(reference: str) -> str:
    return reference.removeprefix("Patient/")


def _shown(held: Held) -> dict[str, str]:
    return {one["linkId"]: one["words"] for one in held.shown}


def _difference(before: str, now: str) -> str:
    """Two displays as one: ``Hemoglobin 9.8 → 10.4 g/dL``."""
    if not before or not now:
        return f"{before or 'nothing on record'} → {now or 'nothing that counts'}"
    first, second = before.split(), now.split()
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    end = 0
    while end < min(len(first), len(second)) - start and first[-1 - end] == second[-1 - end]:
        end += 1
    middle = [" ".join(part[start : len(part) - end]) for part in (first, second)]
    if not all(middle):
        return f"{before} → {now}"
    return " ".join((*first[:start], f"{middle[0]} → {middle[1]}", *first[len(first) - end :]))


def _text(item: Item) -> str:
    return str(getattr(item.leaf, "label", "") or item.text or "")


def _unreadable(path: Path, problem: Exception) -> BadInput:
    return BadInput(str(path), f"cannot be read ({type(problem).__name__})", "what a finished prescreen left")
