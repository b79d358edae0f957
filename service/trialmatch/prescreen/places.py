"""Places told by offset (``file:@offset@``) turned into ``file:line``: only where something has to be said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from trialmatch.fhir.sources import opened
from trialmatch.prescreen.inputs import Input

_OFFSET = re.compile(r":@(\d+)@")


def located(problems: Sequence[str], files: Sequence[Input]) -> list[str]:
    """Messages with lines in place of offsets, each once, in the order of files and lines."""
    asked: dict[Path, set[int]] = {}
    for words in problems:
        for file in files:
            if words.startswith(f"{file.path}:@"):
                found = _OFFSET.search(words)
                assert found is not None
                asked.setdefault(file.path, set()).add(int(found[1]))
    lines = {path: numbers(path, sorted(offsets)) for path, offsets in asked.items()}
    ordered: dict[str, tuple[int, int]] = {}
    for words in problems:
        place = (len(files), 0)
        for number, file in enumerate(files):
            if words.startswith(f"{file.path}:"):
                found = _OFFSET.match(words, len(str(file.path)))
                if found:
                    line = lines[file.path][int(found[1])]
                    words = f"{file.path}:{line}{words[found.end() :]}"
                told = re.match(r":(\d+)", words[len(str(file.path)) :])
                place = (number, int(told[1]) if told else 0)
                break
        ordered[words] = place
    return sorted(ordered, key=lambda words: (ordered[words], words))


def numbers(path: Path, offsets: Sequence[int]) -> dict[int, int]:
    """The line numbers at ascending offsets of a file (unpacked where it is packed)."""
    found: dict[int, int] = {}
    line, at = 1, 0
    with opened(path) as stream:
        for offset in offsets:
            while at < offset:
                piece = stream.read(min(1 << 22, offset - at))
                if not piece:
                    break
                line, at = line + piece.count(b"\n"), at + len(piece)
            found[offset] = line
    return found
