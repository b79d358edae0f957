"""What a leaf computes, in words: shown beside the printed text, so that a person can see whether both say the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trialmatch.eligibility.criteria import (
    DEFAULT_VALIDITY,
    NEWEST,
    AgeLeaf,
    CodedTest,
    EventLeaf,
    ExposureLeaf,
    JudgementLeaf,
    Leaf,
    PolarityTest,
    QuantityTest,
    RecordedTest,
    ResultLeaf,
    SexLeaf,
    Test,
    TextLeaf,
)
from trialmatch.eligibility.dates import Offset, Span, Window
from trialmatch.eligibility.values import Interval
from trialmatch.eligibility.wording import CALENDAR, NORMAL, interval, limit_words

_METHODS = {
    "latest": "latest",
    "any": "any result",
    "all": "every result",
    "max": "highest",
    "min": "lowest",
    "onset": "onset",
    "relative-change": "relative change from the earliest to the latest",
    "absolute-change": "change from the earliest to the latest",
    "cockcroft-gault": "latest",
}

_KINDS = {"MedicationRequest": "exposure", "ResearchSubject": "study participation", "DocumentReference": "document"}


def concept_words(concept: str) -> str:
    """A concept's key in words, where nobody knows its name; a ``system|code`` as it is."""
    return concept if "|" in concept else concept.replace("-", " ")


def describe(leaf: Leaf, validity: Offset = DEFAULT_VALIDITY, name: Callable[[str], str] = concept_words) -> str:
    """What a leaf asks, in one line.

    ``validity`` is the site's setting for results without a window, ``name`` gives the words for a concept.
    """
    return _Words(validity, name).of(leaf)


def demand(leaf: Leaf | None) -> str:
    """Who answers a leaf: ``computed``, a ``person``, or nobody because it is only ``text``."""
    if isinstance(leaf, JudgementLeaf):
        return "person"
    return "text" if leaf is None or isinstance(leaf, TextLeaf) else "computed"


@dataclass(frozen=True)
class _Words:
    """What describing needs to know."""

    validity: Offset
    name: Callable[[str], str]

    def of(self, leaf: Leaf) -> str:
        if isinstance(leaf, AgeLeaf):
            unit = CALENDAR[leaf.unit][1]
            return _joined([f"age {limit_words(leaf.limit)} {unit}", self.window(leaf.anchor, alone=True)])
        if isinstance(leaf, SexLeaf):
            return f"administrative sex: {' or '.join(sorted(leaf.sexes))}"
        if isinstance(leaf, ResultLeaf):
            return self._result(leaf)
        if isinstance(leaf, ExposureLeaf):
            return self._exposure(leaf)
        if isinstance(leaf, EventLeaf):
            return self._event(leaf)
        if isinstance(leaf, JudgementLeaf):
            about = f" ({self.name(leaf.concept)})" if leaf.concept else ""
            return f"a person's answer: {leaf.code.replace('-', ' ')}{about}"
        assert isinstance(leaf, TextLeaf)
        return "only text: a person has to read it"

    def _result(self, leaf: ResultLeaf) -> str:
        about = leaf.label or self._keys(leaf.keys)
        asked = f"no {about} recorded" if leaf.negated else f"{about}{self._test(leaf.test)}"
        if isinstance(leaf.test, RecordedTest):  # which result it is does not matter
            return _joined([asked, _count(leaf.count, "results"), *self._windows(leaf.windows)]) + _silence(leaf)
        valid = leaf.validity or (self.validity if leaf.method in NEWEST else None)
        aged = f" within {offset_words(valid)}" if valid and not leaf.windows else ""
        source = "measured or by Cockcroft–Gault" if leaf.method == "cockcroft-gault" else ""
        parts = [asked, _count(leaf.count, "results"), f"{_METHODS[leaf.method]}{aged}", source]
        return _joined([*parts, *self._windows(leaf.windows)]) + _silence(leaf)

    def _test(self, test: Test) -> str:
        if isinstance(test, QuantityTest):
            if test.reference is None:
                return f" {limit_words(test.limit, test.unit)}"
            normal = NORMAL[test.reference]
            if test.additive:
                return f" {limit_words(test.limit, test.unit)} beyond {normal}"
            return f" {limit_words(test.limit)} × {normal}"
        if isinstance(test, PolarityTest):
            return ": positive" if test.positive else ": negative"
        if isinstance(test, CodedTest):
            return f": {self._keys(sorted(test.keys)) or ' or '.join(sorted(test.words))}"
        return " recorded"

    def _event(self, leaf: EventLeaf) -> str:
        kind = _KINDS.get(leaf.kind, leaf.kind)
        about = (leaf.label or self._keys(leaf.keys)) if leaf.keys else "any record"
        parts = [f"{kind}: {about}", _count(leaf.count, "records"), "by its onset" if leaf.onset else ""]
        return ("none of " if leaf.negated else "") + _joined([*parts, *self._windows(leaf.windows)]) + _silence(leaf)

    def _exposure(self, leaf: ExposureLeaf) -> str:
        about = (leaf.label or self._keys(leaf.keys)) if leaf.keys else "any drug"
        parts = [f"exposure: {about}"]
        if leaf.duration is not None:
            parts.append(f"{limit_words(leaf.duration.limit)} {CALENDAR[leaf.duration.unit][1]} in all")
        parts.append(_count(leaf.count, f"distinct {leaf.distinct_by}s"))
        if leaf.dose is not None:
            parts.append(f"daily dose {limit_words(leaf.dose.limit, leaf.dose.unit)}")
        return ("none of " if leaf.negated else "") + _joined([*parts, *self._windows(leaf.windows)]) + _silence(leaf)

    def _keys(self, keys: Iterable[str]) -> str:
        return " or ".join(dict.fromkeys(self._key(key) for key in keys))

    def _key(self, key: str) -> str:
        """A concept by its name; a ``system|code`` by its display, or by its code and the system's last part."""
        system, _, code = key.rpartition("|")
        if not system:
            return self.name(key)
        known = self.name(key)
        return known if known not in (key, code) else f"{code} ({system.rstrip('/').rsplit('/', 1)[-1]})"

    def _windows(self, windows: tuple[Window, ...]) -> list[str]:
        return [self.window(window) for window in windows]

    def window(self, window: Window, *, alone: bool = False) -> str:
        """A window in words; one without bounds limits nothing, unless its anchor is ``alone`` what matters (age)."""
        if window.low is None and window.high is None:
            return f"at {self._anchor(window.anchor)}" if alone and window.anchor != "screening" else ""
        return window_words(window, self._anchor(window.anchor))

    def _anchor(self, anchor: object) -> str:
        if isinstance(anchor, str):
            return anchor
        if isinstance(anchor, Span):
            first, last = anchor.lo.date().isoformat(), anchor.hi.date().isoformat()
            return first if first == last else f"{first} to {last}"
        assert isinstance(anchor, tuple)
        names = [getattr(leaf, "label", "") or self._keys(getattr(leaf, "keys", None) or ()) for leaf in anchor]
        return " or ".join(dict.fromkeys(name for name in names if name)) or "the event"


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)


