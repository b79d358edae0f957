"""What the specification is made of: chapters of rules, rules of rows, rows of facts and findings.

Expected values are written down from the language, with the reason in words, and never from a run of the program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

STATUSES = ("met", "unmet", "unknown")
#: Every basis with the status it comes with and its meaning; the order is that of the page's table.
BASES = {
    "evidence": ("met, unmet", "facts decide; they are listed"),
    "attested": ("met, unmet", "a person's attestation settles it"),
    "no-record": (
        "unknown, or decided where the criterion takes silence as absence",
        "records of this kind were fetched completely and do not mention it",
    ),
    "missing-data": ("unknown", "a measurement was never made, or an input of a derived value is missing"),
    "stale": ("unknown", "the last value is older than it may be"),
    "unusable": (
        "unknown",
        "a value is there and cannot be compared: no unit or one that cannot be converted, no reference range, another "
        "scale, free text, conflicting values of the same time, a code and a display that contradict each other",
    ),
    "provisional": ("unknown", "there are only preliminary results, or provisional or differential diagnoses"),
    "imprecise": ("unknown", "a date, an end or a result is too vague to decide"),
    "judgement": ("unknown", "a person has to say"),
    "open-list": ("unknown", "the printed list is open, and none of its named members is there"),
    "not-computable": ("unknown", "only text, or prose of histology or imaging"),
    "anchor-unknown": ("unknown", "the window hangs on a date that is not known"),
    "source-failed": ("unknown", "the server did not give this kind of record, or not all of it"),
    "not-applicable": ("met", "the criterion does not concern this patient"),
}
#: Which one is given where several apply to an unknown leaf.
PRECEDENCE = (
    "source-failed",
    "unusable",
    "provisional",
    "stale",
    "imprecise",
    "missing-data",
    "anchor-unknown",
    "no-record",
    "open-list",
    "not-computable",
    "judgement",
)
VERDICTS = ("eligible", "likely", "possible", "ineligible", "undetermined")

#: "Not looked at", where None already means "there is none".
ANY: Any = object()


@dataclass(frozen=True)
class Fact:
    """One resource of a patient's record (R4 JSON) and how the page words it."""

    resource: Json
    words: str

    def but(self, words: str, **changes: Any) -> Fact:
        """The same with elements changed (None takes one out); ``{}`` in ``words`` is the old wording."""
        resource = {**self.resource, **changes}
        return Fact({key: value for key, value in resource.items() if value is not None}, words.format(self.words))


@dataclass(frozen=True)
class Finding:
    """What one item must come out as. Fields left at :data:`ANY` are not looked at."""

    status: str
    basis: Any = ANY
    blocking: Any = ANY
    kind: Any = ANY
    reading: Any = ANY
    #: a word that must occur somewhere in the item (reason, conflict, flag), whatever its case
    mentions: str = ""
    #: how many facts the item lists
    evidence: Any = ANY

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"Finding.status: expected one of {STATUSES}, received {self.status!r}")
        if self.basis is not ANY and self.basis is not None and self.basis not in BASES:
            raise ValueError(f"Finding.basis: expected one of {tuple(BASES)}, received {self.basis!r}")

    def words(self) -> str:
        """The finding for a table cell."""
        parts = [f"**{self.status}**"]
        if self.basis is not ANY and self.basis is not None:
            parts.append(self.basis)
        if self.blocking is not ANY:
            parts.append("blocks" if self.blocking else "does not block")
        if self.kind is not ANY:
            parts.append(self.kind)
        if self.reading is not ANY:
            parts.append(f"reading {self.reading}")
        if self.mentions:
            parts.append(f"says “{self.mentions}”")
        if self.evidence is not ANY:
            parts.append(f"{self.evidence} fact{'' if self.evidence == 1 else 's'} listed")
        return ", ".join(parts)


