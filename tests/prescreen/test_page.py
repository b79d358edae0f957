"""The page that shows where patients are lost: what it says of a few patients, worked out by hand."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from trialmatch.prescreen.attrition_page import number, share

from tests.prescreen.hospital import engine_of, folder_of, screened
from tests.prescreen.people import condition, hemoglobin, person
from tests.prescreen.test_since import CREATININE, CRITERIA, SLE, creatinine, fit, without
from tests.spec.criteria import any_of, judgement, measured, named, quantity

Json = dict[str, Any]

CONSENT = named("I5", judgement("consent"))


class Text(HTMLParser):
    """Tables as lists of rows of cells, and all other text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.words = ""
        self._table: list[list[str]] = []
        self._caption = ""
        self._at = ""
        self._skip = False
        self.feed(html)
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip = tag == "style"
        if tag == "table":
            self._table = []
        elif tag == "tr":
            self._table.append([])
        elif tag in ("th", "td"):
            self._table[-1].append("")
            self._at = "cell"
        elif tag == "caption":
            self._caption, self._at = "", "caption"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td", "caption"):
            self._at = ""
        elif tag == "table":
            cells = [[" ".join(cell.split()) for cell in row] for row in self._table]
            self.tables[" ".join(self._caption.split())] = cells

    def handle_data(self, data: str) -> None:
        if self._at == "cell":
            self._table[-1][-1] += data
        elif self._at == "caption":
            self._caption += data
        elif not self._skip:
            self.words += data

    def table(self, beginning: str) -> list[list[str]]:
        """The rows of the table whose caption begins so, without its head."""
        (found,) = [rows for caption, rows in self.tables.items() if caption.startswith(beginning)]
        return found[1:]


def shown(tmp_path: Path, studies: list[list[Json]], resources: list[Json]) -> Text:
    done = screened(engine_of(studies), folder_of(tmp_path / "in", resources), tmp_path / "out")
    return Text((done.out / "attrition.html").read_text("utf-8"))


def test_the_way_of_seven(tmp_path: Path) -> None:
    """Cleo has no lupus, Dora has died, Eve is 17. Of the four who are judged Bea's hemoglobin is 6.

    Fay's creatinine and Gil's are not known. Whether anybody consents only a person can tell.
    """
    low = [*without(fit("bea"), "h-bea"), hemoglobin("h-bea", "bea", 6)]
    late = [*without(fit("dora"), "dora"), person("dora", deceasedBoolean=True)]
    people = [*fit("ann"), *low, *without(fit("cleo"), "c-cleo"), *late, *fit("eve", born="2008-03-02")]
    text = shown(tmp_path, [[*CRITERIA, CONSENT]], [*people, *without([*fit("fay"), *fit("gil")], "k-fay", "k-gil")])
    assert text.table("From all patients") == [
        ["All patients", "7", ""],
        ["No record of what the study must find, such as its disease", "6", "−1"],
        ["Deceased", "5", "−1"],
        ["Age or sex outside the study’s limits", "4", "−1"],
        ["Judged by every criterion", "4", ""],
    ]
    assert text.table("Judged patients for whom") == [
        ["Judged", "4", ""],
        ["2 criteria that stop nobody"],
        ["I3 I3", "3", "−1"],
        ["2 criteria that stop nobody"],
        ["May qualify", "3", ""],
    ]
    assert text.table("Criteria that are unmet") == [["I3 I3", "1"]]
    assert text.table("What tests and records") == [["I4 I4", "no result", "2"]]
    assert text.table("What the chart or a person") == [["I5 I5", "a person’s judgement", "3"]]
    assert "Of 7 patients, 4 (57 %) are judged; 3 of these (75 %) may qualify." in text.words
    every = text.table("Status of each requirement")
    assert ["I4 I4 no result 2", "2", "0", "2"] in every
    assert ["I3 I3", "3", "1", "0"] in every


def test_parts_stand_below_what_they_are_parts_of(tmp_path: Path) -> None:
    """Ann's creatinine of 3 is above both limits of a choice: the choice is unmet, and either part decides it."""
    choice = named("I6", any_of(CREATININE, named("I6.b", measured("creatinine", quantity("<=", 2.5, "mg/dL")))))
    people = [*without(fit("ann"), "k-ann"), *fit("bea")]
    text = shown(tmp_path, [[SLE, choice]], [*people, creatinine("k-ann", "ann", 3)])
    assert text.table("Criteria that are unmet") == [["I6 I6", "1"], ["I4 I4", "1"], ["I6.b I6.b", "1"]]


def test_nobody_is_judged(tmp_path: Path) -> None:
    text = shown(tmp_path, [CRITERIA], without(fit("ann"), "c-ann"))
    assert "Nobody is left to be judged." in text.words
    assert text.table("From all patients")[-1] == ["Judged by every criterion", "0", ""]


def test_a_study_without_criteria(tmp_path: Path) -> None:
    """It is named with the reason, and nobody is counted for it."""
    text = shown(tmp_path, [CRITERIA, []], fit("ann"))
    assert text.table("All studies") == [
        ["study-0", "1", "0", "0"],
        ["study-1", "Its record prints no criteria: nobody can tell"],
    ]


def test_a_long_criterion_ends_with_a_word_in_the_funnel(tmp_path: Path) -> None:
    words = "A hemoglobin that is not below the limit which the sponsor of the study has set for all who take"
    assert len(words) <= 100 < len(f"{words} part")
    long = {**CRITERIA[2], "description": f"{words} part in it"}
    text = shown(tmp_path, [[SLE, long]], [*fit("ann"), *without(fit("bea"), "h-bea"), hemoglobin("h-bea", "bea", 6)])
    assert [f"I3 {words} …", "1", "−1"] in text.table("Judged patients for whom")
    assert text.table("Criteria that are unmet") == [[f"I3 {words} part in it", "1"]]


def test_many_studies_are_not_shown_in_full(tmp_path: Path) -> None:
    text = shown(tmp_path, [CRITERIA] * 26, [*fit("ann"), condition("c", "ann")])
    assert len(text.table("All studies")) == 26
    assert not any(caption.startswith("Status of each") for caption in text.tables)


@pytest.mark.parametrize(
    ("value", "whole", "words"),
    [(0, 7, "0 %"), (7, 0, "0 %"), (1, 3, "33 %"), (1, 30, "3.3 %"), (1, 5000, "< 0.1 %"), (7, 7, "100 %")],
)
def test_shares(value: int, whole: int, words: str) -> None:
    assert share(value, whole) == words


def test_numbers() -> None:
    assert number(1234567) == "1\u202f234\u202f567"
