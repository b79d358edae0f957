"""The printed rows of a study: the criteria as a reader of the record counts them, and how far each is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trialmatch.eligibility.criteria import Item, JudgementLeaf, Study, TextLeaf

COMPUTABLE, PARTLY, NOT = "computable", "partly", "not"


def printed_rows(study: Study) -> Iterator[Item]:
    """The rows of a study, in the order of authoring.

    The parts into which a row is split carry its linkId, a dot and a small letter (``I9.a``); a group whose members are
    named otherwise is a heading (``I6`` over ``I6.1``), a cohort, or the choice of cohorts, and those members are rows.
    A group that asks whom it concerns (applicability) is one criterion, however its members are named.
    """
    yield from _rows(study.items or ())


def _rows(items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        rows = [member for member in item.members if not _is_part(member, item)]
        if rows and not any(member.applicability for member in item.members):
            yield from _rows(rows)
        else:
            yield item


def _is_part(member: Item, row: Item) -> bool:
    rest = member.link_id.removeprefix(f"{row.link_id}.")
    return rest != member.link_id and rest[:1].islower()


def computable(row: Item) -> str:
    """Whether a row is computed wholly, partly, or only asked of a person."""
    asked = {isinstance(item.leaf, JudgementLeaf | TextLeaf) for item in row.walk() if item.leaf is not None}
    return PARTLY if len(asked) == 2 else NOT if True in asked else COMPUTABLE
