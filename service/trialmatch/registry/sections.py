"""From an eligibility text to its criteria: inclusions and exclusions, single ones and groups, by cohort.

A group is made only where a lead-in says with certainty how what follows is combined. Otherwise the criterion keeps
all that is printed under it as its text, and no rule reads any of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from trialmatch.registry.headings import (
    EXCLUSION,
    INCLUSION,
    UNKNOWN,
    Combination,
    Section,
    cohort,
    combination,
    section,
    topic,
)
from trialmatch.registry.outline import Node, outline
from trialmatch.registry.vocabulary import disease_cohort
from trialmatch.registry.wording import spelled

#: What refers to other criteria changes what they mean.
_REFERS = re.compile(
    r"\b(?:criteri(?:on|a)|items?|points?)\s*(?:no\.?|number|nos\.?)?\s*#?\(?\d|\b(?:above|preceding|aforementioned|"
    r"foregoing) "
    r"(?:mentioned )?(?:criteria|criterion|conditions?|requirements?)|(?:criteria|criterion|conditions?|"
    r"requirements?) above"
    r"|\b(?:any|either|one|two|both|all|none) of (?:the )?(?:above|preceding)"
)
_NOTE = re.compile(r"\W*(?:note|notes|n\.?b\.?|exceptions?|footnote|remark)\b\s*\d?\s*[:.-]|[*†‡^#§]", re.IGNORECASE)
_CUE = re.compile(r"\b(?:following|below|these|either|one of|any of|as follows)\b")
_LEADS = re.compile(r"\bfollowing(?:\s+\w+){0,6}\W*$", re.IGNORECASE)
_ENDS = re.compile(r"[\s,;.]*\b(and/or|and|or)\W*$", re.IGNORECASE)
_BEGINS = re.compile(r"\W*(and/or|and|or)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Criterion:
    """A criterion as printed, without its ``marker``. ``words`` is what a rule may read of it, None where none may."""

    kind: str
    text: str
    words: str | None = None
    combination: Combination | None = None
    members: tuple[Criterion, ...] = ()
    cohort: str | None = None
    marker: str = ""

    def walk(self) -> Iterator[Criterion]:
        """This one and all under it."""
        yield self
        for member in self.members:
            yield from member.walk()


@dataclass
class Eligibility:
    """The criteria of a text, its cohorts (label and printed name), and the headings that are no criteria."""

    criteria: list[Criterion] = field(default_factory=list)
    cohorts: dict[str, str] = field(default_factory=dict)
    headings: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> set[str]:
        """Which kinds of criteria there are."""
        return {one.kind for one in self.criteria}


@dataclass
class _Part:
    """What stands under one heading of a section."""

    head: Section
    text: str = ""
    nodes: list[Node] = field(default_factory=list)


def eligibility(text: str) -> Eligibility:
    """The criteria of a text.

    Cohorts are what two or more headings of inclusions name; what other headings limit applies to nobody knows whom.
    """
    parts = _parts(outline(text))
    labels = dict(one for part in parts if part.head.kind == INCLUSION for one in _labels(part))
    while True:
        found = Eligibility(cohorts=labels if len(labels) > 1 else {})
        for part in parts:
            if part.text:
                found.headings.append(part.text)
            _take(part, found)
        asking = {one.cohort for one in found.criteria if one.kind == INCLUSION}
        if asking >= found.cohorts.keys():
            return found
        labels = {label: name for label, name in labels.items() if label in asking}


def _parts(roots: Iterable[Node]) -> list[_Part]:
    parts = [_Part(Section(UNKNOWN, ""))]
    for root in roots:
        head = section(root.text)
        if head is None:
            parts[-1].nodes.append(root)
        else:
            parts.append(_Part(head, root.text, list(root.children)))
    return [part for part in parts if part.nodes or part.text]


def _labels(part: _Part) -> Iterator[tuple[str, str]]:
    """The cohorts that a section and the headings in it name: label, and name as printed."""
    label = _label(part.head.tail)
    if label and part.nodes:
        yield label, part.head.tail
    for node, following in pairwise(part.nodes):
        inside = _subheading(node)
        if inside and _subheading(following) is None:
            yield inside, node.text.rstrip(" :")


def _label(tail: str) -> str | None:
    bare = re.sub(r"^(?:for|of|in)\s+(?:the\s+)?", "", spelled(tail))
    return (cohort(tail) or disease_cohort(bare)) if tail else None


def _subheading(node: Node) -> str | None:
    """The cohort that a paragraph inside a section names and says nothing else of."""
    if node.marker or len(node.text) > 120:
        return None
    if node.text.endswith(":") and re.match(r"for\b|.*\bcohort:$", node.text, re.IGNORECASE):
        return disease_cohort(re.sub(r"^(?:for|the)\s+|\s+cohort$", "", spelled(node.text).rstrip(": ")))
    return cohort(node.text)


def _take(part: _Part, found: Eligibility) -> None:
    """Take in what stands under one heading."""
    kind, label = part.head.kind, _label(part.head.tail)
    if part.head.tail and label not in found.cohorts:  # it applies to some, and to whom no rule knows
        members = tuple(_criteria(part.nodes, kind, readable=False, found=found, cohorts=False))
        if members:
            found.headings.remove(part.text)
            found.criteria.append(Criterion(kind, part.text, None, Combination(_joined(kind)), members))
        return
    refers = any(_REFERS.search(spelled(one.text)) for node in part.nodes for one in node.walk())
    own = _criteria(part.nodes, kind, readable=not refers and kind != UNKNOWN, found=found, cohorts=True)
    named = _asked(kind, part.text, part.head.tail, label)
    found.criteria += [replace(one, cohort=one.cohort or label) for one in (*named, *own)]


def _asked(kind: str, text: str, tail: str, label: str | None) -> list[Criterion]:
    """What a heading itself asks of a cohort: the disease that it names, which its list may not say again."""
    return [Criterion(kind, text)] if label and kind == INCLUSION and cohort(tail) is None else []


def _joined(kind: str) -> str:
    return "any-of" if kind == EXCLUSION else "all-of"


def _criteria(
    nodes: list[Node], kind: str, *, readable: bool, found: Eligibility, cohorts: bool
) -> list[Criterion]:
    """The criteria of one section: paragraphs, lists, and lists under a paragraph that leads them in."""
    made: list[Criterion] = []
    label: str | None = None
    position = noted = 0
    while position < len(nodes):
        node = nodes[position]
        position += 1
        run = [node] if node.marker else []
        while position < len(nodes) and nodes[position].marker:
            run.append(nodes[position])
            position += 1
        if node.marker:
            made += _cohorted(_list(run, kind, readable, _joined(kind)), label)
            continue
        inside = _subheading(node)
        if inside and not (cohorts and inside in found.cohorts):
            readable = False
        elif inside:
            label = inside
            found.headings.append(node.text)
            named = _asked(kind, node.text, node.text, label)
            made += _cohorted([*named, *_list(run, kind, readable, _joined(kind))], label)
            continue
        if _NOTE.match(node.text):
            noted = len(made)
        means = combination(node.text, kind)
        if means is not None and means.code == _joined(kind) and (run or position < len(nodes)):
            found.headings.append(node.text)
            counted = means.size in (None, 0, len(run))
            made += _cohorted(_list(run, kind, readable and counted, means.code), label)
        elif run and (means is not None or topic(node.text)):
            made.append(replace(_group(node, run, kind, readable, means or Combination(_joined(kind))), cohort=label))
        elif run and _leads(node.text):
            made.append(replace(_text(node, run, kind), cohort=label))
        else:
            if node.text.endswith(":"):
                readable = False  # a heading of paragraphs: to whom they apply is not known
            words = node.text if readable and node.certain and not _CUE.search(spelled(node.text)) else None
            made.append(Criterion(kind, node.text, words, cohort=label))
            made += _cohorted(_list(run, kind, readable, _joined(kind)), label)
    return _before_note(made, noted)


def _cohorted(criteria: Iterable[Criterion], label: str | None) -> list[Criterion]:
    return [replace(one, cohort=label) for one in criteria]


def _leads(text: str) -> bool:
    """Whether a paragraph leads in the list under it, as far as one can tell."""
    title = len(text) <= 80 and not text.endswith((".", ";"))
    return text.endswith(":") or title or bool(_CUE.search(spelled(text)))


def _before_note(made: list[Criterion], noted: int) -> list[Criterion]:
    """Criteria before a note, which may change any of them, are read by no rule."""
    return [*map(_unreadable, made[:noted]), *made[noted:]]


def _unreadable(one: Criterion) -> Criterion:
    return replace(one, words=None, members=tuple(map(_unreadable, one.members)))


def _list(nodes: list[Node], kind: str, readable: bool, joined: str) -> list[Criterion]:
    """The entries of a list. What "or" joins in a list of all, or "and" in a list of any, stays together as text."""
    against = {"all-of": ("or", "and/or"), "any-of": ("and", "and/or")}[joined]
    together: list[list[Node]] = []
    for node in nodes:
        ends = _ENDS.search(_last(together[-1][-1])) if together else None
        begins = _BEGINS.match(node.text)
        if together and (
            (ends and ends[1].lower() in against) or (begins and begins[1].lower() in against)
        ):
            together[-1].append(node)
        else:
            together.append([node])
    made: list[Criterion] = []
    positions = {id(node): number for number, node in enumerate(nodes, start=1)}
    ordered, noted = _ordered(nodes), 0
    for ones in together:
        if _NOTE.match(ones[0].text):
            noted = len(made)
        if len(ones) > 1:
            made.append(Criterion(kind, "\n".join(map(_whole, ones))))
        else:
            made.append(_one(ones[0], kind, readable and positions[id(ones[0])] <= ordered))
    return _before_note(made, noted)


def _ordered(nodes: list[Node]) -> int:
    """Up to which entry a list is one list.

    After a lead-in without a list of its own, or where its numbers do not go on, entries may belong under another.
    """
    for position, (node, following) in enumerate(pairwise(nodes), start=1):
        leads = not node.children and (node.text.endswith(":") or _LEADS.search(node.text))
        numbers = [one.marker.strip("().") for one in (node, following)]
        breaks = all(number.isdigit() for number in numbers) and int(numbers[1]) != int(numbers[0]) + 1
        if leads or breaks:
            return position
    return len(nodes)


def _last(node: Node) -> str:
    return _last(node.children[-1]) if node.children else node.text


def _one(node: Node, kind: str, readable: bool) -> Criterion:
    """One entry of a list, with what is nested under it."""
    if not node.children:
        words = _ENDS.sub("", node.text) if readable and node.certain and not node.text.endswith(":") else None
        return Criterion(kind, node.text, words, marker=node.marker)
    means = combination(node.text, kind) if node.certain else None
    if means is None:
        return _text(node, node.children, kind)
    return _group(node, node.children, kind, readable, means)


def _group(node: Node, members: list[Node], kind: str, readable: bool, means: Combination) -> Criterion:
    """A lead-in with its list as a group, or as mere text where the list's own words say otherwise."""
    certain = means.size in (None, 0, len(members)) and (means.threshold or 0) <= len(members)
    wrong = {"all-of": ("or", "and/or"), "any-of": ("and", "and/or"), "at-least": ("or", "and", "and/or")}[means.code]
    for one in members[:-1]:
        ends = _ENDS.search(_last(one))
        certain = certain and not (ends and ends[1].lower() in wrong)
    for one in members[1:]:
        begins = _BEGINS.match(one.text)
        certain = certain and not (begins and begins[1].lower() in wrong)
    if not certain:
        return _text(node, members, kind)
    joined = "all-of" if means.code == "all-of" else "any-of"
    return Criterion(kind, node.text, None, means, tuple(_list(members, kind, readable, joined)), marker=node.marker)


def _text(node: Node, members: list[Node], kind: str) -> Criterion:
    """A lead-in with all that is nested under it as one text."""
    inside = [_whole(one, "  ") for one in members]
    return Criterion(kind, "\n".join([node.text, *inside]), marker=node.marker)


def _whole(node: Node, indent: str = "") -> str:
    """An entry with all that is nested under it, as printed."""
    own = f"{indent}{node.marker} {node.text}"
    return "\n".join([own, *(_whole(child, f"{indent}  ") for child in node.children)])
