"""The shipped studies print every row of their record: none lost, none invented, each as printed."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.situations.rows import FOLDER, Study, blocks, extension, members, parts, studies

STUDIES = studies()
each_study = pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.id)
each_row = pytest.mark.parametrize(
    ("study", "row"),
    [pytest.param(study, row, id=f"{study.id}-{row['linkId']}") for study in STUDIES for row in study.rows],
)
#: How much of a row a program computes, from nothing to everything.
CLASSES = ("not", "partly", "computable")


@each_study
def test_the_record_has_so_many_rows(study: Study) -> None:
    found = {"rows": len(study.rows), "inclusion": sum(row["kind"] == "inclusion" for row in study.rows)}
    found |= {name: sum(row["class"] == name for row in study.rows) for name in CLASSES}
    assert found == study.known["counts"]
    assert len({row["linkId"] for row in study.rows}) == len(study.rows)


@each_row
def test_row_is_there_as_printed(study: Study, row: dict[str, str]) -> None:
    assert study.parts[row["linkId"]].raw["description"] == row["printed"]


@each_study
def test_everything_that_is_asked_has_a_text(study: Study) -> None:
    assert [link_id for link_id, part in study.parts.items() if not part.raw.get("description", "").strip()] == []


@each_study
def test_everything_that_is_asked_stands_with_a_printed_row(study: Study) -> None:
    # above the rows there are groups only (a heading, a cohort); the one other leaf is the gate of a cohort
    rows = {row["linkId"] for row in study.rows}
    inside = {part.link_id for row in rows for part in study.below(row)}
    leaves = {part.link_id for part in study.parts.values() if not members(part.raw)}
    assert {link_id for link_id in leaves - inside if not link_id.endswith(".gate")} == set()


def _computed(study: Study, link_id: str) -> str:
    """How much of a row its definition computes. A leaf without a definition is text for a person to read."""
    defined = [{key for key in leaf.raw if key.startswith("definition")} for leaf in study.below(link_id)]
    judged = [definition in ({"definitionCodeableConcept"}, set()) for definition in defined]
    return "not" if all(judged) else "partly" if any(judged) else "computable"


@each_row
def test_row_asks_what_can_be_computed_and_leaves_the_rest_to_a_person(study: Study, row: dict[str, str]) -> None:
    computed = _computed(study, row["linkId"])
    if row["linkId"] in study.known.get("closer", {}):
        assert CLASSES.index(computed) > CLASSES.index(row["class"]), "listed as computed more closely than its class"
    elif row["class"] == "not":
        assert computed == "not" and len(study.below(row["linkId"])) == 1, "one question to a person"
    elif row["class"] == "partly":
        assert computed == "partly"
    else:
        assert computed != "not"


@each_row
def test_row_is_of_its_printed_kind(study: Study, row: dict[str, str]) -> None:
    assert study.parts[row["linkId"]].kind == row["kind"]


@each_study
def test_a_garbled_row_says_how_it_was_read(study: Study) -> None:
    found = {link_id: extension(part.raw, "reading").get("valueCode") for link_id, part in study.parts.items()}
    assert {link_id: found.get(link_id) for link_id in study.known["readings"]} == study.known["readings"]


def test_every_reading_has_a_note() -> None:
    own = [part for study in STUDIES for part in study.parts.values()]
    shared = [part for characteristics in blocks().values() for raw in characteristics for part in parts(raw)]
    missing = [part.link_id for part in (*own, *shared) if extension(part.raw, "reading") and not part.raw.get("note")]
    assert missing == []


@each_study
def test_silence_counts_as_absence_only_where_another_leaf_keeps_the_row_open(study: Study) -> None:
    # Beside the disease a study is for: one kind of record of a row of which another leaf is open in silence, a record
    # that only asks a further question (is a test needed? was it severe?), or what a note says in so many words.
    own = [part for part in study.parts.values() if not part.shared]
    assert {part.link_id for part in own if extension(part.raw, "absence")} == set(study.known["silent"])


@each_study
def test_blocks_that_are_shared(study: Study) -> None:
    found = {part.raw["definitionCanonical"] for part in study.parts.values() if "definitionCanonical" in part.raw}
    assert {canonical.rsplit("/", 1)[1] for canonical in found} == set(study.known["shared"])


def test_every_block_is_used() -> None:
    texts = [path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")]
    assert [url for url in blocks() if not any(f'"definitionCanonical": "{url}"' in text for text in texts)] == []


def test_a_record_without_criteria_has_none() -> None:
    study = json.loads((FOLDER / "CD19-BCMA-SLE-Wuhan-Union.json").read_text(encoding="utf-8"))
    assert "eligibility" not in study["recruitment"]
    assert study["note"][0]["text"] == "eligibility not in source record"


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@each_study
def test_printed_text_against_the_record(study: Study) -> None:
    """With the source records at hand (``TRIALMATCH_SHARED``) the rows are found in them word for word."""
    folder = os.environ.get("TRIALMATCH_SHARED")
    if not folder:
        pytest.skip("TRIALMATCH_SHARED names no folder with the source records")
    record = _squeezed((Path(folder) / "trials" / f"{study.id}.txt").read_text(encoding="utf-8"))
    assert [row["linkId"] for row in study.rows if _squeezed(row["printed"]) not in record] == []
