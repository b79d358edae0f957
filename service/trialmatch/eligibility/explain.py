"""Words for people: why a verdict, what is needed, why one trial stands before another. Made only for what is shown."""

from __future__ import annotations

from functools import lru_cache

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.criteria import Item, JudgementLeaf, Study
from trialmatch.eligibility.dates import DAY
from trialmatch.eligibility.verdict import (
    ELIGIBLE,
    INELIGIBLE,
    LIKELY,
    POSSIBLE,
    UNDETERMINED,
    Match,
    Outcome,
    Outlook,
)


def _plural(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def about(item: Item) -> str:
    """What a leaf is about, in as few words as there are."""
    return getattr(item.leaf, "label", "") or item.text or item.link_id


def need(outcome: Outcome) -> str:
    """What would settle a leaf that blocks."""
    return needed(outcome.item, outcome.basis or "")


#: What would settle a leaf, by the basis of its being unknown.
_NEEDS = {
    t.MISSING_DATA: "{said}: a result",
    t.STALE: "{said}: a new result",
    t.UNUSABLE: "{said}: a record that can be compared (unit, reference range, code)",
    t.PROVISIONAL: "{said}: the final result or a confirmed record",
    t.IMPRECISE: "{said}: the exact date, end or result",
    t.SOURCE_FAILED: "{said}: records that the source did not give",
    t.NO_RECORD: "a look at the chart: {printed}",
    t.OPEN_LIST: "a look at the chart: {printed} (the printed list is open)",
    t.NOT_COMPUTABLE: "a person has to read it: {printed}",
    t.ANCHOR_UNKNOWN: "{said}: the date that its window hangs on",
}


@lru_cache(maxsize=50_000)
def needed(item: Item, basis: str) -> str:
    """What would settle a leaf that blocks, by the basis of its being unknown."""
    said = about(item)
    printed = item.text or said
    if isinstance(item.leaf, JudgementLeaf):
        return f"a person's answer: {printed}"
    return _NEEDS.get(basis, "{printed}").format(said=said, printed=printed)


def why(match: Match) -> str:
    """One sentence on a verdict."""
    if match.deceased:
        return "The patient is deceased."
    if match.verdict == UNDETERMINED:
        return f"The record prints no eligibility criteria, so nobody can tell.{_studied(match.study)}"
    if match.verdict == ELIGIBLE:
        return f"All criteria are met ({_plural(match.counts['met'], 'item', 'items')})."
    if match.verdict == INELIGIBLE:
        return f"Not met: {_list([_unmet(leaf) for leaf in _telling(match)], 3)}.{_ahead(match.outlook)}"
    if match.verdict == LIKELY:
        if not match.blocking:
            return "All printed criteria are met, but the record prints no exclusions."
        asked = _plural(match.confirmations, "point needs", "points need")
        return f"Nothing is unmet and no data are missing; {asked} a person."
    assert match.verdict == POSSIBLE
    first = _list([about(item) for item, basis in match.open if basis not in t.CONFIRMATIONS], 3)
    rest = f", and {_plural(match.confirmations, 'point', 'points')} for a person" if match.confirmations else ""
    return f"Nothing decisive is unmet; {_plural(match.gaps, 'gap', 'gaps')} in the data ({first}){rest}."


def _studied(study: Study) -> str:
    """What a study is about, as a further sentence: all that can be held against a patient where no criteria are."""
    conditions = study.resource.get("condition")
    listed = conditions if isinstance(conditions, list) else []
    texts = [one["text"] for one in listed if isinstance(one, dict) and isinstance(one.get("text"), str)]
    return f" It is about: {_list(texts, 3)}." if texts else ""


def _telling(match: Match) -> list[Outcome]:
    """What tells best why a patient is ineligible: what was found before what the record is silent about.

    The gates of all the cohorts whose disease the patient does not have would hide the one fact that decided.
    """
    decisive = [leaf for leaf in match.leaves if leaf.decisive]
    return [leaf for leaf in decisive if leaf.basis != t.NO_RECORD] or decisive


def _ahead(outlook: Outlook | None) -> str:
    """From when a study may no longer rule the patient out, as a further sentence.

    Where only results grow too old to count, that promises nothing: it says how long they count.
    """
    if outlook is None:
        return ""
    stale = [finding.basis == t.STALE for _, finding in outlook.changes]
    if all(stale):
        return f" That counts until {outlook.day - DAY}, if no new result changes it sooner."
    said = _list([f"{item.link_id} {finding.note()}" for item, finding in outlook.changes], 3)
    sooner = " and no new result changes it sooner" if any(stale) else ""
    return f" May qualify from {outlook.day}, if nothing else happens{sooner}: {said}."


def _unmet(leaf: Outcome) -> str:
    reason = leaf.finding.note() if leaf.finding else ""
    return f"{leaf.item.link_id} {reason or about(leaf.item)}"


def _list(parts: list[str], most: int) -> str:
    unique = list(dict.fromkeys(parts))
    more = len(unique) - most
    return "; ".join(unique[:most]) + (f"; and {more} more" if more > 0 else "")


def before(match: Match, following: Match) -> str:
    """Why a match stands before the next one."""
    name = following.study.id
    if match.verdict != following.verdict:
        return f"Stands before {name}: {match.verdict} before {following.verdict}."
    if match.verdict not in (LIKELY, POSSIBLE):
        return f"Stands before {name} {_by_met(match, following)}."
    if match.gaps != following.gaps:
        return f"Stands before {name}: fewer data gaps ({match.gaps} against {following.gaps})."
    if match.confirmations != following.confirmations:
        against = f"{match.confirmations} against {following.confirmations}"
        return f"Stands before {name}: fewer points for a person ({against})."
    return f"Stands before {name} {_by_met(match, following)}."


def _by_met(match: Match, following: Match) -> str:
    mine, other = match.counts["met"], following.counts["met"]
    return (
        f"with more criteria met ({mine} against {other})"
        if mine != other
        else "by study identifier, being otherwise equal"
    )
