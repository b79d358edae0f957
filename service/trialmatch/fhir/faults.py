"""Faults of studies: collected, each one line with file, element path, what was found and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Faults:
    """What is wrong with a set of studies.

    With ``lenient`` only ambiguous structure is refused; whatever else cannot be read becomes a warning, and the
    characteristic that holds it is not computable.
    """

    lenient: bool = False
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, path: str, found: str, allowed: str, *, ambiguous: bool = False) -> None:
        """Note a fault; ``ambiguous`` ones are refused even leniently."""
        line = f"{path}: {found}; allowed: {allowed}"
        target = self.faults if ambiguous or not self.lenient else self.warnings
        if line not in target:
            target.append(line)

    def refuse(self, path: str, found: str, allowed: str) -> None:
        """Note a fault that is refused even leniently."""
        self.add(path, found, allowed, ambiguous=True)

    def warn(self, path: str, words: str) -> None:
        """Note what is accepted but should be known."""
        line = f"{path}: warning: {words}"
        if line not in self.warnings:
            self.warnings.append(line)
