"""The HTTP service as a Flask application: ``create_app`` puts the parts together, each part is a module of its own.

The way of a request: request id → limits → who calls → what is asked → ``service()`` → document → log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from flask import Flask
from flask.json.provider import JSONProvider

from trialmatch.config import Settings
from trialmatch.store.database import Store
from trialmatch.web import headers, limits, logs, operations, problems
from trialmatch.web.access import security
from trialmatch.web.api import attestations as api_attestations
from trialmatch.web.api import matches as api_matches
from trialmatch.web.api import shared as api
from trialmatch.web.api import studies as api_studies
from trialmatch.web.cds import hooks as cds_hooks
from trialmatch.web.converters import FhirId
from trialmatch.web.fhir import operations as fhir_operations
from trialmatch.web.login import launch, sessions
from trialmatch.web.login import pages as login_pages
from trialmatch.web.mcode import trials as mcode
from trialmatch.web.pages import views as pages
from trialmatch.web.prescreens import jobs as prescreens
from trialmatch.web.service import Service


class _Json(JSONProvider):
    """JSON through orjson."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


def create_app(
    settings: Settings | None = None, *, store: Store | None = None, clock: Callable[[], datetime] | None = None
) -> Flask:
    """The application. ``settings`` are those of the environment if not given, ``store`` the one that they name.

    ``clock`` tells another present than the machine's: the demo hospital lives on the day its records are made for.

    Reads mappings and studies, and brings the store up to date, so that a wrong configuration ends here and not in the
    first request. Raises UsageError, BadInput, FaultyStudy, SourceUnavailable, StoreUnavailable.
    """
    settings = Settings.read() if settings is None else settings
    store = Store.open(settings) if store is None else store
    app = Flask("trialmatch.web")
    app.json = _Json(app)
    app.url_map.converters["fhir_id"] = FhirId
    app.extensions["trialmatch"] = Service(settings, store, clock)
    security.install(app, settings, store)
    logs.watch(app)
    headers.secure(app, settings)
    limits.hold(app, settings)
    problems.tell(app)
    sessions.install(app, settings, store)
    described = api.describe(app, settings)
    for part in (api_matches, api_attestations, api_studies, prescreens, fhir_operations, operations):
        described.register_blueprint(part.blueprint)
    app.register_blueprint(operations.documentation)
    cds_hooks.register(app, settings)
    app.register_blueprint(mcode.blueprint)
    for pages_of in (pages, login_pages, launch):
        app.register_blueprint(pages_of.blueprint)
    return app
