"""The table of common units is what the libraries say, and says the same as they do of every pair."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product

import pytest
from trialmatch.config import Settings
from trialmatch.eligibility.units import Units
from trialmatch.terminology import mappings

from tests.spec import ucum

COMMON = json.loads(ucum.FILE.read_text())["units"]


@pytest.fixture(scope="module")
def both() -> tuple[Units, Units]:
    """Units with the table, and without."""
    return mappings.load(Settings.read({})).knowledge.units, Units({})


def test_table_is_fresh() -> None:
    assert ucum.FILE.read_text() == ucum.text(), "run python -m tests.spec.ucum"


@pytest.mark.parametrize(
    ("code", "factor", "dimension"),
    [
        ("mg/dL", "1/100", {"[length]": -3, "[mass]": 1}),  # 10⁻⁶ kg in 10⁻⁴ m³
        ("10*3/uL", "1000000000000", {"[length]": -3}),  # 1,000 in 10⁻⁹ m³
        ("mg/d", "1/86400000000", {"[mass]": 1, "[time]": -1}),  # 10⁻⁶ kg in 86,400 s
        ("%", "1/100", {}),
        ("{score}", "1", {}),
    ],
)
def test_by_hand(code: str, factor: str, dimension: dict[str, int]) -> None:
    assert COMMON[code] == {"factor": factor, "dimension": dimension}


def test_scales_with_an_offset_are_left_to_the_library() -> None:
    assert not {"Cel", "[degF]"} & COMMON.keys()


def test_alone(both: tuple[Units, Units]) -> None:
    table, library = both
    for code in COMMON:
        assert library.is_ucum(code) and table.is_ucum(code), code
        assert table.dimensionless(code) == library.dimensionless(code), code


def test_every_pair(both: tuple[Units, Units]) -> None:
    """What can be converted is the same, and the factors differ by no more than floats err."""
    table, library = both
    for source, target in product(COMMON, COMMON):
        ours, theirs = table.conversion(source, target), library.conversion(source, target)
        assert (ours is None) == (theirs is None), (source, target)
        if ours is not None and theirs is not None:
            assert ours.offset == theirs.offset == 0, (source, target)
            assert abs(ours.factor / theirs.factor - 1) < 1e-11, (source, target)


def test_factors_are_exact(both: tuple[Units, Units]) -> None:
    """365.25 days in weeks of seven: no decimal number, and not what a float makes of it."""
    found = both[0].conversion("a", "wk")
    assert found is not None and found.factor == Fraction(36525, 700)


def test_the_library_is_not_loaded_for_common_units() -> None:
    units = mappings.load(Settings.read({})).knowledge.units
    assert units.conversion("g/L", "mg/dL") is not None and units.dimensionless("{score}")
    assert "_registry" not in vars(units)
    assert units.conversion("Cel", "K") is not None and "_registry" in vars(units)
