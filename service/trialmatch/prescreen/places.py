"""Messages that begin with a place, ``file:line``: which that is, and the order in which they are told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trialmatch.prescreen.inputs import Input

_LINE = re.compile(r":(\d+)(?:: )?")


def place_of(words: str, files: Sequence[Input]) -> tuple[int, int, str]:
    """The number of the file (that of all files for none), of the line (0 for none), and the rest of a message."""
    for number, file in enumerate(files):
        name = str(file.path)
        if words.startswith(f"{name}:"):
            line = _LINE.match(words, len(name))
            return (number, int(line[1]), words[line.end() :]) if line else (number, 0, words[len(name) + 2 :])
    return len(files), 0, words


def ordered(problems: Iterable[str], files: Sequence[Input]) -> list[str]:
    """Messages, each once, in the order of files and lines."""
    return sorted(set(problems), key=lambda words: (place_of(words, files)[:2], words))
