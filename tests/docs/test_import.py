"""The page of imports is what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from trialmatch import demo
from trialmatch.cli.main import main
from trialmatch.registry.record import SHAPE
from trialmatch.registry.rules import RULES

from tests.docs.importing import PAGE, render
from tests.registry.material import drafted, lines, record

HOSPITAL = Path(demo.__file__).parent / "hospital"


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


def _call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], env={"COLUMNS": "100"})


def test_from_a_record_to_a_study_that_is_matched(tmp_path: Path) -> None:
    """The way of the page: a criterion that is left as text is written as the page writes it, and the draft activated.

    Before, the study would list everybody, and checking it says so. Afterwards it rules out who has psoriasis only.
    """
    page = PAGE.read_text("utf-8")
    left, written = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    included = f"Inclusion criteria:\n\n1. Age 18 years or older\n2. {left['description']}"
    text = f"{included}\n\nExclusion criteria:\n\n1. Pregnant women"
    (tmp_path / "record.json").write_text(json.dumps(record(text)), "utf-8")
    path = tmp_path / "draft.json"
    assert _call("studies", "import", tmp_path / "record.json", "--out", path).exit_code == 0
    draft: dict[str, Any] = json.loads(path.read_text("utf-8"))
    study, criteria = (entry["resource"] for entry in draft["entry"])
    place = next(n for n, one in enumerate(criteria["characteristic"]) if one["linkId"] == "I2")
    assert criteria["characteristic"][place] == left
    assert "no disease gate" in _call("studies", "check", path).stderr

    criteria["characteristic"][place] = written
    study["status"] = criteria["status"] = "active"
    path.write_text(json.dumps(draft), "utf-8")
    checked = _call("studies", "check", path)
    assert (checked.exit_code, checked.stderr) == (0, "")
    shown = re.sub(r"[\s│]+", " ", _call("studies", "show", study["id"], "--studies", path).stdout)
    (said,) = re.findall("puts as “(.*?)”", " ".join(page.split()))
    assert said in shown
    for patient, listed in (("lupus-likely-01", True), ("psoriasis-01", False)):
        answer = _call("match", patient, "--from", HOSPITAL, "--as-of", "2026-03-01", "--studies", path)
        assert (f"1  {study['id']} " in answer.stdout) == listed
