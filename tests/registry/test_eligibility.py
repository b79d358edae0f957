"""Eligibility texts: how they are split, and what rules read of them."""

from __future__ import annotations

import textwrap

import pytest

from tests.registry.cases import CASES, Case
from tests.registry.material import Json, drafted, lines, loaded, record, variable


def _by_link_id(characteristics: list[Json]) -> dict[str, Json]:
    found = {}
    for one in characteristics:
        found[one["linkId"]] = one
        found |= _by_link_id(one.get("definitionByCombination", {}).get("characteristic", []))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    data = record(case.text, **case.fields)
    draft = drafted(data)
    assert lines(draft) == textwrap.dedent(case.expected).strip("\n ").split("\n")
    texts = _by_link_id(variable(draft)["characteristic"])
    for link_id, text in case.texts.items():
        assert texts[link_id]["description"] == text
    loaded(data)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_rule_reads_is_marked(case: Case) -> None:
    """All that is read of the text is marked as inferred and says by which rule; nothing else is."""
    for link_id, one in _by_link_id(variable(drafted(record(case.text, **case.fields)))["characteristic"]).items():
        reading = [e["valueCode"] for e in one.get("extension", ()) if e["url"].endswith("/reading")]
        defined = any(name.startswith("definition") for name in one)
        inside = not link_id.split(".")[-1].isdigit() and link_id.split(".")[-1][0] not in "IEC"
        if inside or link_id.startswith("R") or link_id == "cohorts":
            assert not reading
        else:
            assert reading == (["inferred"] if defined else [])
            assert bool(one.get("note")) == defined


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exclusions_not_in_record(case: Case) -> None:
    extensions = variable(drafted(record(case.text, **case.fields))).get("extension", ())
    assert any(one["url"].endswith("/exclusions-not-in-record") for one in extensions) == ("E1" not in case.expected)


def test_exclusions_are_printed_as_such() -> None:
    """Also those whose definition says what is required; a shared block says of its own members what it prints."""
    exclusions = "Exclusion criteria:\n\n* Pregnancy\n* HIV positive\n* Unable to consent"
    text = f"Inclusion criteria:\n\n* No history of stroke\n\n{exclusions}"
    (study,) = loaded(record(text)).studies
    kinds = {item.link_id: item.kind for item in study.walk() if not item.link_id.startswith("E1.a.")}
    excluding = ("E1", "E1.a", "E1.b", "E1.b.a", "E1.b.b", "E2", "E3")
    assert kinds == {"I1": "inclusion"} | dict.fromkeys(excluding, "exclusion")
