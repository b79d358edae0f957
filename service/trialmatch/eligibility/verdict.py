"""From the findings of a study to its verdict, score and rank (criteria language, section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from operator import mul
from typing import Any, NamedTuple

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Finding
from trialmatch.eligibility.criteria import Item, Study

ELIGIBLE, LIKELY, POSSIBLE, INELIGIBLE, UNDETERMINED = "eligible", "likely", "possible", "ineligible", "undetermined"
VERDICTS = (ELIGIBLE, LIKELY, POSSIBLE, INELIGIBLE, UNDETERMINED)


class Outcome(NamedTuple):
    """One item as judged: its truth after its own exclude, its status, and whether it blocks or decides."""

    item: Item
    truth: int
    status: int
    basis: str | None
    finding: Finding | None
    blocking: bool
    decisive: bool
    members: tuple[Outcome, ...] = ()


class Change(NamedTuple):
    """A leaf that decides today, and what it comes to on a later day, on which it no longer does."""

    item: Item
    finding: Finding


class Outlook(NamedTuple):
    """The day from which a study may no longer rule a patient out, its verdict on that day, and what has changed."""

    day: date
    verdict: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Match:
    """One study against one patient.

    ``findings`` are by linkId; ``truths`` of the items (after their own exclude) and their ``statuses`` by position in
    the order of authoring, as are ``blocking``, the leaves that keep the verdict open, and ``decisive``, the items that
    are unmet and decide. ``outlook`` is for a study that is ineligible, where somebody asked for it.
    """

    study: Study
    verdict: str
    score: float | None
    findings: Mapping[str, Finding] = field(default_factory=dict)
    truths: Sequence[int] = ()
    statuses: Sequence[int] = ()
    blocking: Sequence[int] = ()
    decisive: Sequence[int] = ()
    cohorts: tuple[tuple[str, str, str], ...] = ()
    deceased: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    gaps: int = 0
    confirmations: int = 0
    outlook: Outlook | None = None

    @property
    def order(self) -> tuple[object, ...]:
        """The key that ranks matches: total and stable."""
        met = self.counts.get("met", 0)
        return (VERDICTS.index(self.verdict), self.gaps, self.confirmations, -met, self.study.id)

    @cached_property
    def open(self) -> list[tuple[Item, str]]:
        """The leaves that keep the verdict open, each with the basis of its being unknown."""
        items = (self.study.places[position].item for position in self.blocking)
        return [(item, self.findings[item.link_id].basis) for item in items]

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The top level as judged, with all that is below."""
        return tuple([self._judged[top] for top in self.study.tops]) if self.truths else ()

    @cached_property
    def leaves(self) -> tuple[Outcome, ...]:
        """The leaves as judged, in the order of authoring."""
        return tuple([outcome for outcome in self._judged if outcome.finding is not None])

    @cached_property
    def _judged(self) -> list[Outcome]:
        """Every item as judged, in the order of authoring."""
        blocking, decisive = {*self.blocking}, {*self.decisive}
        found: list[Any] = [None] * len(self.truths)
        for position in range(len(self.truths) - 1, -1, -1):
            item, below = self.study.places[position]
            finding = self.findings[item.link_id] if item.leaf is not None else None
            found[position] = Outcome(
                item,
                self.truths[position],
                self.statuses[position],
                finding.basis if finding else t.NOT_APPLICABLE if self.waived(position) else None,
                finding,
                position in blocking,
                position in decisive,
                tuple([found[member] for member in below]),
            )
        return found

    def waived(self, position: int) -> bool:
        """Whether a group is met because it does not concern the patient."""
        askers = self.study.applicability.get(position, ())
        return self.statuses[position] == t.MET and any(self.truths[asker] == t.MET for asker in askers)


