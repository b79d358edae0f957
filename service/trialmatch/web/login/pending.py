"""Sign-ins and launches that have begun and not come back yet: kept in the browser's session, each for one return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import structlog
from flask import Blueprint, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from trialmatch.web.login.flow import Client, Failed, Granted, Provider, begin, finish
from trialmatch.web.login.sessions import readable
from trialmatch.web.login.visitor import shown
from trialmatch.web.pages.texts import say
from trialmatch.web.service import service

_log = structlog.get_logger(__name__)

#: So many may be under way in one browser at once: several charts opened quickly.
_MOST = 5


def prepared(blueprint: Blueprint) -> Blueprint:
    """A blueprint whose failures are told in words, and logged with their reason."""
    blueprint.before_request(readable)
    blueprint.context_processor(shown)
    blueprint.register_error_handler(Failed, _failed)
    return blueprint


def _failed(problem: Failed) -> ResponseReturnValue:
    _log.warning("sign-in failed", reason=problem.reason)
    return render_template("message.html", title=say("login.failed.title"), text=say(problem.text)), problem.status


def send(
    provider: Provider, client: Client, back: str, scopes: str, extra: Mapping[str, str], more: Mapping[str, Any]
) -> ResponseReturnValue:
    """Send the browser to a provider. ``more`` is what to remember besides, ``back`` the path to come back to."""
    address, state, kept = begin(provider, client, f"{service().settings.public_url}{back}", scopes, extra)
    pending = dict(session.get("pending", {}))
    pending[state] = kept | {"provider": asdict(provider)} | dict(more)
    session["pending"] = dict(list(pending.items())[-_MOST:])
    return redirect(address)


def received(client: Client, back: str) -> tuple[Granted, dict[str, Any]]:
    """What the browser has brought back to the path ``back``, and what was kept for it. Raises Failed."""
    pending = dict(session.get("pending", {}))
    kept = pending.pop(request.args.get("state", ""), None)
    if kept is None or kept["back"] != f"{service().settings.public_url}{back}":
        raise Failed("login.foreign", "came back with a state that this browser was not given")
    session["pending"] = pending  # a state is good for one return
    described = kept["provider"]
    provider = Provider(**described | {"key_algorithms": tuple(described["key_algorithms"])})
    return finish(provider, client, kept, request.args.to_dict()), kept
