"""What one request, and one caller, may ask of the service."""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import parse_many
from limits.errors import ConfigurationError

from trialmatch.config import Settings, variable
from trialmatch.errors import UsageError

#: What a probe or a browser asks beside the API; it is not counted.
_UNCOUNTED = ("/health/", "/metrics", "/static/")


def hold(app: Flask, settings: Settings) -> None:
    """Limit the size of bodies, and how often a caller may ask. Raises UsageError for a rate that is none."""
    app.config["MAX_CONTENT_LENGTH"] = settings.body_bytes
    try:
        parse_many(settings.rate_limit)
        limiter = Limiter(
            _who,
            app=app,
            application_limits=[settings.rate_limit],
            storage_uri=settings.rate_storage,
            headers_enabled=True,
        )
    except (ValueError, ConfigurationError):
        name = variable("rate_limit"), variable("rate_storage")
        raise UsageError(f"{name[0]}, {name[1]}: not understood; expected such as 600 per minute, and a URL") from None
    limiter.request_filter(_uncounted)


def _who() -> str:
    return get_remote_address()


def _uncounted() -> bool:
    return request.path.startswith(_UNCOUNTED)


def depth(data: Any, most: int) -> bool:
    """Whether JSON nests at most ``most`` deep."""
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(most):
        if not level:
            return True
        inside = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
        level = [inner for inner in inside if isinstance(inner, dict | list)]
    return not level