def _silence(leaf: ResultLeaf | EventLeaf | ExposureLeaf) -> str:
    said = [words for words, present in (("silence = absent", leaf.absent), ("open list", leaf.open_list)) if present]
    return f" ({'; '.join(said)})" if said else ""


def _count(count: Interval | None, things: str) -> str:
    return "" if count is None else f"{interval(count)} {things}"


def offset_words(offset: Offset) -> str:
    """A calendar distance without its sign: ``6 months``."""
    number = abs(offset.value)
    return f"{number} {CALENDAR[offset.unit][number != 1]}"


def window_words(window: Window, anchor: str) -> str:
    """A window that has bounds, in words: ``within 6 months before screening``."""
    low, high = window.low, window.high
    if low is not None and high is not None:
        return _between(low, high, anchor, window)
    if low is not None:
        if low.value < 0:
            return f"since {'less than ' if window.low_strict else ''}{offset_words(low)} before {anchor}"
        more = "more than" if window.low_strict else "at least"
        return f"{more} {offset_words(low)} after {anchor}" if low.value else f"from {anchor} on"
    assert high is not None
    if high.value > 0:
        return f"up to {offset_words(high)} after {anchor}"
    more = "more than" if window.high_strict else "at least"
    return f"{more} {offset_words(high)} before {anchor}" if high.value else f"up to {anchor}"


def _between(low: Offset, high: Offset, anchor: str, window: Window) -> str:
    if low == high:
        side = "before" if low.value < 0 else "after"
        return f"{offset_words(low)} {side} {anchor}" if low.value else f"at {anchor}"
    if high.value == 0:
        return f"within {'less than ' if window.low_strict else ''}{offset_words(low)} before {anchor}"
    if low.value == 0:
        return f"within {offset_words(high)} after {anchor}"
    if low.value < 0 < high.value:
        return f"from {offset_words(low)} before to {offset_words(high)} after {anchor}"
    near, far = (high, low) if high.value < 0 else (low, high)
    return f"{offset_words(near)} to {offset_words(far)} {'before' if high.value < 0 else 'after'} {anchor}"
