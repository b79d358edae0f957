"""How far a study's sites are from a ZIP code: positions come from the record, or from a ZIP code by a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import zipcodes

Json = dict[str, Any]

#: Latitude and longitude in degrees (WGS 84).
Position = tuple[float, float]

_ZIP = re.compile(r"[0-9]{5}(?:-[0-9]{4})?")

_US = ("", "us", "usa", "united states", "united states of america")


@lru_cache(maxsize=4096)
def of_zip(code: str) -> Position | None:
    """Where a US ZIP code is (its middle); None where it is none that is known."""
    if not _ZIP.fullmatch(code.strip()):
        return None
    found = zipcodes.matching(code)
    return (float(found[0]["lat"]), float(found[0]["long"])) if found else None


def of_site(location: Json) -> Position | None:
    """Where a Location (R4 or R5) is: by its position, else by the ZIP code of an address in the US."""
    position = location.get("position")
    if isinstance(position, dict):
        latitude, longitude = _degrees(position.get("latitude"), 90), _degrees(position.get("longitude"), 180)
        if latitude is not None and longitude is not None:
            return latitude, longitude
    address = location.get("address")
    if isinstance(address, dict) and isinstance(address.get("postalCode"), str):
        country = address.get("country")
        if country is None or (isinstance(country, str) and country.strip().lower() in _US):
            return of_zip(address["postalCode"])
    return None


def _degrees(value: Any, most: int) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most
    return float(value) if number else None


def miles(one: Position, other: Position) -> float:
    """The distance of two places along the earth's surface, in miles."""
    return float(zipcodes.haversine(one[1], one[0], other[1], other[0]))


def nearest(origin: Position, sites: Iterable[Json]) -> tuple[float | None, bool]:
    """How far the nearest site is, in miles, and whether the place of every site is known."""
    places = [of_site(site) for site in sites]
    distances = [miles(origin, place) for place in places if place is not None]
    return min(distances, default=None), bool(places) and None not in places
