"""The match document: what the command line, HTTP and files show of a match (fields are fixed; more may be added)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from trialmatch import __version__
from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context
from trialmatch.eligibility.criteria import DEFAULT_VALIDITY, Item, Study
from trialmatch.eligibility.dates import Offset
from trialmatch.eligibility.describe import concept_words, demand, describe
from trialmatch.eligibility.explain import before, need, why
from trialmatch.eligibility.facts import Fact, Measurement, Person, Source
from trialmatch.eligibility.rows import COMPUTABLE, NOT, PARTLY, computable, printed_rows
from trialmatch.eligibility.verdict import Match, Outcome, Outlook

Json = dict[str, Any]


def match_document(
    context: Context, matches: Sequence[Match], studies: str, mappings: str, sources: Sequence[Source], now: datetime
) -> Json:
    """The document of a patient's ranked matches."""
    shown: dict[int, Json] = {}
    return {
        "patient": context.facts.person.reference,
        "asOf": context.as_of.isoformat(),
        "generatedAt": now.isoformat(timespec="seconds"),
        "engine": {"version": __version__, "studies": f"sha256:{studies}", "mappings": f"sha256:{mappings}"},
        "sources": [
            {"type": one.type, "state": one.state, "count": one.count, "detail": one.detail} for one in sources
        ],
        "matches": [
            _match(match, rank, matches[rank] if rank < len(matches) else None, shown)
            for rank, match in enumerate(matches, start=1)
        ],
    }


def _match(match: Match, rank: int, following: Match | None, shown: dict[int, Json]) -> Json:
    leaves = match.leaves
    reasons = why(match) + (f" {before(match, following)}" if following is not None else "")
    return {
        "rank": rank,
        "study": study_summary(match.study),
        "verdict": match.verdict,
        "deceased": match.deceased,
        "score": match.score,
        "why": reasons,
        "cohorts": [{"id": name, "name": title, "verdict": verdict} for name, title, verdict in match.cohorts],
        "counts": dict(match.counts),
        "items": [_item(outcome, shown) for outcome in match.outcomes],
        "unmet": [_unmet(leaf) for leaf in leaves if leaf.status == t.UNMET],
        "missing": [_missing(leaf) for leaf in leaves if leaf.blocking],
        "mayQualifyFrom": _outlook(match.outlook) if match.outlook else None,
    }


def _outlook(outlook: Outlook) -> Json:
    changes = [
        {"linkId": item.link_id, "basis": finding.basis, "reason": finding.note()} for item, finding in outlook.changes
    ]
    return {"date": outlook.day.isoformat(), "verdict": outlook.verdict, "because": changes}


def study_summary(study: Study) -> Json:
    """A study's identity."""
    return {
        "id": study.id,
        "title": study.title,
        "status": study.status,
        "recruitment": study.recruitment,
        "url": study.url,
    }


def _item(outcome: Outcome, shown: dict[int, Json]) -> Json:
    """An item; ``shown`` are facts that other items show as well, by ``id``."""
    item, finding = outcome.item, outcome.finding
    document = _authored(item)
    document["status"] = t.STATUS[outcome.status]
    document["basis"] = outcome.basis
    document["reason"] = finding.note() if finding else _group_reason(outcome)
    document["blocking"] = outcome.blocking
    if finding is not None:
        document["evidence"] = [shown.get(id(fact)) or _shown(fact, shown) for fact in finding.facts]
        if finding.conflict:
            document["conflict"] = finding.conflict
        document["children"] = []
    else:
        document["children"] = [_item(member, shown) for member in outcome.members]
    return document


def _shown(fact: Fact | Person, shown: dict[int, Json]) -> Json:
    entry = shown[id(fact)] = evidence(fact)
    return entry


def _authored(item: Item) -> Json:
    """What an item is before any patient."""
    document: Json = {
        "linkId": item.link_id,
        "kind": item.kind,
        "cohort": item.cohort,
        "text": item.text,
        "reading": item.reading or "as-printed",
    }
    if item.reading_note:
        document["readingNote"] = item.reading_note
    if item.leaf is None:
        document["combination"] = item.combination
        if item.combination in ("at-least", "at-most"):
            document["threshold"] = item.threshold
    if item.exclude:
        document["exclude"] = True
    return document


