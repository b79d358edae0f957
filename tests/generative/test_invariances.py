"""Changes to a study or a record that mean nothing change nothing in the answer."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.generative.studies import Situation, replaced, situations, walk
from tests.harness import judge
from tests.reference import build as b
from tests.reference.vocabulary import extension

Json = dict[str, Any]


def answers(characteristics: list[Json], resources: list[Json], settings: Json) -> dict[str, Any]:
    """Status, basis and blocking of every item, the verdict and the score."""
    judged = judge(characteristics, resources, **settings)
    found: dict[str, Any] = {
        link_id: (item["status"], item.get("basis"), item["kind"], item.get("blocking"))
        for link_id, item in judged.items.items()
    }
    return found | {"verdict": judged.verdict, "score": judged.match["score"]}


def shuffled_members(characteristics: list[Json], draw: st.DrawFn) -> list[Json]:
    """The same criteria in another order, on every level."""
    found = []
    for characteristic in draw(st.permutations(characteristics)):
        if "definitionByCombination" in characteristic:
            inside = dict(characteristic["definitionByCombination"])
            inside["characteristic"] = shuffled_members(inside["characteristic"], draw)
            characteristic = {**characteristic, "definitionByCombination": inside}
        found.append(characteristic)
    return found


@given(situations(), st.data())
def test_order_never_matters(situation: Situation, data: st.DataObject) -> None:
    resources = data.draw(st.permutations(situation.resources))
    criteria = shuffled_members(situation.characteristics, data.draw)
    before = answers(situation.characteristics, situation.resources, situation.settings)
    assert answers(criteria, resources, situation.settings) == before


@given(situations(), st.data())
def test_a_resource_sent_twice_counts_once(situation: Situation, data: st.DataObject) -> None:
    again = [copy.deepcopy(data.draw(st.sampled_from(situation.resources))) for _ in range(2)]
    before = answers(situation.characteristics, situation.resources, situation.settings)
    assert answers(situation.characteristics, situation.resources + again, situation.settings) == before


#: The same amount in another unit, exactly.
EQUIVALENT = {
    "mg/dL": ("umol/L", Fraction("88.4")),  # creatinine, the only generated result in mg/dL
    "g/dL": ("g/L", Fraction(10)),
    "ukat/L": ("U/L", Fraction(60)),
    "1": ("%", Fraction(100)),
    "kg": ("g", Fraction(1000)),
}


def converted(value: Any) -> Any:
    """The same JSON with every quantity that has an equivalent expressed in it."""
    if isinstance(value, list):
        return [converted(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "value" in value and value.get("code") in EQUIVALENT:
        unit, factor = EQUIVALENT[value["code"]]
        amount = Fraction(str(value["value"])) * factor
        return {**value, "value": float(amount), "unit": unit, "code": unit}
    return {key: converted(part) for key, part in value.items()}


MEASURED = st.sampled_from(["alt", "creatinine", "hemoglobin", "spo2", "change", "clearance", "dose"]).flatmap(
    lambda topic: situations((topic, "person"))
)


@given(MEASURED)
def test_equivalent_units_agree(situation: Situation) -> None:
    before = answers(situation.characteristics, situation.resources, situation.settings)
    assert answers(situation.characteristics, converted(situation.resources), situation.settings) == before


def excluded_twice(characteristic: Json) -> Json:
    """Not (not it)."""
    link_id = characteristic["linkId"]
    once = b.group(f"{link_id}.x", "all-of", [characteristic], exclude=True)
    return b.group(f"{link_id}.y", "any-of", [once], exclude=True)


@given(situations(), st.data())
def test_two_excludes_are_none(situation: Situation, data: st.DataObject) -> None:
    # An applicability speaks to the group right above it, so that member is left where it is.
    movable = [c["linkId"] for c in walk(situation.characteristics) if extension(c, "applicability") is None]
    link_id = data.draw(st.sampled_from(movable))
    before = answers(situation.characteristics, situation.resources, situation.settings)
    after = answers(
        replaced(situation.characteristics, link_id, excluded_twice), situation.resources, situation.settings
    )
    assert {key: after[key] for key in before} == before


@given(situations())
def test_a_round_trip_through_json_changes_nothing(situation: Situation) -> None:
    again = json.loads(json.dumps([situation.characteristics, situation.resources, situation.settings]))
    assert answers(*again) == answers(situation.characteristics, situation.resources, situation.settings)


@given(situations())
def test_judging_changes_no_input(situation: Situation) -> None:
    before = copy.deepcopy([situation.characteristics, situation.resources, situation.settings])
    judge(situation.characteristics, situation.resources, **situation.settings)
    assert [situation.characteristics, situation.resources, situation.settings] == before
