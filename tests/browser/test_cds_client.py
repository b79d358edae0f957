"""CDS Hooks as an EHR in a browser speaks it: preflight, discovery, ES384 tokens, prefetch, cards, feedback.

The traffic is that of the public CDS Hooks sandbox, which this page stands for: the page is at another origin than the
service, so that the browser itself asks before each call whether it may be made.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request, send_from_directory
from joserfc.jwk import ECKey
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect
from trialmatch.demo.server import create_app as demo_hospital
from werkzeug.serving import make_server

from tests.browser.site import BASKET, LUPUS, MISSING, NOW, UNIVERSAL
from tests.cds.ehr import check
from tests.web.world import served, settings_of

_PAGE = Path(__file__).parent / "ehr_page"
_ISSUER = "https://ehr.hospital.example"

pytestmark = pytest.mark.slow


def _ehr() -> Flask:
    """The EHR's web server: its page, and its FHIR server under the same origin."""
    app, hospital = Flask("ehr", static_folder=None), demo_hospital().test_client()

    @app.get("/fhir/<path:path>")
    def fhir(path: str) -> Response:
        answer = hospital.get(f"/fhir/{path}?{request.query_string.decode()}")
        return Response(answer.data, answer.status_code, content_type=answer.content_type)

    @app.get("/", defaults={"path": "index.html"})
    @app.get("/<path:path>")
    def page(path: str) -> Response:
        return send_from_directory(_PAGE, path)

    return app


@pytest.fixture(scope="module")
def key() -> ECKey:
    return ECKey.generate_key("P-384", {"kid": "one", "use": "sig"})


@pytest.fixture
def address(key: ECKey, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The EHR's page and the service, which believes the EHR's key and answers pages of its origin."""
    from trialmatch.web.app import create_app

    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    with ExitStack() as stack:
        page = stack.enter_context(served(_ehr()))
        taken = stack.enter_context(socket.socket())
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.close()
        url = f"http://127.0.0.1:{port}"
        settings = settings_of(
            tmp_path, cds_issuers=f"{_ISSUER}={tmp_path / 'keys.json'}", public_url=url, cors_origins=page
        )
        app = create_app(settings, clock=lambda: NOW.astimezone(settings.zone))
        server = make_server("127.0.0.1", port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        yield page, url


@pytest.fixture
def chart(open_context: Callable[..., BrowserContext], address: tuple[str, str]) -> Page:
    page = open_context().new_page()
    page.goto(address[0])
    return page


def opened(chart: Page, service: str, key: dict[str, Any], patient: str = MISSING) -> list[dict[str, Any]]:
    """Open a patient's chart; the cards."""
    what = "([service, key, issuer, patient]) => new Ehr(service, key, issuer).open(patient)"
    cards: list[dict[str, Any]] = chart.evaluate(what, [service, key, _ISSUER, patient])
    return cards


def test_a_clinician_sees_cards_and_sets_one_aside(chart: Page, address: tuple[str, str], key: ECKey) -> None:
    """Three trials may suit the patient with missing tests; the one that is declined stays quiet afterwards."""
    asked: list[Request] = []
    chart.on("request", lambda one: asked.append(one) if one.url.startswith(address[1]) else None)
    cards = opened(chart, address[1], key.as_dict(private=True))
    check("response", {"cards": cards})
    titles = chart.locator("article h2")
    expect(titles).to_have_count(3)
    assert {word for word in (UNIVERSAL, LUPUS, BASKET) if any(word in card["summary"] for card in cards)} == {
        UNIVERSAL, LUPUS, BASKET,
    }  # fmt: skip
    first = titles.first.inner_text()
    chart.locator("article").first.get_by_role("button", name="Patient declined").click()
    expect(titles).to_have_count(2)
    for one in asked:
        if one.method == "POST":
            check("feedback" if one.url.endswith("/feedback") else "request", one.post_data_json)
    opened(chart, address[1], key.as_dict(private=True))
    expect(titles).to_have_count(2)
    assert first not in titles.all_inner_texts()


def test_a_key_that_is_not_the_ehrs_is_refused(chart: Page, address: tuple[str, str]) -> None:
    other = ECKey.generate_key("P-384", {"kid": "one"}).as_dict(private=True)
    with pytest.raises(Exception, match="/cds-services: 401"):
        opened(chart, address[1], other)


def test_a_page_of_another_origin_gets_no_answer(browser: Browser, address: tuple[str, str], key: ECKey) -> None:
    """Only the origins that ``cors_origins`` names may read answers: the browser itself keeps others out."""
    with served(_ehr()) as elsewhere:
        page = browser.new_page()
        page.goto(elsewhere)
        with pytest.raises(Exception, match="Failed to fetch"):
            opened(page, address[1], key.as_dict(private=True))
        page.close()
