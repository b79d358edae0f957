"""From the findings of a study to its verdict, score and rank (criteria language, section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

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


@dataclass(frozen=True, slots=True)
class Match:
    """One study against one patient."""

    study: Study
    verdict: str
    score: float | None
    outcomes: tuple[Outcome, ...] = ()
    leaves: tuple[Outcome, ...] = ()
    cohorts: tuple[tuple[str, str, str], ...] = ()
    deceased: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    gaps: int = 0
    confirmations: int = 0

    @property
    def order(self) -> tuple[object, ...]:
        """The key that ranks matches: total and stable."""
        met = self.counts.get("met", 0)
        return (VERDICTS.index(self.verdict), self.gaps, self.confirmations, -met, self.study.id)


def conclude(study: Study, findings: Mapping[str, Finding], deceased: bool) -> Match:
    """The verdict on one study from the findings of its leaves by linkId."""
    if not study.items:
        verdict = INELIGIBLE if deceased else UNDETERMINED
        counts = {"met": 0, "unmet": 0, "unknown": 0, "blocking": 0}
        return Match(study, verdict, 0.0 if deceased else None, deceased=deceased, counts=counts)
    truths: dict[str, int] = {}
    for item in study.items:
        _truth(item, findings, truths)
    root = min(truths[item.link_id] for item in study.items)
    alive = root == t.UNKNOWN and not deceased
    lost = t.UNMET if deceased else root
    outcomes = tuple(_outcome(item, findings, truths, alive, lost == t.UNMET) for item in study.items)
    leaves = tuple(leaf for outcome in outcomes for leaf in _leaves(outcome))
    cohorts = _cohorts(study, truths, findings, deceased)
    verdict = _verdict(root, [leaf.basis for leaf in leaves if leaf.blocking], study, deceased)
    if cohorts and not deceased:
        verdict = min((of for _, _, of in cohorts), key=VERDICTS.index)
    counts = {name: sum(leaf.status == value for leaf in leaves) for value, name in t.STATUS.items()}
    counts["blocking"] = sum(leaf.blocking for leaf in leaves)
    confirmations = sum(leaf.blocking and leaf.basis in t.CONFIRMATIONS for leaf in leaves)
    gaps = counts["blocking"] - confirmations
    score = _score(verdict, gaps, confirmations, counts["met"])
    return Match(study, verdict, score, outcomes, leaves, cohorts, deceased, counts, gaps, confirmations)


def _truth(item: Item, findings: Mapping[str, Finding], truths: dict[str, int]) -> int:
    if item.leaf is not None:
        truth = findings[item.link_id].truth
    else:
        members = [_truth(member, findings, truths) for member in item.members]
        truth = t.combine(item.combination, item.threshold, members)
    truths[item.link_id] = -truth if item.exclude else truth
    return truths[item.link_id]


def _outcome(
    item: Item, findings: Mapping[str, Finding], truths: Mapping[str, int], open_above: bool, lost_above: bool
) -> Outcome:
    truth = truths[item.link_id]
    status = -truth if item.flipped else truth
    blocking = open_above and truth == t.UNKNOWN
    decisive = lost_above and status == t.UNMET
    members = tuple(_outcome(member, findings, truths, blocking, decisive) for member in item.members)
    if item.leaf is not None:
        finding = findings[item.link_id]
        return Outcome(item, truth, status, finding.basis, finding, blocking, decisive)
    waived = item.combination == "any-of" and status == t.MET
    waived = waived and any(member.item.applicability and member.truth == t.MET for member in members)
    return Outcome(item, truth, status, t.NOT_APPLICABLE if waived else None, None, False, decisive, members)


def _leaves(outcome: Outcome) -> list[Outcome]:
    if outcome.item.leaf is not None:
        return [outcome]
    return [leaf for member in outcome.members for leaf in _leaves(member)]


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
    study: Study, truths: Mapping[str, int], findings: Mapping[str, Finding], deceased: bool
) -> tuple[tuple[str, str, str], ...]:
    """Each cohort's own verdict: the trial as if it were the only one."""
    names = dict(study.cohorts)
    found = []
    for cohort, parts in study.alternatives:
        root = min(truths[part.link_id] for part in parts)
        verdict = _verdict(root, _open(parts, truths, findings), study, deceased)
        assert cohort.cohort is not None
        found.append((cohort.cohort, names.get(cohort.cohort, cohort.text), verdict))
    return tuple(found)


def _open(
    items: Iterable[Item], truths: Mapping[str, int], findings: Mapping[str, Finding]
) -> Iterator[str | None]:
    """The bases of leaves that are unknown and stand in unknown groups only."""
    for item in items:
        if truths[item.link_id] == t.UNKNOWN:
            if item.leaf is not None:
                yield findings[item.link_id].basis
            else:
                yield from _open(item.members, truths, findings)


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
