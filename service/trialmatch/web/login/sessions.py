"""Sessions of the pages: what they hold lies in the store, sealed; the browser's cookie is the only key to it.

A cookie holds a random secret and nothing else. Its digest names the session in the store, another digest encrypts
what is kept there (JWE, A256GCM). So every worker knows every session, no key has to be configured, and neither the
cookie nor the database alone gives a token away.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson
from flask import Flask, Request, Response, current_app, request, session
from flask.sessions import SessionInterface, SessionMixin
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from werkzeug.datastructures import CallbackDict

from trialmatch.config import Settings
from trialmatch.errors import StoreUnavailable
from trialmatch.store import sessions as store_sessions
from trialmatch.store.database import Store
from trialmatch.web.problems import told

#: Sessions are for pages: what is called by programs has no cookies.
_WITHOUT = ("/api/", "/fhir/", "/cds-services", "/getClinicalTrial", "/health/", "/metrics", "/static/")

_SECRET_BYTES = 32


class Session(CallbackDict[str, Any], SessionMixin):
    """A session. ``secret`` is the cookie's; a new one has none until something needs it.

    ``fault`` is why the store could not tell what is in it.
    """

    def __init__(
        self, secret: str | None, contents: dict[str, Any], fault: StoreUnavailable | None = None
    ) -> None:
        def changed(_: Any) -> None:
            self.modified = True

        super().__init__(contents, changed)
        self.modified = False
        self.stored = bool(contents)
        self.fresh = secret is None
        self.former: str | None = None
        self.fault = fault
        self.settled = False
        self._secret = secret

    @property
    def secret(self) -> str:
        """The cookie's value; made when it is first asked for."""
        if self._secret is None:
            self._secret = secrets.token_urlsafe(_SECRET_BYTES)
        return self._secret

    @property
    def has_secret(self) -> bool:
        """Whether there is anything for a cookie."""
        return self._secret is not None

    def renew(self) -> None:
        """Change the secret and drop the contents, at every signing in and out: one that was planted is worthless."""
        self.former = self.former or self._secret
        self._secret, self.fresh = None, True
        self.clear()


def csrf() -> str:
    """What forms of this session carry, so that nobody else's page can send them."""
    return _digest("form", cast(Session, session).secret)


def csrf_holds(given: str | None) -> bool:
    """Whether a form is one of this session's own."""
    here = cast(Session, session)
    return not here.fresh and hmac.compare_digest((given or "").encode(), csrf().encode())


def readable() -> None:
    """Raise what has kept the store from telling what is in the session; for ``before_request`` of what looks in it."""
    fault = cast(Session, session).fault
    if fault is not None:
        raise fault


class _Sessions(SessionInterface):
    """Opens and saves sessions of one application."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._embedded = settings.frame_ancestors != "'none'"

    def open_session(self, app: Flask, request: Request) -> Session | None:
        """The session of a request; none is kept for programs."""
        if request.path.startswith(_WITHOUT):
            return Session(None, {})
        secret = request.cookies.get(self._name(request))
        if secret is None or len(secret) < _SECRET_BYTES:
            return Session(None, {})
        try:
            sealed = store_sessions.load(self._store, _digest("name", secret), _now())
        except StoreUnavailable as problem:  # an error here would be one of the service itself, for every path
            return Session(secret, {}, problem)
        return Session(secret, _opened(sealed, secret) if sealed else {})

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Keep what changed, and give the browser its secret; once."""
        kept = cast(Session, session)
        if kept.settled:
            return
        kept.settled = True
        if kept.former is not None:
            store_sessions.forget(self._store, _digest("name", kept.former))
        if kept.modified and kept:
            until = _now() + timedelta(minutes=self._settings.session_minutes)
            store_sessions.save(self._store, _digest("name", kept.secret), _sealed(dict(kept), kept.secret), until)
        elif kept.modified and kept.stored and kept.former is None:
            store_sessions.forget(self._store, _digest("name", kept.secret))
        if kept.fresh and kept.has_secret:
            secure = self._secure(request)
            response.set_cookie(
                self._name(request),
                kept.secret,
                secure=secure,
                httponly=True,
                samesite="None" if self._embedded and secure else "Lax",
                partitioned=self._embedded and secure,
            )

    def _secure(self, request: Request) -> bool:
        """Whether cookies are for TLS only: in a frame they must be, and browsers take loopback for secure."""
        return self._embedded or request.is_secure or (self._settings.public_url or "").startswith("https:")

    def _name(self, request: Request) -> str:
        return "__Host-trialmatch" if self._secure(request) else "trialmatch"


def install(app: Flask, settings: Settings, store: Store) -> None:
    """Give an application its sessions."""
    app.session_interface = _Sessions(settings, store)
    app.after_request(_settled)


def _settled(response: Response) -> Response:
    """Save the session while there still is an answer to choose: Flask does so when it is too late to tell an error."""
    try:
        current_app.session_interface.save_session(current_app, session, response)
    except StoreUnavailable as problem:
        response.close()
        return told(problem)
    return response


def _now() -> datetime:
    return datetime.now(UTC)


def _digest(purpose: str, secret: str) -> str:
    return hashlib.sha256(f"trialmatch {purpose} {secret}".encode()).hexdigest()


def _key(secret: str) -> OctKey:
    return OctKey.import_key(hashlib.sha256(f"trialmatch key {secret}".encode()).digest())


def _sealed(contents: dict[str, Any], secret: str) -> str:
    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, orjson.dumps(contents), _key(secret))


def _opened(sealed: str, secret: str) -> dict[str, Any]:
    try:
        plain = jwe.decrypt_compact(sealed, _key(secret), algorithms=["dir", "A256GCM"]).plaintext
        contents: dict[str, Any] = orjson.loads(plain or b"{}")
        return contents
    except (JoseError, ValueError):
        return {}
