"""The HTTP service as a Flask application: ``create_app`` puts the parts together, each part is a module of its own.

The way of a request: request id and log → limits → who calls → validation → ``service()`` → document.
"""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask
from flask.json.provider import JSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from trialmatch.config import Settings
from trialmatch.store.database import Store
from trialmatch.web import headers, limits, logs, operations, problems
from trialmatch.web.service import Service


class FhirId(BaseConverter):
    """A FHIR id in a path (https://hl7.org/fhir/R4/datatypes.html#id); dots alone are no id but a way up the path."""

    regex = r"(?!\.+(?:/|$))[A-Za-z0-9.\-]{1,64}"


class _Json(JSONProvider):
    """JSON through orjson."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


def create_app(settings: Settings | None = None, *, store: Store | None = None) -> Flask:
    """The application. ``settings`` are those of the environment if not given, ``store`` the one that they name.

    Reads mappings and studies, and brings the store up to date, so that a wrong configuration ends here and not in the
    first request. Raises UsageError, BadInput, FaultyStudy, SourceUnavailable.
    """
    settings = Settings.read() if settings is None else settings
    app = Flask("trialmatch.web")
    app.json = _Json(app)
    app.url_map.converters["fhir_id"] = FhirId
    app.extensions["trialmatch"] = Service(settings, Store.open(settings) if store is None else store)
    logs.watch(app)
    problems.tell(app)
    headers.secure(app, settings)
    limits.hold(app, settings)
    operations.register(app)
    if settings.proxies:
        number = settings.proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=number, x_proto=number, x_host=number, x_prefix=number
        )
    return app
