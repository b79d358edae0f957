"""The only reader of the data packages ``profiles/`` and ``mappings/``: the same files in checkout, wheel and image."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable


def _contents(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """All JSON files under a folder, by name: path inside it and content."""
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _contents(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".json"):
            yield f"{prefix}{entry.name}", entry.read_bytes()


def mappings() -> Iterator[tuple[str, bytes]]:
    """All shipped mapping files: path inside ``mappings/`` and content."""
    return _contents(files("trialmatch.mappings"))


def code_systems() -> Iterator[tuple[str, bytes]]:
    """The project's own CodeSystems."""
    return _contents(files("trialmatch.profiles").joinpath("codesystems"))


def studies() -> Iterator[tuple[str, bytes]]:
    """The shipped studies and the blocks they share."""
    return _contents(files("trialmatch.profiles").joinpath("studies"))
