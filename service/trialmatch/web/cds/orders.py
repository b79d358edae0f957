"""The next test worth ordering: which orders would settle what is missing, over all trials that are shown together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.criteria import ResultLeaf
from trialmatch.eligibility.derived import CREATININE
from trialmatch.eligibility.verdict import Match, Outcome
from trialmatch.terminology.mappings import Terminology

Json = dict[str, Any]

#: Methods that a single new result answers; a change over time, or a count of results, needs more than one.
_ANSWERED = frozenset({"latest", "any", "max", "min", "cockcroft-gault"})


@dataclass(frozen=True)
class Order:
    """One order: its codes (several where it is several tests), its name, and the linkIds that it settles by study."""

    codes: tuple[tuple[str, str], ...]
    name: str
    settles: dict[str, list[str]] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """How many open criteria the order settles, over all studies."""
        return sum(map(len, self.settles.values()))


def orders(matches: Iterable[Match], terminology: Terminology) -> list[Order]:
    """The orders that would settle something, those first that settle most."""
    found: dict[tuple[tuple[str, str], ...], Order] = {}
    for match in matches:
        for leaf in match.leaves:
            concept = _wanted(leaf, terminology) if leaf.blocking else None
            if concept is not None:
                codes = terminology.orders[concept]
                order = found.setdefault(codes, Order(codes, _name(concept, codes, terminology)))
                order.settles.setdefault(match.study.id, []).append(leaf.item.link_id)
    return sorted(found.values(), key=lambda order: (-order.weight, order.name))


def is_test(outcome: Outcome) -> bool:
    """Whether a leaf is open because a test was never made, or too long ago."""
    return isinstance(outcome.item.leaf, ResultLeaf) and outcome.basis in (t.MISSING_DATA, t.STALE)


def _wanted(outcome: Outcome, terminology: Terminology) -> str | None:
    """The concept whose order settles a leaf that blocks, if one can."""
    leaf = outcome.item.leaf
    if not isinstance(leaf, ResultLeaf) or not is_test(outcome):
        return None
    if leaf.method not in _ANSWERED or leaf.count is not None:
        return None
    if leaf.method == "cockcroft-gault" and terminology.label(CREATININE) not in _reason(outcome):
        return None  # it is the weight or the date of birth that is missing
    return next((key for key in leaf.keys if terminology.orders.get(key)), None)


def _reason(outcome: Outcome) -> str:
    return outcome.finding.note() if outcome.finding is not None else ""


def _name(concept: str, codes: Sequence[tuple[str, str]], terminology: Terminology) -> str:
    """What is ordered, in words: the test's own name, or that of the concept where it takes several tests."""
    label = terminology.label(concept)
    if len(codes) > 1:
        return label
    return terminology.displays.get(codes[0], label).split(" [")[0]


def service_requests(
    order: Order, patient: str, encounter: str | None, reason: str, terminology: Terminology, at: datetime
) -> list[Json]:
    """The draft ServiceRequests (R4) of an order, one a test."""
    return [_service_request(code, order, patient, encounter, reason, terminology, at) for code in order.codes]


def _service_request(
    code: tuple[str, str],
    order: Order,
    patient: str,
    encounter: str | None,
    reason: str,
    terminology: Terminology,
    at: datetime,
) -> Json:
    display = terminology.displays.get(code)
    coding = {"system": code[0], "code": code[1]} | ({"display": display} if display else {})
    request: Json = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "code": {"coding": [coding], "text": (display or order.name).split(" [")[0]},
        "subject": {"reference": f"Patient/{patient}"},
        "authoredOn": at.isoformat(timespec="seconds"),
        "reasonCode": [{"text": reason}],
    }
    return request | ({"encounter": {"reference": f"Encounter/{encounter}"}} if encounter else {})
