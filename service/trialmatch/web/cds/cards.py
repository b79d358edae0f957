"""Cards of CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0/#card-attributes) out of a patient's matches.

A card is read in passing, by someone who opened the chart for another reason: one line that says how near the patient
is to which trial, and a detail that fits on a screen. The match page, to which it links, has everything.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import orjson

from trialmatch import resources
from trialmatch.config import BASE
from trialmatch.documents import evidence
from trialmatch.eligibility import truth as t
from trialmatch.eligibility.criteria import EventLeaf, Item, ResultLeaf, Study
from trialmatch.eligibility.explain import about
from trialmatch.eligibility.facts import Measurement, Source
from trialmatch.eligibility.rows import printed_rows
from trialmatch.eligibility.verdict import ELIGIBLE, LIKELY, POSSIBLE, Match, Outcome
from trialmatch.fhir.study.studies import identifiers
from trialmatch.lines import Row, clean, plural, recruitment, rows
from trialmatch.terminology.mappings import Terminology
from trialmatch.web.cds.markdown import escaped, shortened
from trialmatch.web.cds.orders import Order, is_test, orders, service_requests

Json = dict[str, Any]

#: Lines of one list in the detail, suggestions of one card: more is not read in passing.
LINES, SUGGESTIONS = 5, 3

#: Characters of a criterion as printed; so many of them at least for what a fragment is a part of.
_CRITERION, _CONTEXT = 110, 45

#: Verdicts that make a card, best first.
SHOWN = (ELIGIBLE, LIKELY, POSSIBLE)

_TITLES = {ELIGIBLE: "Eligible", LIKELY: "Likely to qualify", POSSIBLE: "May qualify"}

#: Why a data gap is one, in a few words.
_GAPS = {
    t.MISSING_DATA: "not on record",
    t.STALE: "too old",
    t.PROVISIONAL: "not final yet",
    t.UNUSABLE: "on record, but cannot be compared",
    t.IMPRECISE: "on record, but too vague to decide",
    t.SOURCE_FAILED: "could not be obtained",
}

_TOPIC = {"system": f"{BASE}/CodeSystem/card-topic", "code": "clinical-trial", "display": "Clinical trial"}


@dataclass(frozen=True)
class View:
    """For whom cards are made and where they lead.

    ``encounter`` is that of the hook's context, ``public_url`` where the pages are (None: they do not show this
    patient), ``launch_url`` where a SMART launch begins, if the site has one.
    """

    patient: str
    encounter: str | None
    public_url: str | None
    launch_url: str | None
    now: datetime


def worth_showing(matches: Iterable[Match], lowest: str) -> list[Match]:
    """The matches that make a card: of verdict ``lowest`` or better.

    Where the diagnoses could not be had, and so nobody knows of which disease the patient is, a trial would be possible
    for everybody; it makes none.
    """
    good = SHOWN[: SHOWN.index(lowest) + 1]
    return [match for match in matches if match.verdict in good and not _is_noise(match)]


def _is_noise(match: Match) -> bool:
    gates = [leaf for leaf in match.leaves if _is_gate(leaf.item)]
    unknown = any(leaf.blocking and leaf.basis == t.SOURCE_FAILED for leaf in gates)
    return unknown and not any(leaf.status == t.MET and leaf.basis == t.EVIDENCE for leaf in gates)


def _is_gate(item: Item) -> bool:
    """A diagnosis of which silence speaks against the patient: the disease that a trial or a cohort is for."""
    asked = item.leaf
    if not isinstance(asked, EventLeaf) or asked.kind != "Condition" or not asked.absent:
        return False
    return (item.exclude != asked.negated) == item.flipped


def fingerprint(match: Match) -> str:
    """What the evidence of a match comes to: it changes with the verdict, any criterion's status and any record used.

    The passing of time alone does not change it, unless something becomes too old.
    """
    leaves = sorted(match.leaves, key=lambda leaf: leaf.item.link_id)
    said = [[leaf.item.link_id, leaf.status, leaf.basis, *_facts(leaf)] for leaf in leaves]
    return hashlib.sha256(orjson.dumps([match.study.id, match.verdict, said])).hexdigest()


def _facts(leaf: Outcome) -> list[str]:
    facts = leaf.finding.facts if leaf.finding is not None else ()
    return sorted(f"{fact.reference} {getattr(fact, 'display', '')}" for fact in facts)


def cards(matches: Sequence[Match], sources: Iterable[Source], terminology: Terminology, view: View) -> list[Json]:
    """One card a match, in their order."""
    wanted = orders(matches, terminology)
    lost = [source for source in sources if source.state != "complete"]
    return [_card(match, lost, wanted, terminology, view) for match in matches]


def _card(
    match: Match, lost: Sequence[Source], wanted: Sequence[Order], terminology: Terminology, view: View
) -> Json:
    name = study_name(match.study)
    card: Json = {
        "uuid": str(uuid4()),
        "summary": summary(match),
        "indicator": "info",
        "detail": "\n\n".join(_detail(match, lost)),
        "source": {"label": f"trialmatch: {shortened(name, 80)}", "topic": _TOPIC},
        "overrideReasons": override_reasons(),
    }
    if match.study.url and re.match(r"https?://", match.study.url):
        card["source"]["url"] = match.study.url
    link = _link(match, view)
    if link is not None:
        card["links"] = [link]
    suggestions = [_suggestion(order, wanted[0], match, terminology, view) for order in wanted if _helps(order, match)]
    if suggestions:
        card |= {"suggestions": suggestions[:SUGGESTIONS], "selectionBehavior": "any"}
    return card


@cache
def _reasons() -> tuple[Json, ...]:
    system = next(
        orjson.loads(content) for name, content in resources.code_systems() if name == "override-reason.json"
    )
    return tuple(
        {"system": system["url"], "code": one["code"], "display": one["display"]} for one in system["concept"]
    )


def override_reasons() -> list[Json]:
    """The reasons for setting a card aside that it offers, as Codings with their display."""
    return [dict(reason) for reason in _reasons()]


def study_name(study: Study) -> str:
    """The name by which people know a study, on one line: its NCT number, else its id."""
    return next((one for one in sorted(identifiers(study)) if re.fullmatch(r"NCT\d{8}", one)), clean(study.id))


def summary(match: Match) -> str:
    """One sentence of less than 140 characters: name, criteria as printed, and what is open."""
    name = shortened(study_name(match.study), 64)
    known = {one.item.link_id: one for outcome in match.outcomes for one in _walk(outcome)}
    printed = [known[item.link_id] for item in _concerned(match)]
    met = sum(row.status == t.MET for row in printed)
    criteria = f"{met} of {plural(len(printed), 'criterion', 'criteria')} met"
    if match.verdict == ELIGIBLE:
        return f"Eligible for {name}: {criteria}"
    if match.verdict == LIKELY:
        return f"Likely to qualify for {name}: {criteria}, {match.confirmations} to confirm"
    tests = {about(leaf.item) for leaf in match.leaves if leaf.blocking and is_test(leaf)}
    gaps = plural(len(tests), "test") + " missing" if tests else plural(match.gaps, "data gap")
    return f"May qualify for {name}: {criteria}, {gaps}"


def _walk(outcome: Outcome) -> Iterator[Outcome]:
    yield outcome
    for member in outcome.members:
        yield from _walk(member)


def _concerned(match: Match) -> list[Item]:
    """The printed criteria that concern the patient: the common ones and those of the cohorts still open."""
    concerned = {None, *_open_cohorts(match)}
    return [row for row in printed_rows(match.study) if row.cohort in concerned]


def _open_cohorts(match: Match) -> dict[str, str]:
    """The cohorts whose verdict is the match's own, with their names."""
    return {cohort: name for cohort, name, verdict in match.cohorts if verdict == match.verdict}


