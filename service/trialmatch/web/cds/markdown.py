"""Text from records and studies inside Markdown that an EHR renders, perhaps with HTML: it shows as the text it is.

Cards are GitHub-flavoured Markdown (https://github.github.com/gfm/), which lets HTML through and makes links of bare
addresses. Escapes are few, since EHRs that show the Markdown as it is should stay readable too.
"""

from __future__ import annotations

import re

from trialmatch.lines import clean

#: What may begin a tag or an entity; ``< 5`` and ``<5`` cannot.
_TAGS = re.compile(r"<(?![ \d])")
_ENTITIES = re.compile(r"&(?=[#A-Za-z])")

_SPECIAL = re.compile(r"([\\`*_\[\]~|]|(?<=\])\()")

#: What begins a block where it stands first: headings, lists, rules, quotes.
_FIRST = re.compile(r"^([#+=>-]|\d{1,9}(?=[.)]))")

#: What GFM makes a link of by itself; a character of no width takes the beginning apart.
_LINKS = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?=@)", re.IGNORECASE)
_NO_WIDTH = "\u200b"


def escaped(text: object, most: int = 160) -> str:
    """Text on one line that shows as it is, cut after ``most`` characters."""
    words = shortened(clean(text), most)
    words = _LINKS.sub(_NO_WIDTH, words)
    words = _SPECIAL.sub(r"\\\1", _TAGS.sub("&lt;", _ENTITIES.sub("&amp;", words)))
    return _FIRST.sub(lambda found: f"{found[0]}\\" if found[0][0].isdigit() else f"\\{found[0]}", words)


def shortened(text: str, most: int) -> str:
    """Text of at most ``most`` characters, cut between words where that costs little."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > most * 2 // 3 else cut).rstrip(" ,;:–-") + "…"
