"""Who may call: the check that every view names, the caller it lets in, and the addresses that may be served.

``install`` once per application; then ``@requires("match.read")`` on a view, or ``authorize("match.read")`` inside one.
A blueprint with a sign of its own (the session of a page, the token of a CDS client) says ``login(caller)`` before.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Request, current_app, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from trialmatch.addresses import is_loopback, origin, parts
from trialmatch.config import Settings
from trialmatch.config_access import listed, others_served
from trialmatch.errors import NotAllowed, NotAuthenticated, UsageError
from trialmatch.store import tokens
from trialmatch.store.database import Store
from trialmatch.web.access.callers import LOCAL, SCOPES, Caller
from trialmatch.web.access.signatures import Refused
from trialmatch.web.access.tokens import Issuers
from trialmatch.web.cds.tokens import CdsClients
from trialmatch.web.logs import log

P = ParamSpec("P")
R = TypeVar("R")

_EXTENSION = "trialmatch.security"

#: RFC 6750 section 2.1; the scheme in any case (RFC 9110 section 11.1).
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)

#: What a proxy adds. A call that has one did not begin on this machine, whatever its address says.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


class _Gate:
    """What an application needs to know who calls."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.issuers = Issuers(settings)
        self.cds_clients = CdsClients(settings, partial(tokens.first_use, store))

    @property
    def local_only(self) -> bool:
        """Whether nobody but this machine is served. As soon as anyone has to show a token, everyone has to."""
        return not others_served(self.settings)


def install(app: Flask, settings: Settings, store: Store) -> None:
    """Give an application its issuers, and the proxies it believes. ``store`` keeps the used tokens of CDS clients."""
    app.extensions[_EXTENSION] = _Gate(settings, store)
    if settings.proxies:
        # Address and scheme of the client, as the outermost of so many proxies saw them. What they say of hosts and
        # prefixes is of no use: the service's own address is a setting.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=0, x_port=0, x_prefix=0
        )


def requires(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A view for callers with a scope only, as in ``@requires("match.read")``; put it below the route's decorators."""
    _known(scope)

    def decorated(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*arguments: P.args, **named: P.kwargs) -> R:
            authorize(scope)
            return view(*arguments, **named)

        return guarded

    return decorated


def authorize(scope: str) -> Caller:
    """The caller of this request, who must hold a scope. Raises NotAuthenticated, NotAllowed, IssuerUnavailable."""
    full = _known(scope)
    who = caller()
    if not who.may(full):
        raise NotAllowed(f"This needs the scope {full}.", full)
    return who


def caller() -> Caller:
    """The caller of this request: whoever logged in for it, else the bearer of its token, else this machine itself.

    Raises NotAuthenticated, NotAllowed, IssuerUnavailable.
    """
    known: Caller | None = g.get("trialmatch_caller")
    return known if known is not None else login(_bearer_or_local())


def login(who: Caller) -> Caller:
    """Let this request be of a caller who was recognised by other means, such as a page's session."""
    g.trialmatch_caller = who
    return who


def login_cds_client() -> Caller | None:
    """Let this request be of the CDS client whose token it bears; for ``before_request`` of the CDS endpoints.

    None for a preflight, which never bears one. Raises NotAuthenticated, NotAllowed, IssuerUnavailable.
    """
    if request.method == "OPTIONS":
        return None
    gate = _gate()
    if gate.local_only:
        return login(_local(gate.settings))
    clients, path = gate.cds_clients, request.path
    return login(_accepted(lambda token: clients.verify(token, path)))


def check_bind(host: str, settings: Settings) -> None:
    """UsageError unless the service may listen on an address: without any issuer only on the loopback one."""
    if others_served(settings) or _all_loopback(host):
        return
    raise UsageError(
        f"--host {host}: without TRIALMATCH_ISSUERS the service answers this machine only;"
        " expected 127.0.0.1, ::1 or localhost, or an issuer"
    )


def _known(scope: str) -> str:
    full = f"trialmatch/{scope.removeprefix('trialmatch/')}"
    if full not in SCOPES:
        raise ValueError(f"{scope} is no scope of trialmatch; expected one of {', '.join(SCOPES)}")
    return full


def _gate() -> _Gate:
    gate: _Gate = current_app.extensions[_EXTENSION]
    return gate


def _bearer_or_local() -> Caller:
    gate = _gate()
    return _local(gate.settings) if gate.local_only else _accepted(gate.issuers.verify)


def _accepted(verify: Callable[[str], Caller]) -> Caller:
    """Whoever the request's token stands for; why it stands for nobody goes to the log, not to the caller."""
    presented = request.headers.get("Authorization")
    if presented is None:
        raise NotAuthenticated(presented=False)
    bearer = _BEARER.fullmatch(presented)
    try:
        if bearer is None:
            raise Refused("no bearer token")
        return verify(bearer[1])
    except Refused as refusal:
        log.warning("token refused", reason=refusal.reason)
        raise NotAuthenticated(presented=True) from None


def _local(settings: Settings) -> Caller:
    """A process on this machine that means this service.

    Not what a proxy passes on, and not what a page from elsewhere makes a browser on this machine send: neither by a
    name of its own that it lets point here (DNS rebinding) nor across origins, unless the settings name the origin.
    """
    if _is_local(request, settings):
        return LOCAL
    raise NotAllowed("No issuer of tokens is configured, so only this machine itself is served.")


def _is_local(call: Request, settings: Settings) -> bool:
    if not is_loopback(call.remote_addr or "") or any(name in call.headers for name in _FORWARDED):
        return False
    host, own = _host(f"http://{call.host}"), _host(settings.public_url or "")
    friends = {origin(one) for one in (settings.public_url or "", *listed(settings.cors_origins))} - {None}
    pages = call.headers.getlist("Origin")
    return (is_loopback(host) or host == own != "") and all(
        is_loopback(_host(page)) or origin(page) in friends for page in pages
    )


def _host(url: str) -> str:
    """The host of a URL; empty where it is none."""
    split = parts(url)
    return "" if split is None else split.hostname or ""


def _all_loopback(host: str) -> bool:
    if is_loopback(host):
        return True
    try:
        found = socket.getaddrinfo(host.strip("[]"), None) if host else []
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(is_loopback(str(one[4][0])) for one in found)
