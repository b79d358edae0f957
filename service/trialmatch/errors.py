"""Every error that a user can meet, with its exit code and HTTP status in one place.

::

    TrialmatchError
    ├── UsageError          2   400   a wrong call or configuration
    ├── BadInput            3   422   input that is not what it should be: what, where, what was expected
    │   ├── PatientMissing  3   404   the input does not hold the patient
    │   └── FaultyStudy     3   422   a study that cannot be matched, with all its faults
    └── SourceUnavailable   4   502   a hospital or study server that cannot be reached or refuses

A run that finished although some sources failed or some records could not be read ends with exit code INCOMPLETE (5).
Messages never hold a patient's values.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Exit code of a run whose result is printed but rests on incomplete sources.
INCOMPLETE = 5


class TrialmatchError(Exception):
    """Base of all errors that are told to the user in one line (or one line a fault)."""

    exit_code = 1
    http_status = 500

    @property
    def lines(self) -> list[str]:
        """What to print, one error a line."""
        return [str(self)]


class UsageError(TrialmatchError):
    """The call or the configuration is wrong."""

    exit_code = 2
    http_status = 400


class BadInput(TrialmatchError):
    """An input is not what it should be. ``place`` is the file with line, entry or element path."""

    exit_code = 3
    http_status = 422

    def __init__(self, place: str, found: str, expected: str) -> None:
        super().__init__(f"{place}: {found}; expected {expected}")


class PatientMissing(BadInput):
    """The input does not hold the patient that was asked for."""

    http_status = 404


class FaultyStudy(BadInput):
    """Studies that cannot be matched; ``faults`` are lines of file, element path, what was found, what is allowed."""

    def __init__(self, faults: Sequence[str]) -> None:
        TrialmatchError.__init__(self, "\n".join(faults))
        self.faults = list(faults)

    @property
    def lines(self) -> list[str]:
        """One line a fault."""
        return self.faults


class SourceUnavailable(TrialmatchError):
    """A server cannot be reached or refuses."""

    exit_code = 4
    http_status = 502
