"""Frozen objects that are looked up often remember their hash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

_Frozen = TypeVar("_Frozen", bound=type)


def hashed_once(frozen: _Frozen) -> _Frozen:
    """Make a frozen dataclass (without slots) remember its hash, which is otherwise the hash of all that it holds.

    The memory does not travel to other processes: the hash of a string differs between them.
    """
    of_everything = cast("Callable[[Any], int]", frozen.__hash__)

    def __hash__(self: Any) -> int:
        held = self.__dict__
        found: int | None = held.get("_hash")
        if found is None:
            found = held["_hash"] = of_everything(self)
        return found

    def __getstate__(self: Any) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_hash"}

    for method in (__hash__, __getstate__):
        setattr(frozen, method.__name__, method)
    return frozen
