"""The list of resource types against fhir.resources, which is made from the specifications."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from trialmatch.fhir.resource_types import R4_ONLY, RESOURCE_TYPES

#: What other types are made from; no record is one.
_ABSTRACT = {"Resource", "DomainResource", "CanonicalResource", "MetadataResource"}


def _types(package: str) -> set[str]:
    base = import_module(f"{package}.resource").Resource
    modules = [one.name for one in iter_modules(import_module(package).__path__) if not one.ispkg]
    found: set[str] = set()
    for name in modules:
        module = import_module(f"{package}.{name}")
        own = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
        found |= {one.__name__ for one in own if issubclass(one, base)}
    return found


def test_the_types_of_r4b_and_r5() -> None:
    assert _types("fhir.resources") | _types("fhir.resources.R4B") == (RESOURCE_TYPES - R4_ONLY) | _ABSTRACT


def test_the_types_that_only_r4_has() -> None:
    assert len(R4_ONLY) == 13 and not R4_ONLY & (_types("fhir.resources") | _types("fhir.resources.R4B"))