def _group_reason(outcome: Outcome) -> str:
    if outcome.basis == t.NOT_APPLICABLE:
        return "does not concern this patient"
    statuses = [member.status for member in outcome.members]
    said = ", ".join(f"{statuses.count(value)} {name}" for value, name in t.STATUS.items() if value in statuses)
    return f"{outcome.item.combination}: {said}"


def evidence(fact: Fact | Person) -> Json:
    """A fact as the evidence of an item: where it is from, when it was, what it says."""
    if isinstance(fact, Person):
        return {"reference": fact.reference, "date": None, "display": _person(fact)}
    entry: Json = {"reference": fact.reference, "date": _date(fact), "display": fact.display}
    flag = getattr(fact, "flag", "")
    if flag:
        entry["flag"] = flag
    return entry


def _person(person: Person) -> str:
    parts = [f"born {person.birth_printed}" if person.birth_printed else "", person.sex or ""]
    return ", ".join(part for part in parts if part) or "patient record"


def _date(fact: Fact) -> str | None:
    """The date of a fact, as precisely as it is known."""
    span = fact.time if isinstance(fact, Measurement) else getattr(fact, "start", None)
    if span is None:
        return None
    if span.exact_day:
        return str(span.lo.date().isoformat())
    if span.lo.year <= 1:
        return None if span.hi.year >= 9999 else f"before {span.hi.date().isoformat()}"
    if (span.lo.year, span.lo.month) == (span.hi.year, span.hi.month):
        return f"{span.lo:%Y-%m}"
    return f"{span.lo:%Y}" if span.lo.year == span.hi.year else f"{span.lo.date()}/{span.hi.date()}"


def _unmet(leaf: Outcome) -> Json:
    return _named(leaf) | {"reason": leaf.finding.note() if leaf.finding else "", "decisive": leaf.decisive}


def _missing(leaf: Outcome) -> Json:
    return _named(leaf) | {"need": need(leaf)}


def _named(leaf: Outcome) -> Json:
    item = leaf.item
    return {
        "linkId": item.link_id,
        "kind": item.kind,
        "cohort": item.cohort,
        "text": item.text,
        "basis": leaf.basis,
    }


def study_document(
    study: Study, validity: Offset = DEFAULT_VALIDITY, name: Callable[[str], str] = concept_words
) -> Json:
    """A study with its criteria as a tree; ``computed`` says in words what each leaf asks, ``demand`` who answers it.

    ``validity`` and ``name`` are those of :func:`trialmatch.eligibility.describe.describe`.
    """
    document = study_listing(study)
    document["items"] = [_tree(item, validity, name) for item in study.items or ()]
    return document


def study_listing(study: Study) -> Json:
    """A study's identity and size: printed ``rows`` by how far they are computed, ``leaves`` by who answers them."""
    document = study_summary(study)
    document["matched"] = study.matched
    document["cohorts"] = [{"id": cohort, "name": title} for cohort, title in study.cohorts]
    document["eligibilityInRecord"] = study.items is not None
    document["exclusionsInRecord"] = study.items is not None and study.exclusions_in_record
    document["rows"] = row_counts(study)
    document["leaves"] = leaf_counts(study)
    return document


def row_counts(study: Study) -> dict[str, int]:
    """How many printed rows are ``computable``, ``partly`` so, or ``not``."""
    counts = {COMPUTABLE: 0, PARTLY: 0, NOT: 0}
    for row in printed_rows(study):
        counts[computable(row)] += 1
    return counts


def leaf_counts(study: Study) -> dict[str, int]:
    """How many leaves are ``computed``, need a ``person``, or are only ``text``."""
    counts = {"computed": 0, "person": 0, "text": 0}
    for item in study.walk():
        if item.leaf is not None:
            counts[demand(item.leaf)] += 1
    return counts


def _tree(item: Item, validity: Offset, name: Callable[[str], str]) -> Json:
    document = _authored(item)
    if item.leaf is not None:
        document["asks"] = type(item.leaf).__name__.removesuffix("Leaf").lower()
        document["about"] = getattr(item.leaf, "label", "")
        document["computed"] = describe(item.leaf, validity, name)
        document["demand"] = demand(item.leaf)
    document["children"] = [_tree(member, validity, name) for member in item.members]
    return document
