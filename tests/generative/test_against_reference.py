"""The package and the naive reference evaluator read every generated situation alike."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, note, reject

from tests.generative.open_questions import is_open
from tests.generative.studies import TOPICS, Situation, situations
from tests.harness import Judged, judge
from tests.reference.answers import NotCovered
from tests.reference.evaluator import Judgement
from tests.reference.evaluator import judge as reference_judge


def both(situation: Situation) -> tuple[Judged, Judgement]:
    """The package's answer and the reference's."""
    assume(not is_open(situation))
    note(f"{situation.characteristics}\n{situation.resources}\n{situation.settings}")
    try:
        expected = reference_judge(situation.characteristics, situation.resources, **situation.settings)
    except NotCovered:
        reject()
    return judge(situation.characteristics, situation.resources, **situation.settings), expected


def agree(judged: Judged, expected: Judgement) -> None:
    """Every item has the reference's status and kind, one of its bases, and blocks where it says so."""
    assert set(judged.items) == set(expected.nodes)
    for link_id, node in expected.nodes.items():
        item = judged.items[link_id]
        assert (item["status"], item["kind"]) == (node.status, node.kind), f"{link_id}: {item} is not {node}"
        if node.is_group:
            assert item.get("basis") in ({None, "not-applicable"} if node.bases else {None}), f"{link_id}: {item}"
        else:
            assert item["basis"] in node.bases, f"{link_id}: {item} is not {node}"
            assert item["blocking"] is node.blocking, f"{link_id}: {item} is not {node}"
    assert judged.verdict in expected.verdicts


@pytest.mark.parametrize("topic", list(TOPICS))
def test_every_kind_of_leaf_agrees(topic: str) -> None:
    @given(situations((topic,), lone_leaf=True))
    def agrees(situation: Situation) -> None:
        agree(*both(situation))

    agrees()


@given(situations())
def test_whole_trees_agree(situation: Situation) -> None:
    agree(*both(situation))