def conclude(study: Study, findings: Mapping[str, Finding], deceased: bool) -> Match:
    """The verdict on one study from the findings of its leaves by linkId."""
    if not study.items:
        verdict = INELIGIBLE if deceased else UNDETERMINED
        counts = {"met": 0, "unmet": 0, "unknown": 0, "blocking": 0}
        return Match(study, verdict, 0.0 if deceased else None, deceased=deceased, counts=counts)
    truths = _truths(study, findings)
    statuses = list(map(mul, truths, study.signs))
    root = min([truths[top] for top in study.tops])
    blocking = sorted(_open(study, study.tops, truths)) if root == t.UNKNOWN and not deceased else []
    decisive = sorted(_decisive(study, statuses)) if root == t.UNMET or deceased else []
    bases = [findings[study.places[position].item.link_id].basis for position in blocking]
    verdict = _verdict(root, bases, study, deceased)
    cohorts = _cohorts(study, truths, findings, deceased)
    if cohorts and not deceased:
        verdict = min((of for _, _, of in cohorts), key=VERDICTS.index)
    leaves = [statuses[position] for position, _, _ in study.asking]
    counts = {name: leaves.count(value) for value, name in t.STATUS.items()}
    counts["blocking"] = len(blocking)
    confirmations = sum([basis in t.CONFIRMATIONS for basis in bases])
    gaps = len(blocking) - confirmations
    score = _score(verdict, gaps, confirmations, counts["met"])
    return Match(
        study, verdict, score, findings, truths, statuses, blocking, decisive, cohorts, deceased, counts, gaps,
        confirmations,
    )  # fmt: skip


def _truths(study: Study, findings: Mapping[str, Finding]) -> list[int]:
    """The truth of every item after its own exclude, by position: what is below an item before it."""
    truths = [0] * len(study.places)
    for position, link_id, exclude in study.asking:
        truth = findings[link_id].truth
        truths[position] = -truth if exclude else truth
    for position, item, members in study.groups:
        truth = t.combine(item.combination, item.threshold, [truths[member] for member in members])
        truths[position] = -truth if item.exclude else truth
    return truths


def _open(study: Study, tops: Iterable[int], truths: Sequence[int]) -> Iterator[int]:
    """The positions of leaves that are unknown and stand in unknown groups only."""
    pending = [top for top in tops if truths[top] == t.UNKNOWN]
    while pending:
        position = pending.pop()
        members = study.places[position].members
        if members:
            pending += [member for member in members if truths[member] == t.UNKNOWN]
        else:
            yield position


def _decisive(study: Study, statuses: Sequence[int]) -> Iterator[int]:
    """The positions of items that are unmet as is all above them."""
    pending = [top for top in study.tops if statuses[top] == t.UNMET]
    while pending:
        position = pending.pop()
        yield position
        pending += [member for member in study.places[position].members if statuses[member] == t.UNMET]


def decided(study: Study) -> str:
    """The verdict where everything is met: likely at best where the record prints no exclusions."""
    return ELIGIBLE if study.exclusions_in_record else LIKELY


def _verdict(root: int, blocking: Iterable[str | None], study: Study, deceased: bool) -> str:
    """The verdict from the truth of everything together and the bases of the leaves that block."""
    if deceased or root == t.UNMET:
        return INELIGIBLE
    if root == t.MET:
        return decided(study)
    return LIKELY if all(basis in t.CONFIRMATIONS for basis in blocking) else POSSIBLE


def _cohorts(
    study: Study, truths: Sequence[int], findings: Mapping[str, Finding], deceased: bool
) -> tuple[tuple[str, str, str], ...]:
    """Each cohort's own verdict: the trial as if it were the only one."""
    if not study.alternatives:
        return ()
    names = dict(study.cohorts)
    found = []
    for cohort, parts in study.alternatives:
        bases = (findings[study.places[one].item.link_id].basis for one in _open(study, parts, truths))
        verdict = _verdict(min([truths[part] for part in parts]), bases, study, deceased)
        assert cohort.cohort is not None
        found.append((cohort.cohort, names.get(cohort.cohort, cohort.text), verdict))
    return tuple(found)


def _score(verdict: str, gaps: int, confirmations: int, met: int) -> float | None:
    """A score in the verdict's band that falls with the rank order: gaps, then confirmations, then fewer met."""
    if verdict == UNDETERMINED:
        return None
    if verdict in (ELIGIBLE, INELIGIBLE):
        return 1.0 if verdict == ELIGIBLE else 0.0
    inner = _within(confirmations, 1 - 1 / (met + 1))
    if verdict == LIKELY:
        return round(0.75 + 0.24 * inner, 4)
    return round(0.01 + 0.73 * _within(max(gaps - 1, 0), inner), 4)


def _within(count: int, inner: float) -> float:
    """A place in (0, 1]: the fewer of ``count`` the higher, ``inner`` (0 to 1) placing it among equals."""
    low, high = 1 / (count + 2), 1 / (count + 1)
    return low + inner * (high - low)
