"""In which order trials are listed, which are listed at all, and that the score follows."""

from __future__ import annotations

import pytest

from tests.spec.cases import INACTIVE, ORDERS
from tests.spec.model import Order
from tests.spec.run import match, study


@pytest.mark.parametrize("order", [pytest.param(order, id=order.title) for order in ORDERS])
@pytest.mark.parametrize("turned", [False, True], ids=["as listed", "turned around"])
def test_order(order: Order, turned: bool) -> None:
    """The order does not depend on that of the studies, ranks count from one, scores never rise, and each says why."""
    trials = order.trials[::-1] if turned else order.trials
    matches = match([study(name, criteria) for name, criteria in trials], order.facts).document["matches"]
    assert [each["study"]["id"] for each in matches] == [name for name, _ in order.trials]
    assert [each["rank"] for each in matches] == list(range(1, len(matches) + 1))
    scores = [-1.0 if each["score"] is None else each["score"] for each in matches]
    assert scores == sorted(scores, reverse=True)
    assert all(each["why"] for each in matches)


@pytest.mark.parametrize(("status", "matched"), INACTIVE.statuses)
def test_status(status: str, matched: bool) -> None:
    """Which studies are matched."""
    _, criteria = ORDERS[0].trials[0]
    found = match([study("T1", criteria, status), study("T2", criteria)], ORDERS[0].facts).document["matches"]
    assert [each["study"]["id"] for each in found] == (["T1", "T2"] if matched else ["T2"])