def _detail(match: Match, lost: Sequence[Source]) -> Iterator[str]:
    """The paragraphs of the detail."""
    yield f"**{escaped(match.study.title, 200)}**"
    cohorts = [escaped(name, 90) for name in _open_cohorts(match).values()]
    if cohorts:
        yield f"Cohort: {'; '.join(cohorts)}"
    if state := recruitment(match.study.recruitment):
        yield f"Recruitment: **{escaped(state, 60)}**"
    yield f"{_TITLES[match.verdict]}; {_unmet(match)}"
    blocking = [leaf for leaf in match.leaves if leaf.blocking]
    gaps = [leaf for leaf in blocking if leaf.basis not in t.CONFIRMATIONS]
    if gaps:
        said = list(dict.fromkeys((about(leaf.item), _gap(leaf)) for leaf in gaps))
        yield _list("Missing", [f"{escaped(name)} – {gap}" for name, gap in said[:LINES]], len(said))
    points = {leaf.item.link_id for leaf in blocking if leaf.basis in t.CONFIRMATIONS}
    if points:
        found = rows([_item(outcome) for outcome in match.outcomes], points)
        told = [escaped(_printed(row), _CRITERION) for row in found[:LINES]]
        several = f"{len(points)} points in {len(found)} criteria" if len(points) > len(found) else None
        yield _list("For a person to confirm", told, len(found), several)
    speaking = list(_evidence(match))
    if speaking:
        yield "**On record**\n\n" + _lines(speaking)
    if lost:
        types = ", ".join(source.type for source in lost)
        yield f"_Not all records could be obtained ({types}): what hangs on them is open, not absent._"


