"""Signing in outside an EHR, at the OpenID provider that the settings name; and signing out."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from trialmatch.web.login.flow import Client, provider_of
from trialmatch.web.login.pending import prepared, received, send
from trialmatch.web.login.sessions import Session, csrf_holds
from trialmatch.web.login.visitor import signed_in
from trialmatch.web.pages.texts import say
from trialmatch.web.service import service

blueprint = prepared(Blueprint("login", __name__))

_BACK = "/login/callback"


@blueprint.get("/login")
def enter() -> ResponseReturnValue:
    """To the provider, and afterwards to the page that was asked for."""
    settings = service().settings
    if settings.login_client is None or settings.login_issuer is None:
        abort(404)
    issuer = settings.login_issuer
    provider = provider_of(f"{issuer.rstrip('/')}/.well-known/openid-configuration", issuer=issuer)
    client = Client.of(settings, "login")
    return send(provider, client, _BACK, "openid profile", {}, {"next": _own(request.args.get("next", ""))})


@blueprint.get(_BACK)
def entered() -> ResponseReturnValue:
    """Back from the provider."""
    settings = service().settings
    if settings.login_client is None:
        abort(404)
    granted, kept = received(Client.of(settings, "login"), _BACK)
    signed_in(granted, kept["issuer"])
    return redirect(kept["next"])


@blueprint.post("/logout")
def leave() -> ResponseReturnValue:
    """End the session."""
    if not csrf_holds(request.form.get("csrf")):
        abort(403, say("answer.foreign"))
    cast(Session, session).renew()
    return render_template("message.html", title=say("login.done"), text=say("login.done.elsewhere"))


def _own(wanted: str) -> str:
    """A path of our own to go on to; the start page for anything else."""
    try:
        split = urlsplit(wanted)
    except ValueError:
        return url_for("pages.start")
    plain = wanted.startswith("/") and wanted[1:2] not in ("/", "\\") and wanted.isprintable()
    return wanted if plain and not split.scheme and not split.netloc else url_for("pages.start")
