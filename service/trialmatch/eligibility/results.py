"""Judging result leaves: which measurements count, and what they say (criteria language, sections 4 and 5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, met, unknown, unmet
from trialmatch.eligibility.criteria import NEWEST, PolarityTest, QuantityTest, RecordedTest, ResultLeaf
from trialmatch.eligibility.dates import Bounds, Offset, meet
from trialmatch.eligibility.derived import cockcroft_gault
from trialmatch.eligibility.facts import PROVISIONAL, UNREADABLE, Measurement
from trialmatch.eligibility.judging import Judged
from trialmatch.eligibility.numbers import Unusable, number, ratio
from trialmatch.eligibility.selection import Reading, Selection, is_result, read, select
from trialmatch.eligibility.series import change, count, extreme
from trialmatch.eligibility.values import Interval


def evaluate(leaf: ResultLeaf, context: Context) -> Finding:
    """Judge a leaf about results, in any of the windows that it may mean."""
    windows = context.bounds(leaf.windows)
    if windows is None:
        flags = isinstance(leaf.test, PolarityTest)
        if not any(is_result(result, flags) for result in context.facts.about("Observation", leaf.keys)):
            return _silence(leaf, context)
        return unknown(t.ANCHOR_UNKNOWN, (), lambda: "the date that its window hangs on is not known")
    limit = _validity(leaf, context)
    if limit is not None:
        windows = [meet(window, limit) for window in windows]
    return t.telling([_in_window(leaf, window, context) for window in windows], max)


def _validity(leaf: ResultLeaf, context: Context) -> Bounds | None:
    """How old results may be where the leaf has no window of its own (section 5)."""
    validity = leaf.validity
    if validity is None:
        by_default = leaf.method in NEWEST and not leaf.windows and not isinstance(leaf.test, RecordedTest)
        if not by_default:
            return None
        validity = context.rules.validity
    return _no_older(validity, context.as_of)


@lru_cache(maxsize=1024)
def _no_older(validity: Offset, day: date) -> Bounds:
    first = Offset(-validity.value, validity.unit).from_day(day)
    return Bounds(first, first, date.max, date.max)


def only_number(leaf: ResultLeaf, context: Context) -> Interval | None:
    """The one number that decides a leaf about the latest result, whatever its limit.

    None where the case is not so simple (several results, a doubtful one, none): then each leaf is judged for itself.
    Leaves that differ in their limit only share the answer.
    """
    if leaf.method != "latest" or leaf.count is not None or leaf.negated or not isinstance(leaf.test, QuantityTest):
        return None
    windows = context.bounds(leaf.windows)
    if windows is None or len(windows) != 1 or leaf.test.additive or context.facts.incomplete("Observation"):
        return None
    limit = _validity(leaf, context)
    selection = select(leaf, windows[0] if limit is None else meet(windows[0], limit), context)
    certain = selection.certain
    if not certain or selection.drafts:
        return None
    newest = max(reading.lo for reading in certain)
    candidates = [reading for reading in selection.finals if reading.hi >= newest]
    if len(candidates) != 1 or len(candidates[0].results) != 1:
        return None
    result = candidates[0].results[0]
    if result.state == UNREADABLE or result.doubt:
        return None
    try:
        if leaf.test.reference is None:
            return number(result, leaf.test.unit, context)
        ratios = ratio(result, leaf.test.reference, context)
    except Unusable:
        return None
    return ratios[0][0] if len(ratios) == 1 else None


def _in_window(leaf: ResultLeaf, window: Bounds, context: Context) -> Finding:
    selection = select(leaf, window, context)
    if leaf.method == "cockcroft-gault":
        measured = None
        if selection.finals:
            measured = latest(leaf, selection, context)
        elif selection.drafts or selection.outdated:
            measured = _flawed(leaf, selection, context)
        return cockcroft_gault(leaf, measured, window, context)
    if not selection.finals:
        return _nothing(leaf, selection, context)
    truncated = any(source.truncated or source.state == "failed" for source in context.facts.incomplete("Observation"))
    if leaf.count is not None:
        finding = count(leaf, selection, context)
    elif leaf.method in ("any", "all") or isinstance(leaf.test, RecordedTest):
        finding = _any(leaf, selection, context) if leaf.method != "all" else _all(leaf, selection, context)
    elif leaf.method in ("max", "min"):
        finding = extreme(leaf, selection, context)
    elif leaf.method in ("relative-change", "absolute-change"):
        finding = change(leaf, selection, context)
    else:
        finding = latest(leaf, selection, context)
    if finding.truth == t.UNMET and not selection.certain and leaf.method != "all":
        words = "it may lie outside the window, in which case nothing was measured"
        return unknown(t.IMPRECISE, finding.facts, lambda: words)
    if truncated and not (finding.truth == t.MET and leaf.method == "any"):
        return unknown(t.SOURCE_FAILED, finding.facts, lambda: "not all results could be obtained")
    return finding


def _nothing(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """No final result may lie in the window: why not?"""
    outside_is_none = leaf.absent and leaf.windows  # the criterion asks for that time, and takes its silence as absence
    aged = selection.outdated and not outside_is_none and not context.facts.incomplete("Observation")
    if selection.drafts or aged:
        return _flawed(leaf, selection, context)
    return _silence(leaf, context, " in that time" if selection.outdated else " on record")


def _silence(leaf: ResultLeaf, context: Context, when: str = " on record") -> Finding:
    """There is no result: unknown, unless the criterion takes silence as absence (section 7)."""
    if context.facts.incomplete("Observation"):
        return unknown(t.SOURCE_FAILED, (), lambda: "Observations could not all be obtained")
    hints = context.facts.hinted("Observation", leaf.keys)
    if hints:
        first = hints[0]
        return unknown(t.UNUSABLE, hints, lambda: f"{first.display}: {first.doubt}")
    if leaf.absent and not context.facts.narrowed("Observation"):
        return Finding(t.UNMET, t.NO_RECORD, (), lambda: f"no result of “{leaf.label}”{when}")
    return unknown(t.MISSING_DATA, (), lambda: f"no result of “{leaf.label}”")


def _flawed(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """There are only preliminary results, or only too old ones: the newest of them with all its flaws.

    Of those that are too old a final one: preliminary ones that are, too, could decide nothing.
    """
    old_finals = [reading for reading in selection.outdated if reading.results[0].state != PROVISIONAL]
    newest = (selection.drafts or old_finals or selection.outdated)[0]
    old = newest in selection.outdated
    if old and leaf.method == "all":
        return unknown(t.MISSING_DATA, newest.results, lambda: "no result in the window")
    bases = [t.STALE] if old else []
    if newest.results[0].state == PROVISIONAL:
        bases.append(t.PROVISIONAL)
    said = read(leaf, newest, context)
    if said.truth == t.UNKNOWN and not isinstance(leaf.test, RecordedTest):
        bases.append(said.basis)
    basis = t.first_basis(bases)

    def words() -> str:
        if basis == t.STALE:
            return f"the last result, of {newest.hi.date()}, is too old"
        return "only preliminary results" if basis == t.PROVISIONAL else said.note()

    return unknown(basis, newest.results, words)


def latest(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    """The newest result decides; all that could be the newest must decide alike."""
    certain = selection.certain
    newest = max(reading.lo for reading in certain) if certain else None
    candidates = [reading for reading in selection.finals if newest is None or reading.hi >= newest]
    judged = [read(leaf, reading, context) for reading in candidates]
    finding = _agree(candidates, judged, bool(certain))
    for draft in selection.drafts:
        if newest is not None and draft.hi <= newest:
            continue
        said = read(leaf, draft, context)
        if said.truth not in (t.UNKNOWN, finding.truth):
            bases = [t.PROVISIONAL] + ([finding.basis] if finding.truth == t.UNKNOWN else [])
            facts = finding.facts + draft.results
            return unknown(t.first_basis(bases), facts, lambda: "a newer preliminary result would decide otherwise")
    return finding


def _agree(candidates: list[Reading], judged: list[Judged], surely_inside: bool) -> Finding:
    facts = tuple(result for reading in candidates for result in reading.results)
    if len(judged) == 1 and surely_inside:
        only = judged[0]
        return Finding(only.truth, only.basis, facts, only.note)
    unknowns = [one for one in judged if one.truth == t.UNKNOWN]
    if not surely_inside:
        basis = t.first_basis([t.IMPRECISE] + [one.basis for one in unknowns])
        return unknown(basis, facts, lambda: "its date is too vague to tell whether it counts")
    if unknowns:
        basis = t.first_basis(one.basis for one in unknowns)
        worst = next(one for one in unknowns if one.basis == basis)
        return unknown(basis, facts, worst.note)
    if len({one.truth for one in judged}) == 1:
        return Finding(judged[0].truth, t.EVIDENCE, facts, judged[0].note)
    if len({(reading.lo, reading.hi) for reading in candidates}) == 1:
        return unknown(t.UNUSABLE, facts, lambda: "results of the same time contradict each other")
    return unknown(t.IMPRECISE, facts, lambda: "it is not known which of these results is the newest")


def _any(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    yes: list[Measurement] = []
    no: list[Measurement] = []
    open_: list[tuple[str, tuple[Measurement, ...]]] = []
    note: Callable[[], str] | None = None
    for reading in selection.finals:
        said = read(leaf, reading, context)
        if said.truth == t.MET and reading.inside == t.MET:
            yes += reading.results
            note = note or said.note
        elif said.truth == t.UNMET:
            no += reading.results
        else:
            open_.append((said.basis if said.truth == t.UNKNOWN else t.IMPRECISE, reading.results))
    if yes:
        return met(yes, note or (lambda: "recorded"))
    for draft in selection.drafts:
        if read(leaf, draft, context).truth == t.MET:
            open_.append((t.PROVISIONAL, draft.results))
    return _open(open_) or unmet(no, lambda: "no result in the window is so")


def _all(leaf: ResultLeaf, selection: Selection, context: Context) -> Finding:
    no: list[Measurement] = []
    open_: list[tuple[str, tuple[Measurement, ...]]] = []
    for reading in _singly(selection.finals):
        said = read(leaf, reading, context)
        if said.truth == t.UNMET and reading.inside == t.MET:
            no += reading.results
        elif said.truth == t.UNKNOWN or said.truth == t.UNMET:
            open_.append((said.basis if said.truth == t.UNKNOWN else t.IMPRECISE, reading.results))
    if no:
        return unmet(no, lambda: "not throughout the window")
    for draft in _singly(selection.drafts):
        if read(leaf, draft, context).truth == t.UNMET:
            open_.append((t.PROVISIONAL, draft.results))
    if not selection.certain:
        open_.append((t.IMPRECISE, selection.finals[0].results))
    everything = [result for reading in selection.finals for result in reading.results]
    return _open(open_) or met(everything, lambda: "throughout the window")


def _singly(readings: list[Reading]) -> list[Reading]:
    """Each result as a reading of its own: throughout the window means every component of a panel, too."""
    return [one._replace(results=(result,)) for one in readings for result in one.results]


def _open(findings: list[tuple[str, tuple[Measurement, ...]]]) -> Finding | None:
    """What stays open because of single results: the first basis, with the results that have it."""
    if not findings:
        return None
    basis = t.first_basis(basis for basis, _ in findings)
    facts = [result for one, results in findings if one == basis for result in results]
    return unknown(basis, facts, lambda: "a result that would decide cannot be used")
