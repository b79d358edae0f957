"""Writes ``mappings/ucum.json``: common units, worked out by ucumvert and pint: ``python -m tests.spec.ucum``.

Reading UCUM in general takes pint's registry, which takes half a second to load. With these units at hand most commands
never load it; a unit that is not among them is read as before. A test holds the file against the libraries.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trialmatch.eligibility.units import LOG10, bare, exact
from ucumvert import PintUcumRegistry

MAPPINGS = Path(__file__).parents[2] / "mappings"
FILE = MAPPINGS / "ucum.json"

#: Units of results, doses and criteria that no spelling stands for.
MORE = (
    "1", "{count}", "g/(24.h)", "g/(12.h)", "mg/(24.h)", "mg/h", "ug/h", "ug/kg", "ug/kg/d", "ug/kg/min",
    "g/kg", "g/kg/d", "mg/m2", "mg/m2/d", "mL/kg", "mL/h", "L/h", "mL/min/kg", "kg/m", "dL", "fmol/L", "mol/L",
    "mmol/d", "umol/d", "nmol/d", "mmol/g", "umol/g", "umol/mol", "nmol/mL", "pmol/mL", "ng/g", "ug/g",
    "ng/mL/h", "U/g", "U/d", "U/kg", "U/h", "[iU]/d", "[iU]/kg", "m[iU]/mL", "kat/L", "10*3", "10*6", "10*9",
    "10*3/mL", "10*6/mL", "10*6/L", "10*3/L", "/mm3", "/dL", "mm3", "cm2", "km", "um3", "J", "kJ", "kcal", "Pa",
    "cm[H2O]", "/h", "/s", "/d", "Hz", "mV", "V", "[ppth]", "[ppm]",
)  # fmt: skip


def units() -> dict[str, Any]:
    """Units by code: how many of the base units of their dimension they are, as an exact fraction."""
    spellings = json.loads((MAPPINGS / "units.json").read_text())["spellings"]
    registry = PintUcumRegistry()
    found = {}
    for code in sorted({*spellings.values(), *MORE}):
        parsed = None if code.startswith(LOG10) else _read(registry, code)
        if parsed is not None:
            found[code] = parsed
    return found


def _read(registry: Any, code: str) -> dict[str, Any] | None:
    """A unit that is a plain multiple of others; None for scales with an offset, which only the registry converts."""
    parsed = registry.from_ucum(bare(code))
    if not parsed._is_multiplicative:
        return None
    base = parsed.to_base_units()
    factor = exact(float(base.magnitude))
    dimension = {name: int(power) for name, power in sorted(parsed.dimensionality.items())}
    assert abs(float(factor) / float(base.magnitude) - 1) < 1e-11, code
    return {"factor": str(factor), "dimension": dimension}


def text() -> str:
    """The content of the file."""
    about = (
        "Common UCUM units: each is so many (factor) of the base units of its dimension. Worked out by ucumvert and "
        "pint; written by python -m tests.spec.ucum. Any other unit is read by these libraries themselves."
    )
    entries = ",\n".join(f"    {json.dumps(code)}: {json.dumps(unit)}" for code, unit in units().items())
    return f'{{\n  "_about": {json.dumps(about)},\n  "units": {{\n{entries}\n  }}\n}}\n'


if __name__ == "__main__":
    FILE.write_text(text())
