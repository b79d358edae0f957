"""Who sits before a page: somebody launched from an EHR, somebody who signed in, or this computer itself.

A session of the pages holds who it is and, of launches, one grant for each patient: the EHR's FHIR server and a token
for it. A launch shows its own patients only, with its own tokens; whoever signed in sees the hospital's patients with
the service's own access.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from flask import Response, redirect, request, session, url_for

from trialmatch.config import Settings
from trialmatch.config_access import listed
from trialmatch.errors import NotAllowed
from trialmatch.web.access.callers import Caller
from trialmatch.web.access.security import caller
from trialmatch.web.access.security import login as accept
from trialmatch.web.access.signatures import Refused, word
from trialmatch.web.login.flow import Granted
from trialmatch.web.login.sessions import Session
from trialmatch.web.pages.texts import say
from trialmatch.web.service import service

#: Seconds after which somebody signs in again, however busy the session is.
_LONGEST = 12 * 3600

#: Seconds between two notes of when a session was last used.
_NOTED = 60

#: With this header a page looks by itself whether something has changed; that is no sign of somebody before it.
_UNATTENDED = "Trialmatch-Unattended"

LAUNCH, LOGIN = "launch", "login"


class LaunchNeeded(NotAllowed):
    """A patient whose chart has to be opened in the EHR first, or again: there is no token for it, or it ran out."""


@dataclass(frozen=True)
class Access:
    """How a patient's records are reached: ``server`` and ``bearer`` None mean the settings' hospital."""

    server: str | None = None
    bearer: str | None = None


def recognise() -> Response | None:
    """Find out who asks for a page; somebody who has to sign in first is sent to do so."""
    who = _signed_in()
    if who is not None:
        accept(who)
        return None
    settings = service().settings
    if settings.login_client and "Authorization" not in request.headers:
        if request.method != "GET":
            raise NotAllowed(say("login.over"))
        return cast(Response, redirect(url_for("login.enter", next=request.full_path.rstrip("?"))))
    if settings.launch_client and "Authorization" not in request.headers:
        raise LaunchNeeded(say("launch.only"))
    caller()
    return None


def _signed_in() -> Caller | None:
    """Who the session says it is, if the settings still let them in."""
    who, settings, now = session.get("who"), service().settings, time.time()
    if not isinstance(who, dict) or now - who["at"] > _LONGEST:
        return None
    if who["kind"] == LOGIN and who["issuer"] != settings.login_issuer:
        return None
    if who["kind"] == LAUNCH and settings.launch_client is None:
        return None
    if now - session.get("seen", 0) > _NOTED and _UNATTENDED not in request.headers:
        session["seen"] = now  # and so the session is kept for another while
    may = ("match.read",) if who["kind"] == LAUNCH else listed(settings.login_may)
    return Caller(who["subject"], who["issuer"], frozenset(f"trialmatch/{scope}" for scope in may))


def shown() -> dict[str, Any]:
    """What every page says of who is signed in."""
    who = session.get("who") or {}
    return {"who": who.get("name") or who.get("subject"), "can_leave": bool(who), "launched": who.get("kind") == LAUNCH}


def access_to(patient: str) -> Access:
    """How the caller reaches a patient. Raises LaunchNeeded for one that the EHR has not opened, or long ago."""
    who = session.get("who") or {}
    if who.get("kind") != LAUNCH:
        return Access()
    grant = session.get("grants", {}).get(patient)
    if grant is None:
        raise LaunchNeeded(say("launch.other"))
    if grant["until"] <= time.time():
        raise LaunchNeeded(say("launch.expired"))
    return Access(grant["server"], grant["token"])


def same_person(asked: str, surviving: str) -> None:
    """A launch for one record of a person is one for the record that it was merged into."""
    grants = session.get("grants", {})
    if asked in grants and surviving not in grants:
        session["grants"] = grants | {surviving: grants[asked]}


def signature(who: Caller) -> str:
    """Under what name a caller's answers are kept: the person's own with what identifies it."""
    name = (session.get("who") or {}).get("name")
    return f"{name} ({who.subject})" if name and name != who.subject else who.subject


def signed_in(granted: Granted, issuer: str) -> None:
    """Begin a session of somebody who has signed in. Raises NotAllowed for those whom the settings do not let in."""
    if not _let_in(granted, service().settings):
        raise NotAllowed(say("login.not-allowed"))
    _begin(LOGIN, granted, issuer, {})


def launched(granted: Granted, issuer: str, patient: str, server: str) -> None:
    """Begin a session of somebody whom an EHR has launched, or add a patient to it."""
    who = session.get("who") or {}
    same = who.get("kind") == LAUNCH and who.get("issuer") == issuer and who.get("subject") == _subject(granted)
    grants = dict(session.get("grants", {})) if same else {}
    until = time.time() + granted.seconds
    grants[patient] = {"server": service().foreign(server), "token": granted.token, "until": until}
    _begin(LAUNCH, granted, issuer, grants)


def _begin(kind: str, granted: Granted, issuer: str, grants: dict[str, Any]) -> None:
    """Under a new secret: one that was planted in the browser before is worth nothing."""
    cast(Session, session).renew()
    now = time.time()
    name = _said(granted, "name", "preferred_username", "email")
    session["who"] = {"kind": kind, "subject": _subject(granted), "name": name, "issuer": issuer, "at": now}
    session["seen"] = now
    session["grants"] = grants


def _subject(granted: Granted) -> str:
    """Who it is for the audit: ``fhirUser`` says it better than an opaque ``sub``."""
    subject = _said(granted, "fhirUser", "sub")
    if subject is None:
        raise NotAllowed(say("login.nobody"))
    return subject


def _said(granted: Granted, *claims: str) -> str | None:
    """The first of some claims that is there and can be written down."""
    for name in claims:
        with suppress(Refused):
            return word(dict(granted.claims), name)
    return None


def _let_in(granted: Granted, settings: Settings) -> bool:
    if settings.login_allowed is None:
        return True
    claim, _, wanted = settings.login_allowed.partition("=")
    value = granted.claims.get(claim)
    return wanted in value if isinstance(value, list) else value == wanted
