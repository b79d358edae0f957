"""The lines of an eligibility text as an outline: paragraphs, bullets and numbers of any kind, nested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from trialmatch.registry.headings import is_section, separated
from trialmatch.registry.wording import printed

#: No outline nests deeper; what does is put beside what is above it.
_DEEPEST = 8

_BULLET = re.compile(r"(?:\\?[-+–—]|[*•⁃◦▪■●○‣·➢✓⁻])(?=\s)\s*|[•⁃◦▪■●○‣➢✓]\s*")
_NUMBERED = re.compile(
    r"""(?P<dotted>\d{1,2}(?:\.\d{1,2}){1,3}\\?[.)]?)\s+(?=[A-Z(])(?!(?:ULN|UNL|LLN|IU|U|G|Gy|MG|ML|L|X)\b)
    | (?P<number>\d{1,3})\\?(?P<n>[.)])(?:\s+|(?=[^\W\d_]))
    | (?P<letter>[a-zA-Z])\\?(?P<l>[.)])\s+
    | (?P<roman>[ivx]{2,5})\\?(?P<r>[.)])\s+
    | \\?\((?P<inner>\d{1,3}|[a-zA-Z]|[ivx]{2,5})\\?\)\s*(?=\S)""",
    re.VERBOSE,
)
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*|__(?=\S)(.+?)(?<=\S)__")
_SENTENCE_ENDS = (".", ";", ":", "!", "?")
_GOES_ON = re.compile(r"\s*(?:[a-z(≥≤<>=×/,;]|\\[<>])")


@dataclass
class Node:
    """A paragraph (without marker) or an entry of a list, with what is nested under it.

    ``certain`` is false where it may be the half of a sentence. ``kind`` tells one kind of marker from another.
    """

    text: str
    marker: str = ""
    kind: str = ""
    indent: int = 0
    certain: bool = True
    children: list[Node] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        """This one and all under it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass
class _Line:
    indent: int
    marker: str
    kind: str
    text: str
    blank_before: bool


def outline(text: str) -> list[Node]:
    """The top-level nodes of a text, in its order."""
    roots: list[Node] = []
    stack: list[Node] = []
    for line in _lines(text):
        if line.marker:
            _add(Node(printed(line.text), line.marker, line.kind, line.indent), stack, roots)
        elif stack and _goes_on(stack[-1], line):
            _append(stack[-1], line)
        elif roots and not roots[-1].marker and not line.blank_before:
            _next_line(roots, line)
        else:
            stack.clear()
            roots.append(Node(printed(line.text)))
    return roots


def _goes_on(node: Node, line: _Line) -> bool:
    """Whether a line without marker belongs to the entry above it, and is no heading of what follows."""
    if is_section(printed(line.text)):
        return False
    if line.blank_before or line.indent > node.indent:
        return line.indent > node.indent
    if line.text.endswith(":") and line.text[:1].isupper():
        node.certain = False
        return False
    return True


def _append(node: Node, line: _Line) -> None:
    """A line that goes on with an entry of a list."""
    node.text = f"{node.text}{chr(10) if line.blank_before else ' '}{printed(line.text)}".strip()


def _next_line(roots: list[Node], line: _Line) -> None:
    """A line after another one, both without marker: a paragraph of its own, or the same one."""
    last = roots[-1]
    text = printed(line.text)
    if last.text.endswith(_SENTENCE_ENDS) or is_section(last.text) or is_section(text):
        roots.append(Node(text))
    elif _GOES_ON.match(line.text):
        last.text = f"{last.text} {text}"
    else:
        last.certain = False
        roots.append(Node(text, certain=False))


def _lines(text: str) -> Iterator[_Line]:
    blank = True
    for raw in re.split(r"\r\n|[\n\r\u2028\u2029]", separated(text)):
        bare = raw.expandtabs(4).replace("\xa0", " ")
        content = bare.strip()
        if not content:
            blank = True
            continue
        marker, kind, rest = _marked(content)
        rest = _BOLD.sub(lambda found: found[1] or found[2], rest)
        yield _Line(len(bare) - len(bare.lstrip()), marker, kind, rest, blank)
        blank = False


def _marked(content: str) -> tuple[str, str, str]:
    """The marker at the beginning of a line, its kind, and the rest; no marker where nothing follows it."""
    bullet = _BULLET.match(content)
    if bullet and content[bullet.end() :].strip():
        sign = bullet[0].strip().lstrip("\\")
        return sign, sign, content[bullet.end() :]
    numbered = _NUMBERED.match(content)
    if numbered is None or not content[numbered.end() :].strip():
        return "", "", content
    marker = numbered[0].strip().replace("\\", "")
    return marker, _kind(numbered), content[numbered.end() :]


def _kind(found: re.Match[str]) -> str:
    if found["dotted"]:
        return f"dotted{found['dotted'].strip('.)').count('.')}"
    if found["number"]:
        return "1" + found["n"]
    if found["letter"]:
        return _letters(found["letter"]) + found["l"]
    if found["roman"]:
        return "i" + found["r"]
    inner = found["inner"]
    return f"({'1' if inner.isdigit() else _letters(inner)})"


def _letters(word: str) -> str:
    if word in ("i", "ii", "iii") or len(word) > 1:
        return "i"
    return "A" if word.isupper() else "a"


def _add(node: Node, stack: list[Node], roots: list[Node]) -> None:
    """Put an entry of a list where its indentation and its kind of marker say."""
    if node.kind in ("i)", "i.", "(i)"):
        _letter_or_roman(node, stack)
    while stack and stack[-1].indent > node.indent + 1:
        stack.pop()
    level = [one for one in stack if abs(one.indent - node.indent) <= 1]
    same = next((one for one in reversed(level) if one.kind == node.kind), None)
    if same is not None:
        del stack[stack.index(same) :]
    elif level and not level[-1].text.endswith(":") and not _numbers_within(node, level[-1]):
        del stack[stack.index(level[0]) :]
    del stack[_DEEPEST:]
    (stack[-1].children if stack else roots).append(node)
    stack.append(node)


def _letter_or_roman(node: Node, stack: list[Node]) -> None:
    """``i.`` after ``h.`` is a letter."""
    letter = node.kind.replace("i", "a")
    if node.marker.strip("().") == "i" and any(
        one.kind == letter and one.marker.strip("().") == "h" and abs(one.indent - node.indent) <= 1 for one in stack
    ):
        node.kind = letter


def _numbers_within(node: Node, above: Node) -> bool:
    """``1.2`` under ``1.``"""
    return node.kind.startswith("dotted") and node.marker.startswith(above.marker.rstrip(".)") + ".")
