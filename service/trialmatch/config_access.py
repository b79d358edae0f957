"""Checks of the settings that say who may call, and as whom trialmatch calls the hospital's server."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trialmatch.addresses import is_secure, is_server, origin, parts

if TYPE_CHECKING:
    from trialmatch.config import Settings

_SECURE = "an https URL (http only on the loopback address), without credentials, query or fragment"

#: A source of CSP Level 3, section 2.3.1, as far as frames go: a scheme, or a host with or without scheme, port, path.
_SOURCE = re.compile(r"[a-z][a-z0-9+.-]*:|(https?://)?(\*|(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)(:(\d+|\*))?(/[\w./%~-]*)?")


def listed(value: str | None) -> tuple[str, ...]:
    """The entries of a setting that is a list, separated by commas or spaces."""
    return tuple((value or "").replace(",", " ").split())


def issuers(value: str | None) -> dict[str, str | None]:
    """Issuers and where each one's keys are: ``iss=place, iss``. None: the issuer itself tells (OpenID discovery)."""
    found: dict[str, str | None] = {}
    for entry in listed(value):
        issuer, given, place = entry.partition("=")
        found[issuer] = place if given else None
    return found


def faults(settings: Settings) -> list[tuple[str, str]]:
    """What is wrong with the settings of access: name of the setting and a sentence."""
    found: list[tuple[str, str]] = []
    for name in ("issuers", "cds_issuers"):
        found += [(name, fault) for fault in _issuer_faults(getattr(settings, name), discovery=name == "issuers")]
    if settings.issuers and not settings.audience:
        found.append(("audience", "unset, but issuers are configured; expected what tokens for this service name"))
    if settings.cds_issuers and not settings.public_url:
        found.append(("public_url", "unset, but CDS issuers are configured; expected the URL their tokens are for"))
    if settings.proxies and not others_served(settings):
        found.append(("proxies", "set, but no issuer is; expected one, since a proxy serves others than this machine"))
    for name in ("public_url", "token_url", "launch_url", "login_issuer"):
        value = getattr(settings, name)
        if value is not None and not _plain(value):
            found.append((name, f"“{value}”; expected {_SECURE}"))
    if settings.fhir_server is not None and not is_server(settings.fhir_server):
        found.append(("fhir_server", "no URL of a server; expected http:// or https:// and a host"))
    for url in listed(settings.fhir_allowed):
        if parts(url) is None or "?" in url or "#" in url:
            found.append(("fhir_allowed", f"“{url}”; expected http or https URLs without credentials or query"))
    for url in listed(settings.cors_origins):
        if origin(url) is None or urlsplit(url).path or "?" in url or "#" in url:
            found.append(("cors_origins", f"“{url}”; expected origins such as https://ehr.example, without a path"))
    if not _sources(settings.frame_ancestors):
        found.append(("frame_ancestors", "expected 'none', or sources such as 'self' https://ehr.example, with spaces"))
    if (settings.client_id is None) != (settings.client_key is None):
        found.append(("client_id", "and client_key go together; expected both or neither"))
    for name in ("client_key", "launch_key", "login_key"):
        file = getattr(settings, name)
        if file is not None and not os.path.isfile(file):
            found.append((name, f"{file} is not a file"))
    return found + _sign_in_faults(settings) + _prescreen_faults(settings)


def _sources(value: str) -> bool:
    """Whether a text is what CSP takes for sources of frames: nothing in it ends the directive or the header."""
    if value == "'none'":
        return True
    found = [one == "'self'" or (one not in ("none", "self") and _SOURCE.fullmatch(one)) for one in value.split()]
    return value.isprintable() and bool(found) and all(found)


def others_served(settings: Settings) -> bool:
    """Whether anybody but this machine can be served: somebody's tokens, launches or sign-ins are accepted."""
    return any((settings.issuers, settings.cds_issuers, settings.launch_client, settings.login_client))


def _sign_in_faults(settings: Settings) -> list[tuple[str, str]]:
    """What is wrong with the settings of SMART launches and of signing in."""
    found = []
    for kind in ("launch", "login"):
        client, secret, key = (getattr(settings, f"{kind}_{name}") for name in ("client", "secret", "key"))
        if secret and key:
            found.append((f"{kind}_secret", f"and {kind}_key exclude each other; expected one at most"))
        if (secret or key) and not client:
            found.append((f"{kind}_client", f"unset, but {kind}_{'secret' if secret else 'key'} is set; expected both"))
        if client and not settings.public_url:
            found.append(("public_url", f"unset, but {kind}_client is set; expected the URL to come back to"))
    if settings.launch_client and not (settings.fhir_server or settings.fhir_allowed):
        found.append(("launch_client", "set, but no FHIR server is; expected fhir_server or fhir_allowed"))
    if (settings.login_client is None) != (settings.login_issuer is None):
        found.append(("login_client", "and login_issuer go together; expected both or neither"))
    if settings.login_allowed is not None and not all(settings.login_allowed.partition("=")):
        found.append(("login_allowed", f"“{settings.login_allowed}”; expected claim=value"))
    if not set(listed(settings.login_may)) <= {"match.read", "study.write", "prescreen"}:
        found.append(("login_may", f"“{settings.login_may}”; expected some of match.read, study.write, prescreen"))
    return found


def _prescreen_faults(settings: Settings) -> list[tuple[str, str]]:
    """What is wrong with the settings of prescreens that callers may ask for."""
    found = []
    for one in listed(settings.prescreen_sources):
        if one == "hospital" and not settings.fhir_server:
            found.append(("prescreen_sources", "names the hospital, but no FHIR server is set; expected fhir_server"))
        elif one != "hospital" and not (os.path.isabs(one) and os.path.isdir(one)):
            found.append(("prescreen_sources", f"“{one}”; expected absolute paths of existing folders, or hospital"))
    folder = settings.prescreen_dir
    if folder is not None and not (os.path.isabs(folder) and os.path.isdir(folder)):
        found.append(("prescreen_dir", f"“{folder}”; expected the absolute path of an existing folder"))
    elif folder is not None and not os.access(folder, os.W_OK | os.X_OK):
        found.append(("prescreen_dir", f"“{folder}” may not be written to; expected a folder of the service's own"))
    if settings.prescreen_sources and folder is None:
        found.append(("prescreen_dir", "unset, but prescreen_sources are set; expected where the results go"))
    return found


def _issuer_faults(value: str | None, *, discovery: bool) -> list[str]:
    found = []
    for issuer, place in issuers(value).items():
        if place is None and not discovery:
            found.append(f"“{issuer}” has no keys; expected issuer=URL or issuer=file of its JWK Set")
        elif place is None and not _plain(issuer):
            found.append(f"“{issuer}”; expected issuer=keys, or {_SECURE}")
        elif place is not None and not (is_secure(place) or os.path.isfile(place)):
            found.append(f"the keys of “{issuer}” are at “{place}”; expected a JWK Set in a file, or {_SECURE}")
    named = [entry.partition("=")[0] for entry in listed(value)]
    found += [f"“{issuer}” is named twice; expected once" for issuer in sorted(set(named)) if named.count(issuer) > 1]
    return found


def _plain(url: str) -> bool:
    return is_secure(url) and "?" not in url and "#" not in url
