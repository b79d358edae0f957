"""Launched from an EHR, or signed in outside one: with an authorization server that nobody wrote for trialmatch."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text
from trialmatch.config import Settings
from trialmatch.fhir.hospital.client_keys import public_jwks
from trialmatch.store import audit
from trialmatch.web.login import visitor as login

from tests.auth.authorization_server import Start, authorization_server, authorization_server_folder  # noqa: F401
from tests.auth.issuer import ec, rsa
from tests.browser.ehr import CLIENT, Ehr, opened
from tests.browser.site import LIKELY, LUPUS, MISSING, said, unfolded

pytestmark = pytest.mark.slow

Open = Callable[..., AbstractContextManager[Ehr]]


@pytest.fixture
def ehr(authorization_server: Start, tmp_path: Path) -> Open:  # noqa: F811
    """Opens an EHR with the service that it launches."""
    return partial(opened, authorization_server, tmp_path)


def test_a_chart_opens_its_patient_with_the_ehrs_own_access(page: Page, ehr: Open) -> None:
    with ehr() as here:
        page.goto(here.launch())
        expect(page).to_have_url(here.site.patient(LIKELY))
        expect(page.get_by_role("heading", level=1)).to_have_text("Patient lupus-likely-01")
        expect(page.locator(".who")).to_contain_text("Signed in as Practitioner/3")
        assert len(set(here.tokens)) == 1 and len(here.tokens) > 5  # every request for records had the launch's token
        unfolded(page, LUPUS, "I1").get_by_role("radio", name="Yes").check()
        page.locator("[data-savebar]").get_by_role("button", name="Save answers").click()
        assert said(page).startswith("1 answer saved.")
        assert [one["by"] for one in here.site.answers(LIKELY)] == ["Practitioner/3"]
        events = audit.events(here.site.store, patient=LIKELY)
        assert {agent["who"]["identifier"]["value"] for event in events for agent in event["agent"][:1]} == {
            "Practitioner/3"
        }


def test_a_name_is_shown_and_kept_where_the_ehr_gives_one(page: Page, ehr: Open) -> None:
    with ehr(launch_scopes="launch openid profile fhirUser patient/*.rs") as here:
        page.goto(here.launch())
        expect(page.locator(".who")).to_contain_text("Signed in as Dr. Ada Example")
        unfolded(page, LUPUS, "I1").get_by_role("radio", name="Yes").check()
        page.locator("[data-savebar]").get_by_role("button", name="Save answers").click()
        expect(unfolded(page, LUPUS, "I1").locator(".given")).to_contain_text("by Dr. Ada Example (Practitioner/3)")


def test_neither_cookie_nor_database_gives_the_token_away(page: Page, ehr: Open) -> None:
    with ehr() as here:
        page.goto(here.launch())
        (cookie,) = [one for one in page.context.cookies(here.site.url) if one["name"].endswith("trialmatch")]
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (True, "Lax", -1)
        assert len(cookie["value"]) == 43  # 32 random bytes, and nothing else
        with here.site.store.reading() as connection:
            kept = connection.execute(text("SELECT digest || sealed FROM sessions")).scalars().all()
        (token,) = set(here.tokens)
        assert kept and not any(secret in row for row in kept for secret in (token, cookie["value"], "Practitioner"))


@pytest.mark.parametrize("kind", ["secret", "RS384", "ES384"])
def test_the_service_proves_who_it_is(page: Page, ehr: Open, tmp_path: Path, kind: str) -> None:
    if kind == "secret":
        secret = "a secret: with 100 % + more"
        client = {"token_endpoint_auth_method": "client_secret_basic", "client_secret": secret}
        ours = {"launch_secret": secret}
    else:
        file = tmp_path / "key.pem"
        file.write_bytes((rsa() if kind == "RS384" else ec("P-384")).as_pem(private=True))
        ours = {"launch_key": str(file)}
        client = {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": kind,
            "jwks": public_jwks(Settings(launch_key=str(file))),
        }
    with ehr(client=client, **ours) as here:
        page.goto(here.launch())
        expect(page).to_have_url(here.site.patient(LIKELY))


def test_a_wrong_secret_opens_nothing(page: Page, ehr: Open) -> None:
    client = {"token_endpoint_auth_method": "client_secret_basic", "client_secret": "right"}
    with ehr(client=client, launch_secret="wrong") as here:
        answer = page.goto(here.launch())
        assert answer is not None and answer.status == 502
        expect(page.get_by_role("heading", level=1)).to_have_text("Signing in did not succeed")
        assert here.tokens == []


def test_in_a_frame_of_the_ehr(page: Page, ehr: Open) -> None:
    """The service is another site (localhost) than the chart (127.0.0.1): its cookie has to be a frame's."""
    with ehr(host="localhost", frame_ancestors="{ehr}") as here:
        page.goto(f"{here.fhir.removesuffix('/fhir')}/chart?iss={here.fhir}")
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading", level=1)).to_have_text("Patient lupus-likely-01")
        (cookie,) = [one for one in page.context.cookies() if one["name"].endswith("trialmatch")]
        assert (cookie["name"], cookie["sameSite"], cookie["secure"]) == ("__Host-trialmatch", "None", True)
        assert cookie["partitionKey"] == "http://127.0.0.1"
        frame.locator("details.row > summary").first.click()
        expect(frame.locator("details.row[open] .body").first).to_be_visible()


