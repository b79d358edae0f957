"""Whatever records and studies say shows in a card as that text: never as Markdown, HTML or a link."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from trialmatch.lines import clean
from trialmatch.web.cds.markdown import escaped, shortened

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough", "table"])

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- comment -->",
    "<a href='https://evil.example'>click</a>",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example",
    "<https://evil.example>",
    "www.evil.example",
    "somebody@evil.example",
    "# heading",
    "> quote",
    "- item",
    "+ item",
    "1. item",
    "12) item",
    "---",
    "===",
    "***bold***",
    "_emphasis_ and __strong__",
    "~~gone~~",
    "`code`",
    "| a | b |",
    "\\",
    "\\[x](y)",
    "&lt;script&gt; &#60;b&#62; &amp;",
    "a\nb\r\n# c",
    "\u202eright to left",
    "<",
    "&",
    "a < b & c > d, <5 and ≥ 3",
]


def shown(markdown: str) -> str:
    """The text that Markdown shows; fails where anything else than text comes out."""
    (opening, inline, closing) = _MARKDOWN.parse(markdown)
    assert (opening.type, closing.type) == ("paragraph_open", "paragraph_close"), markdown
    assert {child.type for child in inline.children or ()} <= {"text"}, markdown
    return "".join(child.content for child in inline.children or ())


def plain(text: str) -> str:
    """Text without the characters of no width that take addresses apart."""
    return text.replace("\u200b", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_shows_as_it_is(text: str) -> None:
    assert plain(shown(escaped(text))) == clean(text)
    assert plain(shown(f"x {escaped(text)} y")) == f"x {clean(text)} y"


@given(st.text(alphabet=st.sampled_from("ab1 .)#-+*_~`<>&;[]()!|\\=:/@w\"'"), max_size=40))
def test_any_mix_of_marks_shows_as_it_is(text: str) -> None:
    if clean(text).replace("\u200b", ""):
        assert plain(shown(escaped(text))) == clean(text)


@pytest.mark.parametrize("text", ["https://evil.example/x", "HTTP://a.b", "www.evil.example", "WWW.x.y", "a@b.example"])
def test_gfm_makes_no_links_of_bare_addresses(text: str) -> None:
    """GFM's extended autolinks begin with www., with a scheme and ://, or go around an @."""
    assert not re.search(r"(?i)www\.|://|\w@\w", escaped(text))


def test_plain_clinical_text_is_left_alone() -> None:
    text = "Creatinine 168 µmol/L is 2.0 × ULN (84 µmol/L); limit ≤ 2 × ULN, eGFR <60 & rising"
    assert escaped(text) == text


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("short", 5, "short"),
        ("anti-double-stranded antibody", 24, "anti-double-stranded…"),  # the word does not fit, the cut is cheap
        ("x" * 30, 10, "xxxxxxxxx…"),
        ("one, two, three, four", 16, "one, two, three…"),
    ],
)
def test_cuts_are_between_words(text: str, most: int, expected: str) -> None:
    assert shortened(text, most) == expected and len(expected) <= most
