"""The only reader of the data packages ``profiles/`` and ``mappings/``: the same files in checkout, wheel and image."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".json"):
            yield f"{prefix}{entry.name}", entry


def mappings() -> Iterator[tuple[str, bytes]]:
    """All shipped mapping files: path inside ``mappings/`` and content."""
    for name, entry in _walk(files("trialmatch.mappings")):
        yield name, entry.read_bytes()


def code_systems() -> Iterator[tuple[str, bytes]]:
    """The project's own CodeSystems."""
    for name, entry in _walk(files("trialmatch.profiles").joinpath("codesystems")):
        yield name, entry.read_bytes()


def studies() -> Iterator[tuple[str, bytes]]:
    """The shipped studies and the blocks they share."""
    for name, entry in _walk(files("trialmatch.profiles").joinpath("studies")):
        yield name, entry.read_bytes()
