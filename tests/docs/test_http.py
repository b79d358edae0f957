"""The page of the HTTP interface is what the service says of itself, and tells every error."""

from __future__ import annotations

import pytest
from trialmatch.errors import TrialmatchError

from tests.docs.http import MEANINGS, PAGE, Json, document, operations_of, problem_classes, render


@pytest.fixture(scope="module")
def described() -> Json:
    """The OpenAPI document."""
    return document()


def test_the_page_is_fresh(described: Json) -> None:
    assert PAGE.read_text("utf-8") == render(described), "docs/http.md is stale: run make docs"


def test_every_operation_and_status_is_told(described: Json) -> None:
    page = render(described)
    for path, method, one in operations_of(described):
        assert f"### {method} `{path}`" in page
        assert {int(status) for status in one["responses"] if int(status) >= 400} <= MEANINGS.keys(), path


def test_every_error_is_told(described: Json) -> None:
    page = render(described)
    assert len(problem_classes()) > 8
    for kind in problem_classes():
        assert issubclass(kind, TrialmatchError)
        assert kind.http_status in MEANINGS or kind.http_status == 500
        slug = "-".join(_parts(kind.__name__)).lower()
        assert f"/problems/{slug}`" in page


def _parts(name: str) -> list[str]:
    words: list[str] = []
    for letter in name:
        if letter.isupper():
            words.append(letter)
        else:
            words[-1] += letter
    return words
