"""Every error that a user can meet, with its exit code and HTTP status in one place.

::

    TrialmatchError
    ├── UsageError          2   400   a wrong call or configuration
    │   └── UnknownStudy    2   422   a study that is not there, or not matched
    ├── BadInput            3   422   input that is not what it should be: what, where, what was expected
    │   ├── PatientMissing  3   404   the input does not hold the patient
    │   ├── BadRequest      –   400   a body that the protocol of its endpoint does not allow
    │   └── FaultyStudy     3   422   a study that cannot be matched, with all its faults
    ├── SourceUnavailable   4   502   a hospital or study server that cannot be reached or refuses
    │   └── SourceTimeout   4   504   one that does not answer in time
    ├── StoreUnavailable    4   503   the database cannot be reached, is locked, full or damaged
    ├── DataUnavailable     –   412   a call without data that cannot be had otherwise
    ├── Stale               –   412   someone else has changed it since it was read
    ├── NotAuthenticated    –   401   a call without a token, or with one that is not accepted
    ├── NotAllowed          –   403   a caller who may not do this
    └── IssuerUnavailable   –   503   a token that cannot be checked now: its issuer's keys cannot be had

Errors with a dash are met over HTTP only. ``headers`` belong to the HTTP answer.
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
    def headers(self) -> dict[str, str]:
        """What the HTTP answer carries besides its body."""
        return {}

    @property
    def lines(self) -> list[str]:
        """What to print, one error a line."""
        return [str(self)]


class UsageError(TrialmatchError):
    """The call or the configuration is wrong."""

    exit_code = 2
    http_status = 400


class UnknownStudy(UsageError):
    """A study that is asked for by name and is not there, or is not matched. ``why`` says which."""

    http_status = 422

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"--study {name}: {why}")
        self.name = name
        self.why = why


class BadInput(TrialmatchError):
    """An input is not what it should be. ``place`` is the file with line, entry or element path."""

    exit_code = 3
    http_status = 422

    def __init__(self, place: str, found: str, expected: str) -> None:
        super().__init__(f"{place}: {found}; expected {expected}")


class PatientMissing(BadInput):
    """The input does not hold the patient that was asked for."""

    http_status = 404

    def __init__(self, place: str) -> None:
        super().__init__(place, "no such patient", "a Patient with the id that was asked for")


class BadRequest(BadInput):
    """The body of a call is not what the protocol of its endpoint allows."""

    http_status = 400


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


class SourceTimeout(SourceUnavailable):
    """A server that does not answer in time."""

    http_status = 504


class StoreUnavailable(TrialmatchError):
    """The database cannot be used now: unreachable, locked, full, damaged, or of another version. Its message names
    the database (for whoever runs the service), never who logs in to it."""

    exit_code = 4
    http_status = 503


class DataUnavailable(TrialmatchError):
    """Data that a call should have brought, and that cannot be had otherwise (CDS Hooks)."""

    http_status = 412


class Stale(TrialmatchError):
    """What is to be changed is no longer what the caller has read: read it again, then change it."""

    http_status = 412


class NotAuthenticated(TrialmatchError):
    """A call without a token, or with one that is not accepted. It does not say why: that helps those who guess."""

    http_status = 401

    def __init__(self, *, presented: bool) -> None:
        super().__init__("The bearer token is not accepted." if presented else "A bearer token is needed.")
        self._presented = presented

    @property
    def headers(self) -> dict[str, str]:
        """The challenge of RFC 6750 section 3; no error code where no token was sent."""
        return {"WWW-Authenticate": 'Bearer realm="trialmatch"' + ', error="invalid_token"' * self._presented}


class NotAllowed(TrialmatchError):
    """A caller who may not do this. ``scope`` is what the token lacks, None where no scope would help."""

    http_status = 403

    def __init__(self, message: str, scope: str | None = None) -> None:
        super().__init__(message)
        self._scope = scope

    @property
    def headers(self) -> dict[str, str]:
        """The challenge of RFC 6750 section 3.1."""
        if self._scope is None:
            return {}
        return {
            "WWW-Authenticate": f'Bearer realm="trialmatch", error="insufficient_scope", scope="{self._scope}"'
        }


class IssuerUnavailable(TrialmatchError):
    """A token that cannot be checked now, because the keys of its issuer cannot be had."""

    http_status = 503

    def __init__(self, retry_after: int) -> None:
        super().__init__("The bearer token cannot be checked now; try again later.")
        self._retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """When to try again, in seconds."""
        return {"Retry-After": str(self._retry_after)}
