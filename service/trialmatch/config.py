"""Settings: each is an environment variable ``TRIALMATCH_<NAME>`` and a row of ``docs/settings.md``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trialmatch import config_access
from trialmatch.errors import UsageError

#: Base of all canonical URLs of the project (criteria language, first page).
BASE = "https://trialmatch.example.org/fhir"

_PERIOD = re.compile(r"(\d{1,4})\s*(d|wk|mo|a)$")

class _Rule(NamedTuple):
    """What a setting must be where it is set."""

    holds: Callable[[Any], bool]
    expected: str


_ANYTHING = _Rule(lambda value: True, "")
_ABOVE_ZERO = _Rule(lambda value: 0 < value < inf, "a number above 0")
_NOT_NEGATIVE = _Rule(lambda value: 0 <= value < inf, "0 or more")
_A_PERIOD = _Rule(lambda value: _PERIOD.match(value) is not None, "a whole number of d, wk, mo or a")


def _setting(default: Any, meaning: str, allowed: str = "", rule: _Rule = _ANYTHING) -> Any:
    return field(default=default, metadata={"meaning": meaning, "allowed": allowed, "rule": rule})


def _number(default: float | None, meaning: str) -> Any:
    return _setting(default, meaning, "", _ABOVE_ZERO)


def _number_or_zero(default: float, meaning: str, allowed: str = "") -> Any:
    return _setting(default, meaning, allowed, _NOT_NEGATIVE)


def _choice(default: str, meaning: str, *choices: str) -> Any:
    allowed = ", ".join(choices)
    return _setting(default, meaning, allowed, _Rule(lambda value: value in choices, f"one of {allowed}"))


@dataclass(frozen=True)
class Settings:
    """All settings with their defaults. ``Settings.read`` takes them from the environment."""

    studies: str | None = _setting(
        None, "folder, file or R5 FHIR server that holds the studies; the shipped ones if unset"
    )
    mappings: str | None = _setting(
        None, "folder with a site's own value sets, maps and spellings, laid over the shipped ones"
    )
    timezone: str = _setting(
        "UTC", "the site's time zone, in which days begin and end", "an IANA name such as Europe/Berlin"
    )
    validity: str = _setting(
        "90 d", "how old a result without an own window may be", "a whole number of d, wk, mo or a", _A_PERIOD
    )
    leap_birthday: str = _choice(
        "03-01", "the day on which someone born on 29 February completes a common year", "03-01", "02-28"
    )
    text: str = _choice(
        "hint", "records whose words, but no known code, name a concept: a hint, or counted", "hint", "accept"
    )
    exposure: str = _choice("order", "whether an order alone counts as taking a drug", "order", "taken")
    ana_titre: int | None = _number(None, "the lowest positive ANA titre, as its reciprocal; 80 if unset")
    unreviewed_codes: str = _choice("use", "codes that are marked for review in the mappings", "use", "skip")
    study_bytes: int = _number(10_000_000, "the largest study file, in bytes")
    study_depth: int = _number(64, "how deep characteristics may nest")
    fhir_server: str | None = _setting(None, "the hospital's FHIR server (R4), from which the service fetches patients")
    fhir_timeout: float = _number(30.0, "seconds to wait for one answer of the hospital server")
    fhir_connect_timeout: float = _number(5.0, "seconds to wait for a connection to it")
    fhir_total_timeout: float = _number(60.0, "seconds that all requests for one patient may take together")
    fhir_retries: int = _number_or_zero(
        3, "how often a request is repeated that failed for a passing reason", "0 or more"
    )
    fhir_parallel: int = _number(16, "how many requests for one patient run side by side")
    fhir_pages: int = _number(1_000, "how many pages of one search are followed at most")
    fhir_page_size: int = _number(500, "how many records to ask for in one page; servers may give fewer")
    fhir_entries: int = _number(50_000, "how many entries of one search are taken at most")
    fhir_bytes: int = _number(50_000_000, "how large the answers to one search may be together, in bytes")
    fhir_url_length: int = _number(1_800, "how long a URL may be; longer lists of codes are split")
    fhir_observations: str = _choice(
        "codes", "which observations are asked for: those with codes that criteria name, or all", "codes", "all"
    )
    fhir_search: str = _choice(
        "get", "how to search; post keeps ids and codes out of URLs and is left where a server lacks it", "get", "post"
    )
    fhir_batch: str = _choice(
        "auto", "whether searches go as one batch; auto: where the server offers it and answers it faster", "auto",
        "always", "never",
    )  # fmt: skip
    fhir_metadata_ttl: float = _number_or_zero(
        3_600.0, "seconds for which a server's CapabilityStatement is remembered"
    )
    export_timeout: float = _number(43_200.0, "seconds until a bulk export must be ready")
    export_hosts: str | None = _setting(
        None, "hosts besides the FHIR server's own from which files of an export are fetched", "a list of host names"
    )
    spark_master: str | None = _setting(
        None,
        "Spark's master for prescreen --engine spark; what Spark is configured with if unset, else this machine",
        "as in spark://host:7077, yarn, k8s://https://host:6443, local[4]",
    )
    host: str = _setting("127.0.0.1", "the address on which the service listens")
    port: int = _number(8000, "the port on which it listens")
    workers: int | None = _number(None, "how many processes answer; one for each processor if unset")
    threads: int = _number(8, "how many requests each of them answers at once")
    request_timeout: float = _number(30.0, "seconds that a request may take to come in")
    stop_timeout: int = _number(30, "seconds that running requests get to end when the service is stopped")
    body_bytes: int = _number(20_000_000, "the largest body of a request to the service, in bytes")
    body_depth: int = _number(250, "how deep the JSON of a request may nest")
    body_entries: int = _number(20_000, "how many entries a Bundle in a request may have")
    rate_limit: str = _setting(
        "1200 per minute", "how many requests one caller may make", "as in 10 per second, 600 per minute"
    )
    rate_storage: str = _setting(
        "memory://", "where requests are counted; in memory each worker counts for itself", "a URL that limits knows"
    )
    frame_ancestors: str = _setting(
        "'none'", "who may show the pages in a frame, such as the EHR", "sources as in CSP, separated by spaces"
    )
    session_minutes: int = _number(480, "minutes without any request after which a person has to sign in again")
    proxies: int = _number_or_zero(0, "how many reverse proxies stand before the service and are to be believed")
    public_url: str | None = _setting(
        None, "the address under which others reach the service, as in https://trials.hospital.example"
    )
    issuers: str | None = _setting(
        None,
        "whose bearer tokens are accepted; without any issuer only this machine itself is served",
        "a list of issuer (its keys are found by OpenID discovery) or issuer=keys (URL or file of a JWK Set)",
    )
    audience: str | None = _setting(
        None, "what tokens for this service name as their audience", "one, or a list of several"
    )
    cds_issuers: str | None = _setting(
        None, "CDS Hooks clients whose tokens are accepted", "a list of issuer=keys (URL or file of a JWK Set)"
    )
    cors_origins: str | None = _setting(
        None, "whose web pages may call the CDS service and getClinicalTrial from a browser", "a list of origins"
    )
    fhir_allowed: str | None = _setting(
        None, "FHIR servers besides fhir_server that a CDS client may name as its own", "a list of URLs or origins"
    )
    launch_url: str | None = _setting(
        None, "where a SMART launch begins, as the EHR knows it; cards then link to it and not to the page itself"
    )
    launch_client: str | None = _setting(
        None, "as whom the EHR knows trialmatch in SMART launches; without it none is accepted"
    )
    launch_secret: str | None = _setting(None, "the secret of that client, if the EHR gave it one")
    launch_key: str | None = _setting(
        None, "file with its private key, if the EHR knows its public one", "PEM, JWK or JWK Set with RSA or P-384 keys"
    )
    launch_scopes: str = _setting("launch openid fhirUser patient/*.rs", "the scopes that a launch asks for")
    login_issuer: str | None = _setting(
        None, "the OpenID provider at which people sign in to the pages outside an EHR", "its issuer URL"
    )
    login_client: str | None = _setting(None, "as whom the provider knows trialmatch")
    login_secret: str | None = _setting(None, "the secret of that client, if it has one")
    login_key: str | None = _setting(
        None, "file with its private key, if it has one", "PEM, JWK or JWK Set with RSA or P-384 keys"
    )
    login_allowed: str | None = _setting(
        None,
        "what the ID token of somebody who may come in says; everybody whom the provider knows if unset",
        "claim=value, such as groups=trial-coordinators",
    )
    login_may: str = _setting(
        "match.read, prescreen", "what those who signed in may do", "a list of match.read, study.write and prescreen"
    )
    cards: int = _number(3, "how many trials one CDS Hooks answer shows at most, the best ones")
    card_verdict: str = _choice("possible", "the lowest verdict that makes a card", "eligible", "likely", "possible")
    client_id: str | None = _setting(
        None, "as whom the service asks for tokens for the hospital's server (SMART Backend Services)"
    )
    client_key: str | None = _setting(
        None, "file with the private key that belongs to it", "PEM, JWK or JWK Set with RSA or P-384 keys"
    )
    client_scopes: str | None = _setting(
        None, "the scopes to ask for; system/*.rs if unset, or system/*.read where the server knows only that"
    )
    token_url: str | None = _setting(None, "the hospital's token endpoint; found by SMART discovery if unset")
    token_hosts: str | None = _setting(
        None, "hosts besides the FHIR server's own that may be its token endpoint's", "a list of host names"
    )
    database: str = _setting(
        "sqlite:///trialmatch.sqlite",
        "where the service keeps studies, answers, feedback, runs and the audit log",
        "sqlite:///FILE or postgresql://USER@HOST/NAME",
    )
    prescreen_sources: str | None = _setting(
        None,
        "what prescreens that the service is asked for may read: folders with everything under them, and the hospital's"
        " export of its FHIR server",
        "a list of absolute paths, and the word hospital",
    )
    prescreen_dir: str | None = _setting(None, "folder in which the service keeps its prescreens; none without it")
    prescreen_runs: int = _number(1, "how many prescreens the service carries out at a time; others wait")
    prescreen_jobs: int | None = _number(None, "processes of each of them; one for each processor if unset")
    retention_days: int = _number(
        365, "days after their last change until a patient's answers, cards with feedback, and runs are removed"
    )
    # Six years are what 45 CFR 164.316(b)(2)(i) asks for such records.
    audit_retention_days: int = _number(2192, "days until entries of the audit log are removed; six years if unset")

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Settings from the environment, ``given`` ones (if not None) before it.

        Raises UsageError for values that are not allowed.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        for setting in fields(cls):
            raw = environment.get(variable(setting.name))
            if given.get(setting.name) is not None:
                values[setting.name] = given[setting.name]
            elif raw is not None and raw != "":
                values[setting.name] = _typed(setting, raw)
        settings = cls(**values)
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse values that are not allowed (UsageError)."""
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UsageError(
                f"{variable('timezone')}: “{self.timezone}” is no time zone; expected an IANA name"
            ) from None
        for setting in fields(self):
            value, rule = getattr(self, setting.name), setting.metadata["rule"]
            if value is not None and not rule.holds(value):
                found = f"“{value}”" if isinstance(value, str) else value
                raise UsageError(f"{variable(setting.name)}: {found}; expected {rule.expected}")
        if self.mappings is not None and not os.path.isdir(self.mappings):
            raise UsageError(f"{variable('mappings')}: {self.mappings} is not a folder")
        for name, fault in config_access.faults(self):
            raise UsageError(f"{variable(name)}: {fault}")

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def validity_period(self) -> tuple[int, str]:
        """The validity as number and UCUM unit."""
        match = _PERIOD.match(self.validity)
        assert match is not None
        return int(match[1]), match[2]


def unknown(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none: a misspelt one has no effect, and its default may be too open."""
    known = {variable(one.name) for one in fields(Settings)} | {"TRIALMATCH_DEBUG"}
    return sorted(name for name in environment if name.startswith("TRIALMATCH_") and name not in known)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"TRIALMATCH_{name.upper()}"


def _typed(setting: Any, raw: str) -> Any:
    kind = str(setting.type)
    try:
        if kind.startswith("int"):
            return int(raw)
        return float(raw) if kind.startswith("float") else raw
    except ValueError:
        raise UsageError(f"{variable(setting.name)}: “{raw}”; expected a number") from None
