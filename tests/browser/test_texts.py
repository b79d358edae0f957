"""Every word of the pages is in one place, and every text there is used."""

from __future__ import annotations

import re
import string
from html.parser import HTMLParser
from pathlib import Path

import pytest
from trialmatch.web.pages import texts
from trialmatch.web.pages.texts import ENGLISH, say

WEB = Path(texts.__file__).parents[1]
TEMPLATES = sorted(path for path in (WEB / "templates").glob("*.html") if path.name != "docs.html")  # the API's page
SOURCES = [
    *TEMPLATES,
    *sorted(path for path in (WEB / "pages").glob("*.py") if path.name != "texts.py"),
    *sorted((WEB / "login").glob("*.py")),
    WEB / "static" / "pages.js",
    WEB / "static" / "prescreen.js",
]

#: Quoted words that may be keys: with a dot, or of a single word where ``say`` is called with it.
_QUOTED = re.compile(r"""["']([a-z][a-z-]*(?:\.[a-z-]+)+)["']|\bsay\(["']([a-z-]+)["']""")

#: Beginnings of keys that are completed at run time.
_BEGUN = re.compile(r"""\bsay\((?:["']([a-z-]+\.(?:[a-z-]+\.)*)["'] ~|f["']([a-z-]+\.)\{)""")


#: Where a text is asked for by its key.
_ASKED = re.compile(r"""\b(?:say|words|Failed|Misunderstood)\(\s*["']([a-z.-]+)["']""")


def found_by(pattern: re.Pattern[str]) -> set[str]:
    """What a pattern finds in templates, modules and script."""
    return {one for path in SOURCES for pair in pattern.findall(path.read_text("utf-8")) for one in pair if one}


def test_every_text_is_used() -> None:
    keys, begun = found_by(_QUOTED), tuple(found_by(_BEGUN))
    assert "verdict." in begun and "answer." not in begun
    assert {key for key in ENGLISH if key not in keys and not key.startswith(begun)} == set()


def test_every_key_that_is_asked_for_has_a_text() -> None:
    asked = {
        one
        for path in SOURCES
        for one in _ASKED.findall(path.read_text("utf-8"))
    }
    assert len(asked) > 100
    assert {one for one in asked if one not in ENGLISH and not any(key.startswith(one) for key in ENGLISH)} == set()


def test_numbers_choose_the_form() -> None:
    assert say("answer.unsaved", n=1) == "1 answer not saved yet"
    assert say("answer.unsaved", n=0) == "0 answers not saved yet"
    assert say("match.born", date="1999-09-23") == "born 1999-09-23"
    with pytest.raises(KeyError):
        say("nobody.wrote.this")


@pytest.mark.parametrize("key", ENGLISH)
def test_texts_are_whole(key: str) -> None:
    """Both forms have the same gaps, quotation marks are typographic, nothing is left blank at an end."""
    forms = ENGLISH[key] if isinstance(ENGLISH[key], tuple) else (ENGLISH[key],)
    gaps = [{name for _, name, _, _ in string.Formatter().parse(form) if name} for form in forms]
    assert all(one == gaps[0] for one in gaps)
    for form in forms:
        assert form == form.strip() and form
        assert "'" not in form and '"' not in form and "  " not in form and "..." not in form


class _Words(HTMLParser):
    """The words of a template that stand between tags."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found += re.findall(r"[A-Za-z]{2,}", data)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_words_of_their_own(path: Path) -> None:
    kind = r"\{% block kind %\}\w+\{% endblock %\}"  # the class of the page's body
    text = re.sub(rf"{kind}|\{{#.*?#\}}|\{{%.*?%\}}|\{{\{{.*?\}}\}}", " ", path.read_text("utf-8"), flags=re.DOTALL)
    words = _Words()
    words.feed(text)
    assert words.found == []
