"""A prescreen as a page: how far it is, what came of it, where patients are lost, and whom to look at first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.exceptions import NotFound

from trialmatch.config import Settings
from trialmatch.store.runs import Run
from trialmatch.web.cds.markdown import shortened
from trialmatch.web.converters import FHIR_ID
from trialmatch.web.prescreens import results as prescreen_results
from trialmatch.web.prescreens.results import KEPT

Json = dict[str, Any]

#: So many studies are shown with their best patients, the others by their numbers, each with a link to itself alone.
IN_FULL = 10

#: Patients of a study among others, and on a page of its own.
BEST, ON_A_PAGE = 5, 50

#: Why patients are set aside before they are judged, in the order in which it is looked at.
_ASIDE = ("no-record-of-disease", "deceased", "age-or-sex")

#: What of the counts of a run is told where there is any.
_FURTHER = ("replaced", "repeated", "withoutId")

#: Files of a run that its page offers; those about patients, and what a browser is to take them for.
LOG, CHANGES, ATTRITION = "screening-log.csv", "changes.csv", "attrition.html"

#: Characters of what is named of a person's part.
_NEED = 100

_WIDE = 100.0


@dataclass(frozen=True)
class Part:
    """A part of a bar, in hundredths of its whole length."""

    name: str
    x: float
    width: float


@dataclass(frozen=True)
class Step:
    """A step of a funnel: how many are left, as a bar."""

    name: str
    left: int
    of: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Funnel:
    """One study of a run: its numbers, and the patients that are shown of it."""

    study: Json
    patients: int
    kept: int
    steps: tuple[Step, ...]
    aside: tuple[tuple[str, int], ...]
    rows: list[Json] = field(default_factory=list)
    first: int = 1

    @property
    def last(self) -> int:
        """The place of the last patient shown."""
        return self.first + len(self.rows) - 1


@dataclass(frozen=True)
class Asked:
    """How a page of a run is asked for: one study alone, and which page of its patients."""

    study: str | None = None
    page: int = 1


def asked(arguments: Mapping[str, str]) -> Asked:
    """What an address asks for; a page that is no number is the first."""
    number = arguments.get("page", "")
    return Asked(arguments.get("study") or None, int(number) if number.isdecimal() and len(number) < 10 else 1)


def state(run: Run) -> str:
    """The state of a run in the pages' terms: ``incomplete`` is done, but not everything could be read."""
    return "incomplete" if run.state == "done" and run.progress.get("exit") != 0 else run.state


def page(settings: Settings, run: Run, wanted: Asked) -> Json:
    """The variables of the template. ``patients`` are those whom it shows; None where it shows no results.

    Raises NotFound for a study that the run has not looked at.
    """
    zone, day = settings.zone, run.request.get("asOf") or ""
    shown: Json = {
        "run": run,
        "state": state(run),
        "as_of": day,
        "other_day": day if day != run.created.astimezone(zone).date().isoformat() else None,
        "created": f"{run.created.astimezone(zone):%Y-%m-%d %H:%M}",
        "updated": f"{run.updated.astimezone(zone):%Y-%m-%d %H:%M}",
        "heard": f"{run.updated.astimezone(zone):%H:%M:%S}",
        "wanted": wanted,
        "patients": None,
    }
    if run.state != "done":
        return shown
    try:
        out, found = prescreen_results.results(settings, run), prescreen_results.summary(settings, run)
    except NotFound:
        return shown | {"gone": True}
    studies = _wanted(found, wanted.study)
    funnels = [_funnel(study, found["counts"]["patients"]) for study in studies]
    ranges = _ranges(funnels, wanted)
    rows = prescreen_results.ranked(settings, run, ranges)
    full = [_filled(one, rows.get(one.study["id"]), ranges.get(one.study["id"])) for one in funnels]
    return shown | {
        "summary": found,
        "people": prescreen_results.people(settings, run),
        "further": [(name, found["counts"][name]) for name in _FURTHER if found["counts"].get(name)],
        "orphans": sum(found["counts"]["orphans"].values()),
        "incomplete": _incomplete(found),
        "funnels": full,
        "files": [name for name in (LOG, CHANGES, ATTRITION) if (out / name).is_file()],
        "patients": [row["patient"] for one in full for row in one.rows],
        "pages": _pages(full[0].kept) if wanted.study else 1,
    }


def _wanted(found: Json, study: str | None) -> list[Json]:
    """The studies to show: those that the most patients are nearest to first, or one."""
    ordered = sorted(found["studies"], key=lambda one: (*(-one[name] for name in KEPT), one["id"]))
    chosen = [one for one in ordered if study in (None, one["id"])]
    if study is not None and not chosen:
        raise NotFound("this prescreen has not looked at such a study")
    return chosen


def _kept(study: Json) -> int:
    return sum(study[name] for name in KEPT)


def _pages(kept: int) -> int:
    return max(1, -(-kept // ON_A_PAGE))


def _ranges(funnels: Iterable[Funnel], wanted: Asked) -> dict[str, range]:
    """The places of the patients who are shown, by study."""
    if wanted.study is None:
        return {one.study["id"]: range(min(BEST, one.kept)) for one in [*funnels][:IN_FULL] if one.kept}
    (alone,) = funnels
    first = ON_A_PAGE * (min(max(wanted.page, 1), _pages(alone.kept)) - 1)
    return {alone.study["id"]: range(first, min(first + ON_A_PAGE, alone.kept))} if alone.kept else {}


def _filled(funnel: Funnel, rows: list[Json] | None, places: range | None) -> Funnel:
    if rows is None or places is None:
        return funnel
    told = [_row(row, places.start + place) for place, row in enumerate(rows, start=1)]
    return Funnel(funnel.study, funnel.patients, funnel.kept, funnel.steps, funnel.aside, told, places.start + 1)


def _row(row: Json, place: int) -> Json:
    """A row as it is shown. Where only a person's word is missing, it is named; else ``reason`` names the gaps."""
    identity = row["patient"].removeprefix("Patient/")
    needs = [*dict.fromkeys(row["needs"])] if row["verdict"] == "likely" else []
    return row | {
        "place": place,
        "id": identity,
        "leads": FHIR_ID.fullmatch(identity) is not None,
        "open": row["counts"]["blocking"],
        "need": shortened(needs[0], _NEED) if needs else "",
        "more": len(needs) - 1,
    }


def _funnel(study: Json, patients: int) -> Funnel:
    kept, at, parts = _kept(study), 0.0, []
    for name in KEPT:
        width = _share(study[name], patients)
        parts.append(Part(name, round(at, 3), width))
        at += width
    steps = (
        Step("patients", patients, patients, (Part("all", 0.0, _share(patients, patients)),)),
        Step("judged", study["judged"], patients, (Part("all", 0.0, _share(study["judged"], patients)),)),
        Step("kept", kept, study["judged"], tuple(part for part in parts if part.width)),
    )
    aside = tuple((name, study["setAside"][name]) for name in _ASIDE if study["setAside"].get(name))
    return Funnel(study, patients, kept, steps, aside)


def _share(count: int, whole: int) -> float:
    """The length of a bar; whoever is there is seen, however few among many."""
    return max(round(_WIDE * count / whole, 3), 0.4) if count and whole else 0.0


def _incomplete(found: Json) -> list[tuple[str, str | int]]:
    """Types of which not everything was read, with why in words, or for how many patients."""
    whole: list[tuple[str, str | int]] = [*found["partial"].items()]
    return whole + [*found["counts"]["patientsWithUnreadableRecords"].items()]
