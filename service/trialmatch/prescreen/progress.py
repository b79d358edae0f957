"""How far a run is, told to whoever wants to hear it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Hears of the stages of a run. Each begins with its size and advances.

    ``survey`` (what is in the files) and ``blocks`` (where their lines stand) count bytes, ``fetch`` (the lines of
    candidates) pieces of work, ``judge`` patients.
    """

    begin: Callable[[str, int], None] = lambda stage, size: None
    advance: Callable[[str, int], None] = lambda stage, size: None