@dataclass(frozen=True)
class Trial:
    """What the trial as a whole must come out as."""

    verdict: str | None = None
    score: tuple[float, float] | None = None
    no_score: bool = False
    cohorts: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    #: linkIds of the leaves listed as missing, of the unmet leaves
    missing: tuple[str, ...] | None = None
    unmet: tuple[str, ...] | None = None
    #: the day from which the patient may qualify, None for none
    opens: Any = ANY

    def __post_init__(self) -> None:
        for verdict in (self.verdict, *self.cohorts.values()):
            if verdict is not None and verdict not in VERDICTS:
                raise ValueError(f"Trial.verdict: expected one of {VERDICTS}, received {verdict!r}")

    def words(self) -> str:
        """The expectation for a table cell."""
        parts = []
        if self.verdict:
            parts.append(f"**{self.verdict}**")
        if self.score is not None:
            low, high = self.score
            parts.append(f"score {low}" if low == high else f"score {low}–{high}")
        if self.no_score:
            parts.append("no score")
        parts += [f"cohort {name} **{verdict}**" for name, verdict in self.cohorts.items()]
        parts += [f"{number} {name}" for name, number in self.counts.items()]
        if self.missing is not None:
            parts.append("missing " + (", ".join(self.missing) or "nothing"))
        if self.unmet is not None:
            parts.append("unmet " + (", ".join(self.unmet) or "nothing"))
        if self.opens is not ANY and self.verdict == "ineligible":
            parts.append(f"may qualify from {self.opens}" if self.opens else "no such day")
        return "; ".join(parts)


@dataclass(frozen=True)
class Row:
    """One patient: the facts that matter, what is given besides them, and what must come out."""

    facts: tuple[Fact, ...]
    findings: Mapping[str, Finding]
    trial: Trial | None = None
    why: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """One rule of the language: its words, criteria that show it, and rows that hold it to them."""

    title: str
    text: str
    criteria: tuple[Json, ...]
    rows: tuple[Row, ...]
    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError(f"Rule {self.title!r}: expected at least one row, received none")


@dataclass(frozen=True)
class Fault:
    """A study that is refused: each expected fault as the words its line must contain (path, what was found)."""

    title: str
    text: str
    bundle: Json
    expected: tuple[tuple[str, ...], ...]
    #: the part of the study to print
    excerpt: Any = None
    lenient: bool = False
    #: what the items of a study that is taken in come out as, for a patient with ``facts``
    findings: Mapping[str, Finding] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Order:
    """Trials for one patient, best first: (identifier, criteria) each; criteria None for a study without any."""

    title: str
    text: str
    facts: tuple[Fact, ...]
    trials: tuple[tuple[str, tuple[Json, ...] | None], ...]


@dataclass(frozen=True)
class Statuses:
    """Which ``ResearchStudy.status`` is matched: (status, matched) each."""

    title: str
    text: str
    statuses: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Clarification:
    """A place where the FHIR specification or a printed criterion leaves a choice."""

    key: str
    issue: str
    choice: str
    why: str
    #: titles of the rules that hold the choice
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A part of a chapter: prose, then rules or faults."""

    title: str
    prose: str
    rules: tuple[Rule, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """A chapter of the page."""

    title: str
    prose: str
    sections: tuple[Section, ...]


def markdown_table(*rows: tuple[str, ...]) -> str:
    """A Markdown table; the first row is its head."""
    head, *body = rows
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ("---",) * len(head), *body))


def met(basis: Any = "evidence", **more: Any) -> Finding:
    """The requirement is fulfilled."""
    return Finding("met", basis, **more)


def unmet(basis: Any = "evidence", **more: Any) -> Finding:
    """The requirement is not fulfilled."""
    return Finding("unmet", basis, **more)


def unknown(basis: Any, **more: Any) -> Finding:
    """Nobody knows yet, and why."""
    return Finding("unknown", basis, **more)


def row(found: Finding | Mapping[str, Finding] | Trial, *facts: Fact, why: str = "", trial: Trial | None = None,
        **given: Any) -> Row:
    """A row; a single finding is that of the item ``1``."""
    if isinstance(found, Trial):
        return Row(facts, {}, found, why, given)
    return Row(facts, {"1": found} if isinstance(found, Finding) else dict(found), trial, why, given)


def rule(title: str, text: str, criteria: Json | tuple[Json, ...], *rows: Row, **given: Any) -> Rule:
    """A rule; criteria without a ``linkId`` are numbered as printed (1, 1.1, 1.2, 2 …)."""
    listed = criteria if isinstance(criteria, tuple) else (criteria,)
    return Rule(title, text, numbered(listed), rows, given)


def numbered(criteria: tuple[Json, ...], prefix: str = "") -> tuple[Json, ...]:
    """The characteristics with a ``linkId`` and a ``description`` each, members included."""
    result = []
    for position, criterion in enumerate(criteria, start=1):
        link_id = criterion.get("linkId", f"{prefix}{position}")
        own: Json = {"linkId": link_id, "description": f"Criterion {link_id}", **criterion}
        group = own.get("definitionByCombination")
        if group is not None and "characteristic" in group:
            members = numbered(tuple(group["characteristic"]), f"{link_id}.")
            own["definitionByCombination"] = {**group, "characteristic": list(members)}
        result.append(own)
    return tuple(result)
