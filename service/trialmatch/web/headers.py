"""Security headers of every answer: nothing is sniffed, framed or cached that should not be."""

from __future__ import annotations

from flask import Flask, Response, g, request
from flask_talisman import Talisman

from trialmatch.config import Settings

#: What of the service holds no patient data and may be kept by a browser.
_PUBLIC = ("/static/", "/docs", "/openapi.json", "/.well-known/")

#: The policy of a page that has its styles in itself and needs nothing else.
_ALONE = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'none'"
)


def standing_alone() -> None:
    """Let the answer of this request be a page that has its styles in itself."""
    g.trialmatch_standing_alone = True


def secure(app: Flask, settings: Settings) -> None:
    """Set the headers. HSTS goes out over HTTPS only; whether it is HTTPS is the proxies' to say (setting)."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": settings.frame_ancestors,
    }
    app.after_request(_policy)  # the first to be named is the last to be asked
    app.extensions["talisman"] = Talisman(
        app,
        content_security_policy=policy,
        force_https=False,
        frame_options="DENY" if settings.frame_ancestors == "'none'" else None,
        referrer_policy="same-origin",  # with no-referrer, browsers send our own forms with "Origin: null"
        strict_transport_security=True,
    )
    app.after_request(_keep_out_of_caches)


def _keep_out_of_caches(response: Response) -> Response:
    if not request.path.startswith(_PUBLIC):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _policy(response: Response) -> Response:
    if g.get("trialmatch_standing_alone"):
        response.headers["Content-Security-Policy"] = _ALONE
    return response
