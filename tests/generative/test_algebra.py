"""What a match document says of groups, blocking, counts and the verdict follows from what it says of the leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given

from tests.generative.studies import Situation, situations, walk
from tests.harness import judge

Json = dict[str, Any]
TRUTH = {"met": 1, "unknown": 0, "unmet": -1}
BY_A_PERSON = {"judgement", "no-record", "open-list", "not-computable", "anchor-unknown"}
UNDECIDED = {
    "source-failed", "unusable", "provisional", "stale", "imprecise", "missing-data", "anchor-unknown", "no-record",
    "open-list", "not-computable", "judgement",
}  # fmt: skip


def items_of(items: list[Json], above: tuple[Json, ...] = ()) -> Iterator[tuple[Json, tuple[Json, ...]]]:
    """Every item with the groups above it."""
    for item in items:
        yield item, above
        yield from items_of(item["children"], (*above, item))


def expected_status(characteristic: Json, excludes_above: int, items: dict[str, Json]) -> int:
    """A group's status from the statuses of its members as reported.

    A member's status is the requirement's, so below an odd number of excludes it is turned: it is turned back to the
    member's truth, combined, and the group's own truth turned in its place.
    """
    group = characteristic["definitionByCombination"]
    own = 1 if characteristic.get("exclude") else 0
    below = excludes_above + own + (group["code"] == "at-most")
    truths = [TRUTH[items[member["linkId"]]["status"]] * (-1) ** below for member in group["characteristic"]]
    ranked = sorted(truths, reverse=True)
    k = group.get("threshold", 0)
    truth = {
        "all-of": lambda: ranked[-1],
        "any-of": lambda: ranked[0],
        "at-least": lambda: ranked[k - 1],
        "at-most": lambda: -ranked[k] if k < len(ranked) else 1,
    }[group["code"]]()
    return truth * (-1) ** (own + excludes_above)


def groups_of(characteristics: list[Json], excludes_above: int = 0) -> Iterator[tuple[Json, int]]:
    """Every group, with how many excludes (and at-most groups) stand above it."""
    for characteristic in characteristics:
        group = characteristic.get("definitionByCombination")
        if group:
            yield characteristic, excludes_above
            own = 1 if characteristic.get("exclude") else 0
            yield from groups_of(group["characteristic"], excludes_above + own + (group["code"] == "at-most"))


@given(situations())
def test_groups_are_the_algebra_of_their_members(situation: Situation) -> None:
    items = judge(situation.characteristics, situation.resources, **situation.settings).items
    for characteristic, excludes_above in groups_of(situation.characteristics):
        status = TRUTH[items[characteristic["linkId"]]["status"]]
        assert status == expected_status(characteristic, excludes_above, items), characteristic["linkId"]


@given(situations())
def test_blocking_and_lists(situation: Situation) -> None:
    judged = judge(situation.characteristics, situation.resources, **situation.settings)
    match = judged.match
    everything = list(items_of(match["items"]))
    trial_is_open = min(TRUTH[item["status"]] for item in match["items"]) == 0
    leaves = [(item, above) for item, above in everything if not item["children"]]
    for item, above in leaves:
        blocks = trial_is_open and item["status"] == "unknown" and all(group["status"] == "unknown" for group in above)
        assert item["blocking"] is blocks, item["linkId"]
    assert len(everything) == len(list(walk(situation.characteristics)))
    assert {entry["linkId"] for entry in match["missing"]} == {item["linkId"] for item, _ in leaves if item["blocking"]}
    assert {entry["linkId"] for entry in match["unmet"]} == {
        item["linkId"] for item, _ in leaves if item["status"] == "unmet"
    }
    counts = {status: sum(item["status"] == status for item, _ in leaves) for status in TRUTH}
    counts["blocking"] = len(match["missing"])
    assert {key: match["counts"][key] for key in counts} == counts


@given(situations())
def test_a_basis_fits_its_status(situation: Situation) -> None:
    judged = judge(situation.characteristics, situation.resources, **situation.settings)
    for item, _ in items_of(judged.match["items"]):
        if item["children"]:
            continue
        allowed = UNDECIDED if item["status"] == "unknown" else {"evidence", "attested", "no-record"}
        assert item["basis"] in allowed, item
        if item["basis"] == "evidence":
            assert item["evidence"], item


@given(situations())
def test_verdict_and_score(situation: Situation) -> None:
    match = judge(situation.characteristics, situation.resources, **situation.settings).match
    truth = min(TRUTH[item["status"]] for item in match["items"])
    bases = {item["basis"] for item, _ in items_of(match["items"]) if item["blocking"]}
    if truth == 1:
        assert (match["verdict"], match["score"]) == ("eligible", 1.0)
    elif truth == -1:
        assert (match["verdict"], match["score"]) == ("ineligible", 0)
    elif bases <= BY_A_PERSON:
        assert match["verdict"] == "likely"
        assert 0.75 <= match["score"] <= 0.99
    else:
        assert match["verdict"] == "possible"
        assert 0.01 <= match["score"] <= 0.74


@given(situations())
def test_the_document_is_json(situation: Situation) -> None:
    document = judge(situation.characteristics, situation.resources, **situation.settings).document
    assert json.loads(json.dumps(document)) == document
