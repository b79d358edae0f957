"""What the match page shows of an answer: the best trials whole, the others by name, what would settle most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.explain import why
from trialmatch.eligibility.verdict import INELIGIBLE, Match
from trialmatch.lines import by_way, confirmations_of, recorded, recruitment, rows
from trialmatch.store.attestations import Held
from trialmatch.usecases.match import Answer
from trialmatch.web.pages import answers
from trialmatch.web.pages.match import Trial, arranged, next_best
from trialmatch.web.pages.texts import say

Json = dict[str, Any]

#: So many trials are shown with all their criteria; the others by name, each with a link to itself alone.
SHOWN = 10

#: So many are named at most, of those further down and of those that rule the patient out.
NAMED = 100

_SETTLING = 6

FILTERS = ("all", "unmet", "missing", "confirm")


@dataclass(frozen=True)
class Line:
    """A trial by name."""

    id: str
    verdict: str
    why: str
    opens: str | None = None


@dataclass(frozen=True)
class View:
    """How the page was asked for. ``only`` is the one trial that is shown; ``now`` is in the site's time zone."""

    asked: str
    as_of: date
    now: datetime
    only: str | None = None
    show: str = "all"

    @property
    def today(self) -> date:
        """The site's present day."""
        return self.now.date()

    @property
    def past(self) -> bool:
        """Whether a day is looked at on which an answer of today did not count yet."""
        return self.as_of < self.today


def page(answer: Answer, view: View, held: Held, places: answers.Places) -> Json:
    """The variables of the template, from an answer to a question about every trial."""
    shown = [match for match in answer.matches if view.only or match.verdict != INELIGIBLE]
    whole = replace(answer, matches=shown[: SHOWN + 1]).document(view.now)
    document = whole | {"matches": whole["matches"][:SHOWN]}
    studies = {study.id: study for study in answer.studies.studies}
    trials = [arranged(match, studies[match["study"]["id"]]) for match in document["matches"]]
    out = [match for match in answer.matches if match not in shown]
    person = answer.context.facts.person
    facts = [
        person.name,
        say("match.born", date=person.birth_printed) if person.birth_printed else "",
        person.sex or "",
        say("match.record-number", number=person.record_number) if person.record_number else "",
        say("match.deceased") if person.deceased else "",
    ]
    there, none = recorded(document)
    return {
        "document": document,
        "patient": {
            "id": document["patient"].removeprefix("Patient/"),
            "asked": view.asked,
            "facts": [fact for fact in facts if fact],
        },
        "records": {"there": there, "none": none},
        "incomplete": _incomplete(document["sources"]),
        "trials": [_shown(trial) for trial in trials],
        "further": [_line(match) for match in shown[SHOWN:][:NAMED]],
        "further_more": max(0, len(shown) - SHOWN - NAMED),
        "out": [_line(match) for match in out[:NAMED]],
        "out_more": max(0, len(out) - NAMED),
        "opens": {match.study.id: day for match in answer.matches if (day := _opens(match))},
        "settling": next_best(trials, _SETTLING) if len(trials) > 1 else [],
        "totals": {state: sum(trial.numbers[state] for trial in trials) for state in FILTERS[1:]},
        "asked": answers.asked(places, _asking(trials), held.entries, view.as_of),
        "version": held.version,
        "answerable": not view.past,
        "past": view.past,
        "today": view.today.isoformat(),
        "as_of": view.as_of.isoformat() if view.as_of != view.today else None,
        "only": view.only,
        "show": view.show,
        "generated": f"{view.now:%Y-%m-%d %H:%M %Z}",
    }


def _asking(trials: Iterable[Trial]) -> Iterator[str]:
    return (leaf.anchor for trial in trials for leaf in trial.leaves if leaf.asks)


def _line(match: Match) -> Line:
    opens = _opens(match)
    return Line(match.study.id, match.verdict, why(replace(match, outlook=None) if opens else match), opens)


def _opens(match: Match) -> str | None:
    """From when a trial may no longer rule the patient out; results that grow too old to count promise nothing."""
    if match.outlook is None or all(finding.basis == t.STALE for _, finding in match.outlook.changes):
        return None
    return match.outlook.day.isoformat()


def _shown(trial: Trial) -> Json:
    """A trial with the words that its template needs."""
    return {name: getattr(trial, name) for name in ("match", "anchor", "sections", "unmet", "conflicts", "numbers")} | {
        "gaps": [{"words": say(f"basis.{gap.basis}"), "needs": gap.needs} for gap in trial.gaps],
        "recruitment": recruitment(trial.match["study"]["recruitment"]),
        "ways": ways(trial.match),
        "short": short(trial),
    }


def ways(match: Mapping[str, Any]) -> list[tuple[str, int]]:
    """How the points for a person are settled: the way, and by how many criteria."""
    points = {one["linkId"] for one in confirmations_of(dict(match))}
    return [(way, len(mine)) for way, mine in by_way(rows(match["items"], points)).items() if mine]


def short(trial: Trial) -> str:
    """What stands between the patient and a trial, in a few words."""
    if not trial.sections:
        return say(f"verdict.{trial.match['verdict']}.means")
    said = [say(f"count.{state}", n=trial.numbers[state]) for state in FILTERS[1:] if trial.numbers[state]]
    return ", ".join(said) or say("match.nothing-open")


def _incomplete(sources: Iterable[Json]) -> list[Json]:
    """Sources that are not complete; said once where all of them are so for the same reason."""
    all_sources = list(sources)
    faulty = [source for source in all_sources if source["state"] != "complete"]
    alike = {(source["state"], source["detail"]) for source in faulty}
    if faulty and len(faulty) == len(all_sources) and len(alike) == 1:
        return [faulty[0] | {"words": say("match.incomplete.every")}]
    return [source | {"words": source["type"]} for source in faulty]
