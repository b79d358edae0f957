"""What a leaf computes, in words: shown beside the printed text, so that a person can see whether both say the same."""

from __future__ import annotations

from collections.abc import Iterable

from trialmatch.eligibility.criteria import (
    AgeLeaf,
    CodedTest,
    EventLeaf,
    ExposureLeaf,
    JudgementLeaf,
    Leaf,
    PolarityTest,
    QuantityTest,
    ResultLeaf,
    SexLeaf,
    Test,
    TextLeaf,
)
from trialmatch.eligibility.dates import Offset, Span, Window
from trialmatch.eligibility.wording import interval, limit_words

#: Results by these methods may be at most ``validity`` old where no window is authored (criteria language, section 5).
_VALID = ("latest", "cockcroft-gault", "relative-change", "absolute-change")

_METHODS = {
    "latest": "latest",
    "any": "any result",
    "all": "every result",
    "max": "highest",
    "min": "lowest",
    "onset": "onset",
    "relative-change": "relative change from the earliest to the latest",
    "absolute-change": "change from the earliest to the latest",
    "cockcroft-gault": "latest, measured or by Cockcroft–Gault",
}

_UNITS = {"d": ("day", "days"), "wk": ("week", "weeks"), "mo": ("month", "months"), "a": ("year", "years")}

_KINDS = {"MedicationRequest": "exposure", "ResearchSubject": "study participation", "DocumentReference": "document"}


def describe(leaf: Leaf, validity: Offset = Offset(90, "d")) -> str:
    """What a leaf asks, in one line; ``validity`` is the site's setting for results without a window."""
    if isinstance(leaf, AgeLeaf):
        unit = _UNITS[leaf.unit][1]
        return _joined([f"age {limit_words(leaf.limit)} {unit}", window_words(leaf.anchor, bare=False)])
    if isinstance(leaf, SexLeaf):
        return f"administrative sex: {' or '.join(sorted(leaf.sexes))}"
    if isinstance(leaf, ResultLeaf):
        return _result(leaf, validity)
    if isinstance(leaf, ExposureLeaf):
        return _exposure(leaf)
    if isinstance(leaf, EventLeaf):
        return _event(leaf)
    if isinstance(leaf, JudgementLeaf):
        about = f" about {_key(leaf.concept)}" if leaf.concept else ""
        return f"a person's answer: {leaf.code.replace('-', ' ')}{about}"
    assert isinstance(leaf, TextLeaf)
    return "only text: a person has to read it"


def demand(leaf: Leaf | None) -> str:
    """Who answers a leaf: ``computed``, a ``person``, or nobody because it is only ``text``."""
    if isinstance(leaf, JudgementLeaf):
        return "person"
    return "text" if leaf is None or isinstance(leaf, TextLeaf) else "computed"


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)


def _result(leaf: ResultLeaf, validity: Offset) -> str:
    about = leaf.label or _keys(leaf.keys)
    asked = f"{about}{_test(leaf.test)}"
    if leaf.negated:
        asked = f"no {about} recorded"
    valid = leaf.validity or (validity if leaf.method in _VALID and not leaf.windows else None)
    aged = f" within {offset_words(valid)}" if valid and not leaf.windows else ""
    how = f"{_METHODS[leaf.method]}{aged}"
    return _joined([asked, _count(leaf.count, "results"), how, *_windows(leaf.windows)]) + _silence(leaf)


def _test(test: Test) -> str:
    if isinstance(test, QuantityTest):
        if test.reference is None:
            return f" {limit_words(test.limit, test.unit)}"
        normal = {"UNL": "ULN", "LNL": "LLN"}[test.reference]
        if test.additive:
            return f" {limit_words(test.limit, test.unit)} beyond {normal}"
        return f" {limit_words(test.limit)} × {normal}"
    if isinstance(test, PolarityTest):
        return ": positive" if test.positive else ": negative"
    if isinstance(test, CodedTest):
        return f": {_keys(sorted(test.keys)) or ' or '.join(sorted(test.words))}"
    return ": any value"