def _printed(row: Row) -> str:
    """A criterion as printed; a fragment with the beginning of what it is a part of."""
    if not row.part_of:
        return row.own
    own = shortened(row.own, _CRITERION - min(len(row.part_of), _CONTEXT) - len(" (of: )"))
    return f"{own} (of: {shortened(row.part_of, _CRITERION - len(own) - len(' (of: )'))})"


def _item(outcome: Outcome) -> Json:
    """As much of an item's part of the match document as its line of criteria needs; without cohorts that are lost."""
    item = outcome.item
    members = [member for member in outcome.members if member.truth == t.UNKNOWN or not member.item.names_cohort]
    document: Json = {"linkId": item.link_id, "text": item.text, "cohort": item.cohort, "basis": outcome.basis}
    if item.leaf is None:
        document["combination"] = item.combination
    return document | {"exclude": item.exclude, "children": [_item(member) for member in members]}


def _unmet(match: Match) -> str:
    if match.verdict == ELIGIBLE:
        return "all criteria are met."
    return "no criterion that decides is unmet."


def _gap(leaf: Outcome) -> str:
    facts = leaf.finding.facts if leaf.finding is not None else ()
    words = _GAPS[str(leaf.basis)]
    if leaf.basis == t.STALE and len(facts) == 1 and isinstance(facts[0], Measurement) and facts[0].time.exact_day:
        return f"last of {facts[0].time.lo.date().isoformat()}, {words}"
    return words


def _list(heading: str, first: Sequence[str], number: int, counted: str | None = None) -> str:
    """The first few of a number of entries; ``counted`` says how many where that is not the number of entries."""
    more = [f"… and {number - len(first)} more on the match page"] if number > len(first) else []
    return f"**{heading} ({counted or number})**\n\n" + _lines([*first, *more])


def _lines(entries: Iterable[str]) -> str:
    return "\n".join(f"- {entry}" for entry in entries)


def _evidence(match: Match) -> Iterator[str]:
    """What speaks for the patient, with dates: the disease first, then results; a few lines."""
    met = [
        leaf for leaf in match.leaves
        if leaf.status == t.MET and leaf.basis == t.EVIDENCE and leaf.item.kind == "inclusion"
    ]  # fmt: skip
    gates = [leaf for leaf in met if _is_gate(leaf.item)]
    results = [leaf for leaf in met if isinstance(leaf.item.leaf, ResultLeaf) and leaf not in gates]
    seen: set[str] = set()
    for leaf in [*gates, *results]:
        if leaf.finding is None or not leaf.finding.facts or len(seen) == LINES:
            continue
        fact = evidence(leaf.finding.facts[0])
        if fact["reference"] not in seen:
            seen.add(fact["reference"])
            words = leaf.finding.note() if isinstance(leaf.item.leaf, ResultLeaf) else fact["display"]
            yield escaped(words, 140) + (f" ({escaped(fact['date'])})" if fact["date"] else "")


def _link(match: Match, view: View) -> Json | None:
    name = "All criteria and the evidence"
    if view.launch_url:
        context = orjson.dumps({"study": match.study.id}).decode()
        return {"label": name, "url": view.launch_url, "type": "smart", "appContext": context}
    if view.public_url is None:
        return None
    page = f"{view.public_url.rstrip('/')}/patients/{quote(view.patient, safe='')}"
    return {"label": name, "url": f"{page}?study={quote(match.study.id, safe='')}", "type": "absolute"}


def _helps(order: Order, match: Match) -> bool:
    return match.study.id in order.settles


def _suggestion(order: Order, best: Order, match: Match, terminology: Terminology, view: View) -> Json:
    settled = order.settles[match.study.id]
    elsewhere = len(order.settles) - 1
    open_ = f"settles {plural(len(settled), 'open criterion', 'open criteria')}"
    said = open_ + (f" here and some of {plural(elsewhere, 'other trial')}" if elsewhere else "")
    reason = f"Screening for {study_name(match.study)}: {', '.join(settled)}"
    requests = service_requests(order, view.patient, view.encounter, shortened(reason, 200), terminology, view.now)
    return {
        "label": f"Order {order.name} ({said})",
        "uuid": str(uuid4()),
        "isRecommended": order is best,
        "actions": [
            {"type": "create", "description": f"Draft order: {request['code']['text']}", "resource": request}
            for request in requests
        ],
    }