def test_nobody_else_may_frame_it(browser: Browser, ehr: Open) -> None:
    with ehr(frame_ancestors="https://ehr.elsewhere.example") as here, browser.new_context() as context:
        page, complaints = context.new_page(), []
        page.on("console", lambda one: complaints.append(one.text))
        page.goto(f"{here.fhir.removesuffix('/fhir')}/chart?iss={here.fhir}")
        page.wait_for_load_state("networkidle")
        assert page.frame_locator("iframe").get_by_role("heading", level=1).count() == 0
        assert any('"frame-ancestors https://ehr.elsewhere.example"' in one for one in complaints)


def test_only_the_patient_whose_chart_was_open(page: Page, ehr: Open) -> None:
    with ehr() as here:
        page.goto(here.launch())
        answer = page.goto(here.site.patient(MISSING))
        assert answer is not None and answer.status == 403
        expect(page.get_by_text("The EHR has opened another patient’s chart.")).to_be_visible()
        page.goto(here.site.url)
        expect(page.get_by_role("heading", name="Studies")).to_be_visible()
        expect(page.get_by_label("Patient id")).to_have_count(0)


def test_without_a_launch_nothing_is_shown(page: Page, ehr: Open) -> None:
    with ehr() as here:
        for path in (f"/patients/{LIKELY}", "/", f"/studies/{LUPUS}"):
            answer = page.goto(here.site.url + path)
            assert answer is not None and answer.status == 403
            expect(page.get_by_text("Open trialmatch from a patient’s chart in the EHR.")).to_be_visible()
        assert here.tokens == []


