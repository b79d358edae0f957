"""Names of concepts: to see what a record without a known code may be about, and codes that carry a wrong display."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

_TAG = re.compile(
    r"\s*\((?:disorder|finding|procedure|situation|substance|product|observable entity|qualifier value)\)\s*$"
)
_WORDS = re.compile(r"[^\W_]+")


def bare(text: str) -> str:
    """A name in its plain form: lower case, words only, SNOMED's semantic tag and LOINC's brackets left out."""
    text = _TAG.sub("", text.split("[", 1)[0].lower())
    return " ".join(_WORDS.findall(text))


class Names:
    """The names of concepts by kind (``condition``, ``drug``, ``observation`` …)."""

    def __init__(self) -> None:
        self._concepts: dict[str, set[str]] = defaultdict(set)
        self._words: dict[str, frozenset[str]] = {}
        self._drugs: dict[str, set[str]] = defaultdict(set)
        self._titles: list[tuple[str, str]] = []

    def add(self, concept: str, kind: str, names: Iterable[str]) -> None:
        """Take names of a concept."""
        for name in map(bare, names):
            if len(name) < 2:
                continue
            self._concepts[name].add(concept)
            self._words[name] = frozenset(name.split())
            if kind == "drug":
                self._drugs[name].add(concept)

    def add_titles(self, concept: str, titles: Iterable[str]) -> None:
        """Take the displays of a concept's codes."""
        self._titles += ((concept, title) for title in titles)
        self.__dict__.pop("_titled", None)

    @cached_property
    def _titled(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)  # made once a record is met that only its words describe
        for concept, title in self._titles:
            found[bare(title)].add(concept)
        return dict(found)

    def titled(self, text: str) -> frozenset[str]:
        """The concepts of which some code has this display."""
        return frozenset(self._titled.get(bare(text), ()))

    def beginnings(self, concepts: Iterable[str]) -> frozenset[str]:
        """The first words of all names of concepts: text that names one of them exactly begins with one of these."""
        wanted = frozenset(concepts)
        return frozenset(name.split()[0] for name, held in self._concepts.items() if held & wanted)

    def exactly(self, text: str) -> frozenset[str]:
        """The concepts that a text names, as a whole."""
        return frozenset(self._concepts.get(bare(text), ()))

    def drugs_in(self, text: str) -> frozenset[str]:
        """The drug concepts that a text names somewhere as whole words (``methotrexate 2.5 MG Oral Tablet``)."""
        words = bare(text).split()
        found: set[str] = set()
        for length in (1, 2, 3):
            for start in range(len(words) - length + 1):
                found |= self._drugs.get(" ".join(words[start : start + length]), set())
        return frozenset(found)

    def contradicts(self, display: str, concepts: frozenset[str], official: Iterable[str]) -> bool:
        """Whether a display names quite another concept than its code does.

        ``concepts`` are the code's; ``official`` its known displays. Only a display that shares no word with any name
        of the code, but all words with a name of another concept, contradicts; an unknown wording never does.
        """
        shown = bare(display)
        others = self._concepts.get(shown) or self._same_words(shown)
        if not others or others & concepts:
            return False
        words = set(shown.split())
        own = {word for name in official for word in bare(name).split()}
        own |= {word for name, held in self._concepts.items() if held & concepts for word in self._words[name]}
        return not words & own

    def _same_words(self, shown: str) -> set[str]:
        words = frozenset(shown.split())
        return {concept for name, held in self._concepts.items() if self._words[name] == words for concept in held}