def _event(leaf: EventLeaf) -> str:
    kind = _KINDS.get(leaf.kind, leaf.kind)
    about = leaf.label or (_keys(leaf.keys) if leaf.keys else "")
    parts = [f"{kind}: {about}" if about else f"{kind}: any"]
    parts += [_count(leaf.count, "records"), "by its onset" if leaf.onset else "", *_windows(leaf.windows)]
    return ("none of " if leaf.negated else "") + _joined(parts) + _silence(leaf)


def _exposure(leaf: ExposureLeaf) -> str:
    parts = [f"exposure: {leaf.label or (_keys(leaf.keys) if leaf.keys else 'any drug')}"]
    if leaf.duration is not None:
        unit = _UNITS[leaf.duration.unit][1]
        parts.append(f"{limit_words(leaf.duration.limit)} {unit} in all")
    parts.append(_count(leaf.count, f"distinct {leaf.distinct_by}s"))
    if leaf.dose is not None:
        parts.append(f"daily dose {limit_words(leaf.dose.limit, leaf.dose.unit)}")
    parts += _windows(leaf.windows)
    return ("none of " if leaf.negated else "") + _joined(parts) + _silence(leaf)


def _silence(leaf: ResultLeaf | EventLeaf | ExposureLeaf) -> str:
    said = "; ".join(
        words for words, present in (("silence = absent", leaf.absent), ("open list", leaf.open_list)) if present
    )
    return f" ({said})" if said else ""


def _count(count: object, things: str) -> str:
    return f"{interval(count)} {things}" if count is not None else ""  # type: ignore[arg-type]


def _keys(keys: Iterable[str]) -> str:
    return " or ".join(_key(key) for key in keys)


def _key(key: str) -> str:
    """A concept in words; a ``system|code`` by its code and the system's last part."""
    system, _, code = key.rpartition("|")
    return f"{code} ({system.rstrip('/').rsplit('/', 1)[-1]})" if system else key.replace("-", " ")


def _windows(windows: tuple[Window, ...]) -> list[str]:
    return [window_words(window) for window in windows]


def offset_words(offset: Offset) -> str:
    """A calendar distance without its sign: ``6 months``."""
    number = abs(offset.value)
    return f"{number} {_UNITS[offset.unit][number != 1]}"


def window_words(window: Window, *, bare: bool = True) -> str:
    """A window in words: ``within 6 months before screening``; without bounds only its anchor (unless ``bare``)."""
    anchor = _anchor(window.anchor)
    low, high = window.low, window.high
    if low is None and high is None:
        return "" if bare or window.anchor == "screening" else f"at {anchor}"
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
        return f"{_side(low, anchor)}" if low.value else f"at {anchor}"
    strict = "less than " if window.low_strict and low.value < 0 and high.value >= 0 else ""
    if high.value == 0:
        return f"within {strict}{offset_words(low)} before {anchor}"
    if low.value == 0:
        return f"within {offset_words(high)} after {anchor}"
    if low.value < 0 < high.value:
        return f"from {offset_words(low)} before to {offset_words(high)} after {anchor}"
    near, far = (high, low) if high.value < 0 else (low, high)
    side = "before" if high.value < 0 else "after"
    return f"{offset_words(near)} to {offset_words(far)} {side} {anchor}"


def _side(offset: Offset, anchor: str) -> str:
    return f"{offset_words(offset)} {'before' if offset.value < 0 else 'after'} {anchor}"


def _anchor(anchor: object) -> str:
    if isinstance(anchor, str):
        return anchor
    if isinstance(anchor, Span):
        first, last = anchor.lo.date().isoformat(), anchor.hi.date().isoformat()
        return first if first == last else f"{first} to {last}"
    assert isinstance(anchor, tuple)
    names = [getattr(leaf, "label", "") or _keys(getattr(leaf, "keys", None) or ()) for leaf in anchor]
    return " or ".join(dict.fromkeys(name for name in names if name)) or "the event"