def test_access_that_has_run_out(page: Page, ehr: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's tokens live for 300 seconds."""
    with ehr() as here:
        page.goto(here.launch())
        asked = len(here.tokens)
        monkeypatch.setattr(login, "time", SimpleNamespace(time=lambda: time.time() + 301))
        page.reload()
        expect(page.get_by_text("The access that the EHR granted has run out.")).to_be_visible()
        assert len(here.tokens) == asked  # the old token is not even tried
        monkeypatch.undo()
        page.goto(here.launch())
        expect(page).to_have_url(here.site.patient(LIKELY))


def test_an_ehr_that_nobody_named(page: Page, ehr: Open) -> None:
    with ehr() as here:
        for iss in ("https://elsewhere.example/fhir", f"{here.fhir}.elsewhere", "http://127.0.0.1:1/fhir", "file:///etc"):
            answer = page.goto(here.launch(iss))
            assert answer is not None and answer.status == 403
            expect(page.get_by_text("This EHR is not among those")).to_be_visible()
        answer = page.goto(f"{here.site.url}/launch?iss={here.fhir}")
        assert answer is not None and answer.status == 400


def test_a_server_without_pkce_is_not_used(page: Page, ehr: Open) -> None:
    with ehr(smart={"code_challenge_methods_supported": ["plain"]}) as here:
        answer = page.goto(here.launch())
        assert answer is not None and answer.status == 502
        expect(page.get_by_text("does not offer what trialmatch needs")).to_be_visible()


def test_a_launch_without_a_patient(page: Page, ehr: Open) -> None:
    for context in ({}, {"patient": "../4"}, {"patient": 4}):
        with ehr(context={"other": "x"} | context) as here:
            answer = page.goto(here.launch())
            assert answer is not None and answer.status == 502
            expect(page.get_by_text("The EHR did not say whose chart is open.")).to_be_visible()


def test_a_return_is_good_once_and_for_the_browser_that_asked(
    page: Page, ehr: Open, open_context: Callable[..., BrowserContext]
) -> None:
    with ehr() as here:
        returns = []
        page.on("request", lambda one: returns.append(one.url) if "/launch/callback" in one.url else None)
        page.goto(here.launch())
        expect(page).to_have_url(here.site.patient(LIKELY))
        for somebody in (page, open_context().new_page()):
            answer = somebody.goto(returns[0])
            assert answer is not None and answer.status == 400
            expect(somebody.get_by_text("was not begun in this browser, or has been used already")).to_be_visible()


def test_two_charts_side_by_side(page: Page, ehr: Open, authorization_server: Start) -> None:  # noqa: F811
    """A second launch of the same person adds a patient; the first one's page goes on working."""
    with ehr() as here:
        page.goto(here.launch())
        client = here.site.app.test_client()
        with client.session_transaction() as session:
            session["who"] = {
                "kind": "launch", "subject": "Practitioner/3", "name": "Ada", "issuer": here.server.issuer,
                "at": time.time(),
            }  # fmt: skip
            grant = {"server": None, "token": here.tokens[0], "until": time.time() + 60}
            session["grants"] = {LIKELY: grant, MISSING: grant}
        for patient in (LIKELY, MISSING):
            assert client.get(f"/patients/{patient}").status_code == 200


# --- outside an EHR ---------------------------------------------------------------------------------------------------

LOGIN = {"launch_client": None, "login_issuer": "{issuer}", "login_client": CLIENT}


def test_whoever_signs_in_comes_to_the_page_that_was_asked_for(page: Page, ehr: Open) -> None:
    with ehr(**LOGIN) as here:
        page.goto(f"{here.site.url}/studies/{LUPUS}?x=1")
        expect(page).to_have_url(f"{here.site.url}/studies/{LUPUS}?x=1")
        expect(page.locator(".who")).to_contain_text("Signed in as Dr. Ada Example")
        page.get_by_role("link", name="trialmatch").click()
        expect(page.get_by_role("heading", name="Recent prescreens")).to_be_visible()
        (before,) = page.context.cookies(here.site.url)[:1]
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
        client = here.site.app.test_client()
        client.set_cookie(before["name"], before["value"], domain="127.0.0.1")  # the old session is really over
        assert client.get("/", base_url=here.site.url).status_code == 302


def test_only_those_whom_the_settings_let_in(page: Page, ehr: Open) -> None:
    with ehr(**LOGIN, login_allowed="name=Somebody else") as here:
        answer = page.goto(here.site.url)
        assert answer is not None and answer.status == 403
        expect(page.get_by_text("You are known, but not among those who may use trialmatch here.")).to_be_visible()
    with ehr(**LOGIN, login_allowed="name=Dr. Ada Example", login_may="match.read") as here:
        page.goto(here.site.url)
        expect(page.get_by_role("heading", name="Studies")).to_be_visible()
        expect(page.get_by_role("heading", name="Recent prescreens")).to_have_count(0)


def test_signing_in_changes_the_secret(page: Page, ehr: Open) -> None:
    """A secret that somebody has planted in the browser is worth nothing afterwards."""
    planted = "p" * 43
    with ehr(**LOGIN) as here:
        page.context.add_cookies([{"name": "trialmatch", "value": planted, "url": here.site.url}])
        page.goto(here.site.url)
        expect(page.locator(".who")).to_be_visible()
        assert planted not in [one["value"] for one in page.context.cookies(here.site.url)]
        client = here.site.app.test_client()
        client.set_cookie("trialmatch", planted, domain="127.0.0.1")
        assert client.get("/", base_url=here.site.url).status_code == 302


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "", "x"]
)
def test_nobody_is_led_astray(page: Page, ehr: Open, wanted: str) -> None:
    with ehr(**LOGIN) as here:
        page.goto(f"{here.site.url}/login?next={wanted}")
        expect(page).to_have_url(f"{here.site.url}/")


def test_a_form_after_the_session_is_told_so(ehr: Open) -> None:
    with ehr(**LOGIN) as here:
        answer = here.site.app.test_client().post(f"/patients/{LIKELY}", data={})
        assert answer.status_code == 403 and "Your session is over." in answer.get_data(as_text=True)


def test_without_a_client_there_is_no_such_door(site: Any) -> None:
    for path in ("/login", "/login/callback?state=1", "/launch?iss=x&launch=y", "/launch/callback?state=1"):
        assert site.app.test_client().get(path).status_code == 404
