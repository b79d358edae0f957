"""From the leaves of a study, thought out by hand, to an ``expected.json``: groups, verdict, what is missing.

The arithmetic of the criteria language in a few lines (three values, minimum and maximum, negation), so that the author
of a case writes down leaves only. It reads the study as a file and nothing of the program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.situations.rows import Json, Study, extension, members

VALUE = {"met": 1, "unknown": 0, "unmet": -1}
STATUS = {value: status for status, value in VALUE.items()}
#: An unknown of one of these a person can settle; any other one is a gap in the data.
CONFIRMATIONS = {"judgement", "no-record", "open-list", "not-computable", "anchor-unknown"}


class _Tree:
    """The items of a study with their values, in the order of the record."""

    def __init__(self, leaves: Mapping[str, str]) -> None:
        self.leaves = leaves
        self.items: list[Json] = []
        self.above: dict[str, list[str]] = {}
        self.used: set[str] = set()

    def value(self, raw: Json, prefix: str, flipped: bool, above: list[str]) -> int:
        """The truth of a characteristic after its own ``exclude``; its item and those below it are noted down."""
        link_id = prefix + raw["linkId"]
        item: Json = {"linkId": link_id, "status": "", "basis": None, "reason": None}
        self.items.append(item)
        self.above[link_id] = above
        own = raw.get("exclude") is True
        inner = members(raw)
        if not inner:
            item["status"], _, item["basis"] = self.leaves[link_id].partition(":")
            self.used.add(link_id)
            return -VALUE[item["status"]] if flipped else VALUE[item["status"]]
        below = f"{link_id}." if "definitionCanonical" in raw else prefix
        values = [self.value(one, below, flipped != own, [*above, link_id]) for one in inner]
        group = raw.get("definitionByCombination", {"code": "all-of"})
        truth = combined(group["code"], group.get("threshold", 0), values)
        item["status"] = STATUS[-truth if own != flipped else truth]
        concerned = [
            one for one, value in zip(inner, values, strict=True) if extension(one, "applicability") and value > 0
        ]
        if concerned and truth > 0:
            item["basis"] = "not-applicable"
        return -truth if own else truth


def combined(code: str, threshold: int, values: list[int]) -> int:
    """The value of a group of values. At-most is not needed by any case yet."""
    place = {"all-of": len(values), "any-of": 1, "at-least": threshold}[code]
    return sorted(values, reverse=True)[place - 1]


def expected(study: Study, leaves: Mapping[str, str], as_of: str = "2026-03-01", **more: Any) -> Json:
    """The ``expected.json`` of a patient of whom every leaf is given as ``status:basis``. Wordings are left out.

    Raises KeyError for a leaf that is not given, and ValueError for one that the study does not have.
    """
    tree = _Tree(leaves)
    verdict = min(tree.value(raw, "", False, []) for raw in study.characteristics)
    if tree.used != set(leaves):
        raise ValueError(f"leaves that {study.id} does not have: {sorted(set(leaves) - tree.used)}")
    status = {item["linkId"]: item["status"] for item in tree.items}
    basis = {item["linkId"]: item["basis"] for item in tree.items}
    blocking = [
        key
        for key in leaves_in_order(tree)
        if verdict == 0 and status[key] == "unknown" and all(status[one] == "unknown" for one in tree.above[key])
    ]
    settled = all(basis[key] in CONFIRMATIONS for key in blocking)
    return {
        "study": study.id,
        "patient": "p",
        "asOf": as_of,
        **more,
        "verdict": {1: "eligible", -1: "ineligible", 0: "likely" if settled else "possible"}[verdict],
        "why": None,
        "missing": [{"linkId": key, "need": None} for key in blocking],
        "unmet": [key for key in leaves_in_order(tree) if status[key] == "unmet"],
        "items": tree.items,
    }


def leaves_in_order(tree: _Tree) -> list[str]:
    """The leaves of a study as the record prints them."""
    return [item["linkId"] for item in tree.items if item["linkId"] in tree.used]
