"""What a rule has read: a statement about a patient, true or false, as leaves and groups of the criteria language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Leaf:
    """A single statement: its definition with all that goes beside it, and the words it stands for, if not all."""

    definition: Json
    text: str = ""
    exclude: bool = False
    applicability: bool = False


@dataclass(frozen=True)
class Group:
    """Statements combined; ``code`` as in ``definitionByCombination``."""

    code: str
    members: tuple[Statement, ...]
    text: str = ""
    exclude: bool = False
    applicability: bool = False


Statement = Leaf | Group


@dataclass(frozen=True)
class Reading:
    """What a rule makes of a criterion. ``note`` is for whoever checks it.

    ``required`` says that the statement is already what a patient has to fulfil, though it is printed as an exclusion.
    """

    statement: Statement
    note: str = ""
    required: bool = False


def leaves(statement: Statement) -> Iterator[Leaf]:
    """The single statements of a statement."""
    if isinstance(statement, Leaf):
        yield statement
    else:
        for member in statement.members:
            yield from leaves(member)
