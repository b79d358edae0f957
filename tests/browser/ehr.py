"""An EHR for tests: the demo hospital's FHIR server behind an authorization server, and a chart that frames an app."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from flask import Flask, Response, request
from trialmatch.demo.server import create_app as demo_hospital
from trialmatch.store.database import Store
from trialmatch.web.app import create_app
from werkzeug.serving import BaseWSGIServer, make_server

from tests.auth.authorization_server import AuthorizationServer, Start
from tests.browser.site import NOW, Site
from tests.web.world import settings_of

Json = dict[str, Any]

CLIENT = "trialmatch-pages"

SOMEBODY = {"sub": "4711", "name": "Dr. Ada Example", "fhirUser": "Practitioner/3"}


@dataclass
class Ehr:
    """A running EHR with the service that it launches. ``tokens`` are those that came with requests for records."""

    site: Site
    server: AuthorizationServer
    fhir: str
    tokens: list[str] = field(default_factory=list)

    def launch(self, iss: str | None = None) -> str:
        """The address that the EHR opens for a chart."""
        return f"{self.site.url}/launch?iss={iss or self.fhir}&launch=opaque-123"


@contextmanager
def opened(
    start: Start,
    folder: Path,
    *,
    client: Json | None = None,
    account: Json | None = None,
    context: Json | None = None,
    smart: Json | None = None,
    host: str = "127.0.0.1",
    **settings: Any,
) -> Iterator[Ehr]:
    """An EHR, its authorization server and the service, all on the loopback address.

    client: how the service is registered; host: how the browser names the service's; settings: of the service, with
    ``{ehr}``, ``{issuer}`` and ``{fhir}`` filled in.
    """
    with ExitStack() as stack:
        ours, theirs = (make_server("127.0.0.1", 0, _nothing, threaded=True) for _ in range(2))
        url, ehr_url = f"http://{host}:{ours.server_port}", f"http://127.0.0.1:{theirs.server_port}"
        registered = {
            "client_id": CLIENT,
            "redirect_uris": [f"{url}/launch/callback", f"{url}/login/callback"],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        } | (client or {})
        server = start(
            clients=[registered],
            account=SOMEBODY if account is None else account,
            context={"patient": "lupus-likely-01"} if context is None else context,
        )
        tokens: list[str] = []
        theirs.app = _ehr(server, url, tokens, smart or {})
        names = {"ehr": ehr_url, "issuer": server.issuer, "fhir": f"{ehr_url}/fhir"}
        given = {"fhir_server": "{fhir}", "launch_client": CLIENT, "rate_limit": "100000 per minute", **settings}
        filled = {name: value.format(**names) if isinstance(value, str) else value for name, value in given.items()}
        found = settings_of(folder, public_url=url, **filled)
        store = stack.enter_context(Store.open(found))
        app = create_app(found, store=store, clock=lambda: NOW.astimezone(found.zone))
        ours.app = app
        for one in (ours, theirs):
            stack.enter_context(_running(one))
        yield Ehr(Site(url, store, app), server, names["fhir"], tokens)


def _nothing(environment: Any, start: Callable[..., Any]) -> list[bytes]:
    start("503 Service Unavailable", [])
    return []


@contextmanager
def _running(server: BaseWSGIServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _ehr(server: AuthorizationServer, service: str, tokens: list[str], smart: Json) -> Flask:
    """The demo hospital, for those only whose token the authorization server knows."""
    app = demo_hospital()
    described = requests.get(f"{server.fhir}/.well-known/smart-configuration", timeout=10).json() | smart
    known: set[str] = set()

    @app.before_request
    def guard() -> Any:
        if request.path == "/fhir/.well-known/smart-configuration":
            return described
        if request.path == "/chart":
            frame = f"{service}/launch?iss={request.args['iss']}&amp;launch=opaque-123"
            return Response(f'<title>Chart</title><h1>Chart</h1><iframe width="800" height="600" src="{frame}"/>')
        if request.path == "/favicon.ico":
            return Response(status=204)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        tokens.append(token)
        if token not in known:
            answer = requests.get(
                f"{server.fhir}/Patient/anybody", headers={"Authorization": f"Bearer {token}"}, timeout=10
            )
            if answer.status_code != 200:
                return Response("{}", 401)
            known.add(token)
        return None

    return app
