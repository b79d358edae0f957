"""What a prescreen shows on a terminal: how far it is, and what came of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from trialmatch.terminal.page import heading, shorten, verdict_text

#: Stages in words, and how what is counted in them is shown.
_STAGES = {
    "survey": "reading",
    "blocks": "finding lines",
    "fetch": "candidates' records",
    "judge": "judging",
    "tally": "counting codes",
}

#: What is counted, where it is not bytes.
_COUNTED = {"fetch": "pieces", "judge": "patients", "tally": "patients"}

#: Seconds between two plain lines of progress.
_EVERY = 10.0

#: Rows of the table of studies, and changes, that are shown.
_STUDIES, _CHANGES = 40, 12

_KEPT = ("eligible", "likely", "possible")


class Shown:
    """Progress on standard error: bars with rate and time left on a terminal, plain lines otherwise.

    ``words`` are other words for stages; with ``bars_only`` there are no plain lines.
    """

    def __init__(self, words: Mapping[str, str] | None = None, *, bars_only: bool = False) -> None:
        self._words = _STAGES | dict(words or {})
        self._bars_only = bars_only
        self._bar: Bar | None = None
        self._tasks: dict[str, TaskID] = {}
        self._sizes: dict[str, list[float]] = {}
        if sys.stderr.isatty():
            self._bar = Bar(
                TextColumn("{task.description:>20}"),
                BarColumn(),
                TextColumn("{task.fields[done]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )

    def __enter__(self) -> Shown:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, stage: str, size: int) -> None:
        """A stage begins (see :class:`trialmatch.prescreen.progress.Progress`)."""
        now = time.monotonic()
        self._sizes[stage] = [float(size), 0.0, now, now]
        if self._bar is not None:
            self._tasks[stage] = self._bar.add_task(self._words[stage], total=size, done="")
        elif stage == "judge" and not self._bars_only:
            print(f"prescreen: {size:,} candidates to judge", file=sys.stderr)

    def advance(self, stage: str, size: int) -> None:
        """A stage is so much further."""
        size_of, done, began, told = self._sizes[stage]
        done, now = done + size, time.monotonic()
        rate = done / max(now - began, 0.001)
        self._sizes[stage] = [size_of, done, began, told]
        if self._bar is not None:
            self._bar.update(self._tasks[stage], advance=size, done=_rate(stage, done, size_of, rate))
        elif not self._bars_only and (now - told >= _EVERY or done >= size_of):
            self._sizes[stage][3] = now
            print(f"prescreen: {self._words[stage]} {_rate(stage, done, size_of, rate)}", file=sys.stderr)


def _rate(stage: str, done: float, size: float, rate: float) -> str:
    if stage in _COUNTED:
        return f"{done:,.0f} of {size:,.0f} {_COUNTED[stage]}, {rate:,.0f}/s"
    return f"{done / 1e6:,.0f} of {size / 1e6:,.0f} MB, {rate / 1e6:,.0f} MB/s"


def summary_page(
    run: Mapping[str, Any], changes: Sequence[Sequence[Any]] | None, out: Path, width: int
) -> Iterator[RenderableType]:
    """What came of a run: ``run`` is run.json, ``changes`` are rows of changes.csv (None: nothing to compare with)."""
    counts = run["counts"]
    yield heading(f"{counts['patients']:,} patients on {run['asOf']}", Text(run["state"]), width)
    yield Text()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("study", overflow="fold")
    for name in _KEPT:
        table.add_column(verdict_text(name), justify="right")
    for name in ("ineligible", "set aside"):
        table.add_column(name, justify="right")
    ordered = sorted(run["studies"], key=lambda study: (-sum(study[name] for name in _KEPT), study["id"]))
    for study in ordered[:_STUDIES]:
        cells = [f"{study[name]:,}" for name in _KEPT]
        table.add_row(study["id"], *cells, f"{study['ineligible']:,}", f"{sum(study['setAside'].values()):,}")
    yield table
    if len(ordered) > _STUDIES:
        yield Text(f"and {len(ordered) - _STUDIES} more studies in {out / 'attrition.html'}")
    yield Text()
    yield Text(
        "set aside: no record of what the study must find (its disease), age or sex outside its limits, or deceased",
        style="dim",
    )
    for words in _notes(run):
        yield Text(words)
    if changes is not None:
        yield Text()
        yield from _changes(changes, width)
    yield Text()
    yield Text("Next")
    changed = [("changes.csv", "what has changed since the earlier run, for a spreadsheet")] if changes else []
    for name, what in (
        *changed,
        ("screening-log.csv", "the candidates with reasons, for a spreadsheet"),
        ("attrition.html", "where patients are lost and what is missing, for a browser"),
        ("candidates.ndjson", "the candidates as FHIR ResearchSubjects"),
        ("matches.parquet", "everything, for further work"),
    ):
        yield Text(f"  {out / name}  {what}", no_wrap=True)


def _notes(run: Mapping[str, Any]) -> Iterator[str]:
    counts = run["counts"]
    if run["undetermined"]:
        yield f"Without criteria in the record, so that nobody can tell: {', '.join(run['undetermined'])}"
    orphans = sum(counts["orphans"].values())
    if orphans:
        yield f"{_number(orphans, 'record is', 'records are')} about patients who are not there"
    if counts["repeated"]:
        yield f"{_number(counts['repeated'], 'record is', 'records are')} there again; the newest version counts"
    if counts["replaced"]:
        yield f"{_number(counts['replaced'], 'patient is', 'patients are')} replaced by another and looked at there"
    if counts["faults"]:
        lines = _number(counts["faults"], "line", "lines")
        yield f"{lines} could not be read: what might have been said there counts as not known"


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _changes(changes: Sequence[Sequence[Any]], width: int) -> Iterator[RenderableType]:
    if not changes:
        yield Text("Nothing has changed since the earlier run.")
        return
    yield Text(f"Changed since the earlier run: {len(changes):,}")
    for study, patient, before, now, because, *_ in changes[:_CHANGES]:
        yield Text("  " + shorten(f"{study} {patient} {before} → {now}: {because}", width - 2))
    if len(changes) > _CHANGES:
        yield Text(f"  and {len(changes) - _CHANGES} more in changes.csv")
