"""Faults of studies: collected, each one line with file, element path, what was found and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

#: So many characters are shown of what was found, and of where: either may be as long as a study.
_LONGEST, _LONGEST_PATH = 400, 4_000

#: What would break a line, or could not be written at all (halves of surrogate pairs).
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass
class Faults:
    """What is wrong with a set of studies.

    With ``lenient`` only ambiguous structure is refused; whatever else cannot be read becomes a warning, and the
    characteristic that holds it is not computable.
    """

    lenient: bool = False
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _told: set[tuple[bool, str]] = field(default_factory=set)

    def add(self, path: str, found: str, allowed: str, *, ambiguous: bool = False) -> None:
        """Note a fault; ``ambiguous`` ones are refused even leniently."""
        line = f"{shown(path, _LONGEST_PATH)}: {shown(found)}; allowed: {shown(allowed, _LONGEST_PATH)}"
        self._note([line], refused=ambiguous or not self.lenient)

    def refuse(self, path: str, found: str, allowed: str) -> None:
        """Note a fault that is refused even leniently."""
        self.add(path, found, allowed, ambiguous=True)

    def refused(self, path: str) -> bool:
        """Whether something at exactly this place has been refused."""
        return any(line.startswith(f"{shown(path, _LONGEST_PATH)}: ") for line in self.faults)

    def warn(self, path: str, words: str) -> None:
        """Note what is accepted but should be known."""
        self._note([f"{shown(path, _LONGEST_PATH)}: warning: {shown(words)}"], refused=False)

    def take(self, other: Faults) -> None:
        """Note what others have found."""
        self._note(other.faults, refused=True)
        self._note(other.warnings, refused=False)

    def _note(self, lines: Iterable[str], *, refused: bool) -> None:
        """Note each line once."""
        for line in lines:
            if (refused, line) not in self._told:
                self._told.add((refused, line))
                (self.faults if refused else self.warnings).append(line)


def shown(text: str, most: int = _LONGEST) -> str:
    """A part of a line: on one line, and its middle left out where it is very long."""
    text = _BREAKS.sub(" ", text)
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"
