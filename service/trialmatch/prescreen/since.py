"""What changed since an earlier run: whose verdict is another one, and because of which fact."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from trialmatch.eligibility.criteria import Study
from trialmatch.eligibility.verdict import INELIGIBLE, VERDICTS
from trialmatch.errors import BadInput
from trialmatch.prescreen.judge import Held
from trialmatch.prescreen.outputs import cell, held_rows

#: Columns of changes.csv.
CHANGES = ("study", "patient", "before", "now", "because")

#: Who was set aside before any criterion was judged, in the columns of verdicts.
ASIDE = "set aside"

#: So many facts are named for one change.
_MOST = 4


class Change(NamedTuple):
    """A patient whose verdict on a study is another one now."""

    study: str
    patient: str
    before: str
    now: str
    because: str


def changes(earlier: Path, now: Path, studies: Sequence[Study]) -> list[Change]:
    """Every change since the run in ``earlier``, by study; unchanged candidates are left out.

    Raises BadInput where the earlier run cannot be read.
    """
    names = {study.id: {item.link_id: _label(item) for item in study.walk()} for study in studies}
    leaves = {study.id: [item.link_id for item in study.walk() if item.leaf is not None] for study in studies}
    try:
        run = orjson.loads((earlier / "run.json").read_bytes())
        old_leaves = {one["id"]: one["leaves"] for one in run["studies"]}
        before = {(held.patient, held.study): held for held in held_rows(earlier / "findings.parquet")}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadInput(str(earlier), f"not readable ({type(problem).__name__})", "a finished prescreen") from None
    found = []
    for held in held_rows(now / "findings.parquet"):
        was = before.pop((held.patient, held.study), None)
        old = was.verdict if was else ASIDE
        if old == held.verdict or (was is None and held.verdict == INELIGIBLE):
            continue
        if held.study not in old_leaves:
            because = "the study was not in the earlier run"
        else:
            because = _because(was, held, old_leaves[held.study], leaves[held.study], names[held.study])
        found.append(Change(held.study, held.patient, old, held.verdict, because))
    for (patient, study), was in before.items():
        if study in names and was.verdict != INELIGIBLE:
            words = "no record of the disease any longer, deceased, outside age or sex, or no longer among the patients"
            found.append(Change(study, patient, was.verdict, ASIDE, words))
    order = {name: place for place, name in enumerate((*VERDICTS, ASIDE))}
    return sorted(found, key=lambda one: (one.study, order[one.now], one.patient))


def write_changes(path: Path, found: Iterable[Change]) -> None:
    """Changes as CSV for people."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(CHANGES)
        writer.writerows([[cell(one) for one in change] for change in found])


def _because(was: Held | None, held: Held, old: Sequence[str], new: Sequence[str], names: Mapping[str, str]) -> str:
    """The facts that changed what matters: leaves that were against it and no longer are, or the other way round."""
    now = dict(zip(new, held.statuses, strict=True))
    then = dict(zip(old, was.statuses, strict=True)) if was else {}
    shown = {one["linkId"]: one["words"] for one in held.shown}
    showed = {one["linkId"]: one["words"] for one in was.shown} if was else {}
    changed = (
        [name for name in new if then.get(name) != now[name]] if was else [name for name in shown if now[name] == "m"]
    )
    if was is not None:
        against = [
            name
            for name in changed
            if (now[name] == "u") == (held.verdict == INELIGIBLE) and "u" in (then.get(name), now[name])
        ]
        changed = against or changed
        changed = [name for name in changed if shown.get(name) != showed.get(name)] or changed
    words = dict.fromkeys(
        f"{name} {names[name]}: {_difference(showed.get(name, ''), shown.get(name, ''))}" for name in changed
    )
    told = list(words)[:_MOST]
    rest = len(words) - len(told)
    return "; ".join(told) + (f"; and {rest} more" if rest > 0 else "")


def _difference(before: str, now: str) -> str:
    """Two displays as one: ``Hemoglobin 9.8 → 10.4 g/dL``."""
    if before == now:
        return now or "its record is silent, as before; a window or limit has passed"
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


def _label(item: object) -> str:
    leaf = getattr(item, "leaf", None)
    return str(getattr(leaf, "label", "") or getattr(item, "text", "") or "")
