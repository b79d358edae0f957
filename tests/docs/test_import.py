"""The page of imports is what the code says."""

from __future__ import annotations

import re

from trialmatch.registry.record import SHAPE
from trialmatch.registry.rules import RULES

from tests.docs.importing import PAGE, render
from tests.registry.material import drafted, lines, record


def test_the_page_is_fresh() -> None:
    page = PAGE.read_text("utf-8")
    assert page == render(page), "docs/import.md is stale: run make docs"


def test_every_field_that_is_named_is_read() -> None:
    """Names in the left column of the table of fields are elements of a record."""
    page = PAGE.read_text("utf-8")
    table = page.split("| of the record | in the draft |")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    read: set[str] = set()
    pending = [SHAPE]
    while pending:
        shape = pending.pop()
        inner = list(shape.values()) if isinstance(shape, dict) else shape
        read |= {name.removesuffix("!") for name in shape} if isinstance(shape, dict) else set()
        pending += [one for one in inner if isinstance(one, dict | list)]
    assert named
    assert named <= read


def test_what_the_page_promises_of_words() -> None:
    """The words that it says leave a criterion to a person do so for the example of every rule."""
    for rule in RULES:
        for more in (" unless waived", " except once", "*", " within 14 days of the first dose"):
            for kind in ("Inclusion", "Exclusion"):
                text = f"{kind} criteria:\n\n* {rule.example}{more}"
                assert lines(drafted(record(text)))[0].endswith(" text"), (rule.name, more)
