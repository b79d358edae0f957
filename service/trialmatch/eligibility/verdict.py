"""From the findings of a study to its verdict, score and rank (criteria language, section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Finding
from trialmatch.eligibility.criteria import Item, Place, Study

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
    truths = _truths(study.places, findings)
    root = min(truths[top] for top in study.tops)
    judged = _outcomes(study, findings, truths, root, deceased)
    outcomes = tuple([judged[top] for top in study.tops])
    leaves = tuple([outcome for outcome in judged if outcome.finding is not None])
    cohorts = _cohorts(study, truths, findings, deceased)
    verdict = _verdict(root, [leaf.basis for leaf in leaves if leaf.blocking], study, deceased)
    if cohorts and not deceased:
        verdict = min((of for _, _, of in cohorts), key=VERDICTS.index)
    statuses = [leaf.status for leaf in leaves]
    counts = {name: statuses.count(value) for value, name in t.STATUS.items()}
    blocking = [leaf for leaf in leaves if leaf.blocking]
    counts["blocking"] = len(blocking)
    confirmations = sum(leaf.basis in t.CONFIRMATIONS for leaf in blocking)
    gaps = len(blocking) - confirmations
    score = _score(verdict, gaps, confirmations, counts["met"])
    return Match(study, verdict, score, outcomes, leaves, cohorts, deceased, counts, gaps, confirmations)


def _truths(places: Sequence[Place], findings: Mapping[str, Finding]) -> list[int]:
    """The truth of every item after its own exclude, by position: what is below an item before it."""
    truths = [0] * len(places)
    for position in range(len(places) - 1, -1, -1):
        item, members = places[position]
        if item.leaf is not None:
            truth = findings[item.link_id].truth
        else:
            truth = t.combine(item.combination, item.threshold, [truths[member] for member in members])
        truths[position] = -truth if item.exclude else truth
    return truths


def _outcomes(
    study: Study, findings: Mapping[str, Finding], truths: Sequence[int], root: int, deceased: bool
) -> list[Outcome]:
    """Every item as judged, in the order of authoring.

    An item blocks while it and all above it are unknown, and decides where it and all above it are unmet.
    """
    places = study.places
    open_above = [root == t.UNKNOWN and not deceased] * len(places)
    lost_above = [deceased or root == t.UNMET] * len(places)
    for position, (item, members) in enumerate(places):
        if members:
            truth = truths[position]
            blocking = open_above[position] and truth == t.UNKNOWN
            decisive = lost_above[position] and (-truth if item.flipped else truth) == t.UNMET
            for member in members:
                open_above[member] = blocking
                lost_above[member] = decisive
    found: list[Any] = [None] * len(places)
    for position in range(len(places) - 1, -1, -1):
        item, below = places[position]
        truth = truths[position]
        status = -truth if item.flipped else truth
        decisive = lost_above[position] and status == t.UNMET
        if item.leaf is not None:
            finding = findings[item.link_id]
            blocking = open_above[position] and truth == t.UNKNOWN
            found[position] = Outcome(item, truth, status, finding.basis, finding, blocking, decisive)
        else:
            judged = tuple([found[member] for member in below])
            waived = status == t.MET and item.combination == "any-of" and any(map(_does_not_apply, judged))
            basis = t.NOT_APPLICABLE if waived else None
            found[position] = Outcome(item, truth, status, basis, None, False, decisive, judged)
    return found


def _does_not_apply(member: Outcome) -> bool:
    return member.item.applicability and member.truth == t.MET


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
    by_link = {place.item.link_id: truth for place, truth in zip(study.places, truths, strict=True)}
    names = dict(study.cohorts)
    found = []
    for cohort, parts in study.alternatives:
        root = min(by_link[part.link_id] for part in parts)
        verdict = _verdict(root, _open(parts, by_link, findings), study, deceased)
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
