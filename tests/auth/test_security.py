"""Who is let in over HTTP, and what those hear who are not."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask, request
from flask.testing import FlaskClient
from trialmatch.config import Settings
from trialmatch.errors import NotAllowed, UsageError
from trialmatch.store.database import Store
from trialmatch.web import problems
from trialmatch.web.access import security
from trialmatch.web.access.callers import LOCAL, SCOPES, Caller

from tests.auth.issuer import AUDIENCE, ISSUER, Place, claims, ec, key_set, place, rsa, token

EHR = "https://ehr.hospital.example"
PUBLIC = "https://trials.hospital.example"
PATH = "/cds-services/trial-match"


def now() -> int:
    return int(time.time())


def bearer(text: str) -> dict[str, str]:
    """The header that presents a token."""
    return {"Authorization": f"Bearer {text}"}


def fresh(**changed: Any) -> dict[str, Any]:
    """The claims of a token that is good now."""
    return claims(iat=now() - 10, exp=now() + 290) | changed


def cds(**changed: Any) -> dict[str, Any]:
    """The claims of a CDS client's token that is good now."""
    whole = {"iss": EHR, "aud": f"{PUBLIC}{PATH}", "iat": now(), "exp": now() + 300, "jti": str(uuid.uuid4())}
    return whole | changed


@pytest.fixture
def idp() -> Iterator[Place]:
    with place() as served:
        served.documents["/jwks"] = key_set(rsa())
        served.documents["/ehr"] = key_set(ec())
        yield served


def client(store: Store, settings: Settings) -> FlaskClient:
    """A service with a view for each scope, one for anybody who is let in, and a CDS endpoint."""
    app = Flask("tests")
    security.install(app, settings, store)
    problems.tell(app)

    def who() -> dict[str, Any]:
        found = security.caller()
        return asdict(found) | {"scopes": sorted(found.scopes)}

    app.add_url_rule("/api/whoami", "whoami", who)
    for scope in ("match.read", "study.write", "prescreen"):
        app.add_url_rule(f"/api/{scope}", scope, security.requires(scope)(who), methods=["GET", "POST"])

    def cds_endpoint() -> dict[str, Any]:
        security.login_cds_client()
        security.authorize("match.read")
        return who()

    app.add_url_rule(PATH, "cds", cds_endpoint, methods=["GET", "POST"])
    return app.test_client()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/store.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def local(store: Store) -> FlaskClient:
    """A service without any issuer."""
    return client(store, Settings.read({}))


@pytest.fixture
def guarded(store: Store, idp: Place) -> FlaskClient:
    """A service with an issuer of access tokens and a CDS client."""
    given = {
        "issuers": f"{ISSUER}={idp.at('/jwks')}",
        "audience": AUDIENCE,
        "cds_issuers": f"{EHR}={idp.at('/ehr')}",
        "public_url": PUBLIC,
    }
    return client(store, Settings.read({}, **given))


class TestWithoutIssuers:
    """Only this machine is served."""

    @pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"])
    def test_this_machine_may_everything(self, local: FlaskClient, address: str) -> None:
        answer = local.get("/api/whoami", environ_base={"REMOTE_ADDR": address})
        assert answer.json == {"subject": "local", "issuer": None, "scopes": sorted(SCOPES), "tenant": None}
        assert local.post("/api/study.write").status_code == 200
        assert local.post(PATH).status_code == 200

    @pytest.mark.parametrize("address", ["198.51.100.4", "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7", "", "unix:"])
    def test_nobody_else_may_anything(self, local: FlaskClient, address: str) -> None:
        for path in ("/api/whoami", "/api/match.read", PATH):
            answer = local.get(path, environ_base={"REMOTE_ADDR": address})
            assert answer.status_code == 403
            assert "WWW-Authenticate" not in answer.headers  # no token would help

    @pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
    def test_what_a_proxy_passes_on_did_not_begin_here(self, local: FlaskClient, name: str) -> None:
        assert local.get("/api/match.read", headers={name: "127.0.0.1"}).status_code == 403

    def test_a_header_does_not_make_a_caller_local(self, local: FlaskClient) -> None:
        answer = local.get(
            "/api/match.read", headers={"X-Forwarded-For": "127.0.0.1"}, environ_base={"REMOTE_ADDR": "192.0.2.7"}
        )
        assert answer.status_code == 403

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("localhost:8000", 200),
            ("127.0.0.1", 200),
            ("[::1]:8000", 200),
            ("attacker.example", 403),
            ("127.0.0.1.attacker.example", 403),
            ("localhost.attacker.example:8000", 403),
        ],
    )
    def test_a_page_that_gave_this_machine_a_name_of_its_own(self, local: FlaskClient, host: str, status: int) -> None:
        """DNS rebinding: the browser is on this machine and thinks that the service is the attacker's site."""
        assert local.get("/api/match.read", headers={"Host": host}).status_code == status

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("http://localhost:8080", 200),
            ("http://127.0.0.1:5173", 200),
            ("https://attacker.example", 403),
            ("null", 403),
            ("http://localhost.attacker.example", 403),
        ],
    )
    def test_a_page_from_elsewhere(self, local: FlaskClient, origin: str, status: int) -> None:
        """A browser on this machine sends a page's POST with plain text across origins without asking before."""
        answer = local.post("/api/study.write", headers={"Origin": origin, "Content-Type": "text/plain"}, data="{}")
        assert answer.status_code == status

    def test_the_name_of_its_own(self, store: Store) -> None:
        named = client(store, Settings.read({}, public_url="https://trials.hospital.example"))
        headers = {"Host": "trials.hospital.example", "Origin": "https://trials.hospital.example"}
        assert named.get("/api/match.read", headers=headers).status_code == 200

    def test_pages_that_the_settings_name(self, store: Store) -> None:
        """A CDS Hooks client in a browser, say; its origin does not become a name of this machine."""
        friendly = client(store, Settings.read({}, cors_origins="https://sandbox.example, https://other.example"))
        for origin in ("https://sandbox.example", "https://other.example"):
            assert friendly.post(PATH, headers={"Origin": origin}).status_code == 200
        assert friendly.post(PATH, headers={"Origin": "https://attacker.example"}).status_code == 403
        headers = {"Origin": "https://sandbox.example", "Host": "sandbox.example"}
        assert friendly.post(PATH, headers=headers).status_code == 403

    def test_a_token_is_not_needed_and_not_looked_at(self, local: FlaskClient) -> None:
        assert local.get("/api/whoami", headers=bearer("nonsense")).json["subject"] == "local"


class TestBearers:
    """Everyone shows a token, this machine too: a proxy on it would lend its address to all the world."""

    def test_the_caller_is_the_token_s(self, guarded: FlaskClient) -> None:
        answer = guarded.get("/api/match.read", headers=bearer(token(fresh(), rsa())))
        assert answer.json == {
            "subject": "clinician-7", "issuer": ISSUER, "scopes": ["trialmatch/match.read"], "tenant": None,
        }  # fmt: skip

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
    def test_the_scheme_in_any_case(self, guarded: FlaskClient, scheme: str) -> None:
        headers = {"Authorization": f"{scheme} {token(fresh(), rsa())}"}
        assert guarded.get("/api/match.read", headers=headers).status_code == 200

    def test_no_token(self, guarded: FlaskClient) -> None:
        for path in ("/api/match.read", "/api/whoami", PATH):
            answer = guarded.get(path)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="trialmatch"'

    @pytest.mark.parametrize(
        "presented",
        ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "nonsense", "Bearer a b", "Bearer a,b", "Bearer é",
         "Bearer\ta.b.c", "DPoP a.b.c", "Bearer a.b.c, Bearer a.b.c", "Bearer " + "a" * 20_000],
    )  # fmt: skip
    def test_headers_of_any_kind(self, guarded: FlaskClient, presented: str) -> None:
        answer = guarded.get("/api/match.read", headers={"Authorization": presented})
        assert answer.status_code == 401

    def test_a_token_elsewhere_than_in_the_header(self, guarded: FlaskClient) -> None:
        """In a query it would get into logs (RFC 6750 section 5.3), in a cookie it would come by itself."""
        text = token(fresh(), rsa())
        guarded.set_cookie("access_token", text)
        assert guarded.get(f"/api/match.read?access_token={text}").status_code == 401
        assert guarded.post("/api/match.read", data={"access_token": text}).status_code == 401

    def test_a_scope_too_few(self, guarded: FlaskClient) -> None:
        answer = guarded.post("/api/study.write", headers=bearer(token(fresh(), rsa())))
        assert answer.status_code == 403
        assert answer.headers["WWW-Authenticate"] == (
            'Bearer realm="trialmatch", error="insufficient_scope", scope="trialmatch/study.write"'
        )
        assert "trialmatch/study.write" in answer.json["detail"]

    def test_all_refusals_look_alike(self, guarded: FlaskClient) -> None:
        """Whether the issuer is known, the signature right or the token only expired is nobody's business."""
        texts = [
            token(fresh(exp=1), rsa()),
            token(fresh(iss="https://elsewhere.example"), rsa()),
            token(fresh(), rsa("other"), {"kid": "rsa"}),
            token(fresh(), rsa("other")),
            token(fresh(aud="https://elsewhere.example"), rsa()),
            "nonsense",
        ]
        answers = [guarded.get("/api/match.read", headers=bearer(text)) for text in texts]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.text for answer in answers}) == 1
        assert {answer.headers["WWW-Authenticate"] for answer in answers} == {
            'Bearer realm="trialmatch", error="invalid_token"'
        }

    def test_an_issuer_that_is_down(self, guarded: FlaskClient, idp: Place) -> None:
        """Not the caller's fault: it may come again with the same token."""
        idp.moods["/jwks"] = "503"
        answer = guarded.get("/api/match.read", headers=bearer(token(fresh(), rsa())))
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"
        # for whoever has no token of a known issuer all is as before
        assert guarded.get("/api/match.read", headers=bearer("nonsense")).status_code == 401

    def test_an_issuer_alone_does_not_open_the_cds_endpoints(self, store: Store, idp: Place) -> None:
        given = {"issuers": f"{ISSUER}={idp.at('/jwks')}", "audience": AUDIENCE}
        only = client(store, Settings.read({}, **given))
        assert only.get(PATH).status_code == 401
        assert only.get(PATH, headers=bearer(token(fresh(), rsa()))).status_code == 401

    def test_a_cds_client_alone_does_not_open_the_api(self, store: Store, idp: Place) -> None:
        given = {"cds_issuers": f"{EHR}={idp.at('/ehr')}", "public_url": PUBLIC}
        only = client(store, Settings.read({}, **given))
        assert only.get("/api/match.read").status_code == 401  # this machine or not
        assert only.get("/api/match.read", headers=bearer(token(cds(), ec()))).status_code == 401
        assert only.get(PATH, headers=bearer(token(cds(), ec()))).status_code == 200


class TestCdsClients:
    def test_the_caller_is_the_client(self, guarded: FlaskClient) -> None:
        answer = guarded.post(PATH, headers=bearer(token(cds(tenant="clinic-2"), ec())))
        assert answer.json == {
            "subject": EHR, "issuer": EHR, "scopes": ["trialmatch/match.read"], "tenant": "clinic-2",
        }  # fmt: skip

    def test_a_token_is_good_once_for_all_workers(self, guarded: FlaskClient, store: Store, idp: Place) -> None:
        given = {"cds_issuers": f"{EHR}={idp.at('/ehr')}", "public_url": PUBLIC}
        other = client(store, Settings.read({}, **given))
        text = token(cds(), ec())
        assert guarded.post(PATH, headers=bearer(text)).status_code == 200
        assert other.post(PATH, headers=bearer(text)).status_code == 401
        assert guarded.post(PATH, headers=bearer(text)).status_code == 401

    def test_the_host_that_a_caller_names_is_not_the_audience(self, guarded: FlaskClient) -> None:
        """A token for another service is not made ours by calling us by that one's name."""
        text = token(cds(aud=f"http://other.example{PATH}"), ec())
        assert guarded.post(PATH, headers=bearer(text) | {"Host": "other.example"}).status_code == 401

    def test_an_access_token_is_no_cds_token(self, guarded: FlaskClient) -> None:
        assert guarded.post(PATH, headers=bearer(token(fresh(aud=f"{PUBLIC}{PATH}"), rsa()))).status_code == 401

    def test_a_preflight_bears_no_token(self, guarded: FlaskClient) -> None:
        assert guarded.options(PATH).status_code == 200

    def test_the_memory_of_used_tokens_fails(self, guarded: FlaskClient, store: Store, monkeypatch: Any) -> None:
        """Then nobody is let in: it might be the second use."""
        store.close()

        def down(*_: object) -> bool:
            raise OSError("disk")

        monkeypatch.setattr(Store, "writing", down)
        assert guarded.post(PATH, headers=bearer(token(cds(), ec()))).status_code >= 500


class TestProxies:
    def remote(self, store: Store, idp: Place, proxies: int, header: str) -> str:
        """The address that the service sees of a call from 192.0.2.1 with an X-Forwarded-For."""
        given = {"issuers": f"{ISSUER}={idp.at('/jwks')}", "audience": AUDIENCE, "proxies": proxies}
        app = Flask("tests")
        security.install(app, Settings.read({}, **given), store)
        app.add_url_rule("/", "address", lambda: request.remote_addr)
        headers = {"X-Forwarded-For": header}
        return app.test_client().get("/", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"}).text

    def test_nobody_is_believed_unless_a_setting_says_so(self, store: Store, idp: Place) -> None:
        assert self.remote(store, idp, 0, "127.0.0.1") == "192.0.2.1"

    def test_as_many_are_believed_as_the_setting_says(self, store: Store, idp: Place) -> None:
        """The last entry is the last proxy's; what stands before it, the caller may have made up."""
        assert self.remote(store, idp, 1, "127.0.0.1, 198.51.100.7") == "198.51.100.7"
        assert self.remote(store, idp, 2, "127.0.0.1, 198.51.100.7, 203.0.113.5") == "198.51.100.7"


class TestLogins:
    def test_whoever_logged_in_before_is_the_caller(self, store: Store) -> None:
        app = Flask("tests")
        security.install(app, Settings.read({}), store)
        someone = Caller("Practitioner/5", "https://ehr.example", frozenset({"trialmatch/match.read"}))

        @app.get("/")
        @security.requires("match.read")
        def page() -> str:
            return security.caller().subject

        with app.test_request_context("/", environ_base={"REMOTE_ADDR": "192.0.2.1"}):
            security.login(someone)
            assert page() == "Practitioner/5"
            assert security.authorize("trialmatch/match.read") == someone
            with pytest.raises(NotAllowed):
                security.authorize("study.write")

    def test_scopes_that_do_not_exist_are_noticed_when_the_view_is_made(self) -> None:
        with pytest.raises(ValueError, match="no scope of trialmatch"):
            security.requires("match.raed")

    def test_a_scope_s_name_with_or_without_its_beginning(self) -> None:
        assert LOCAL.may("match.read") and LOCAL.may("trialmatch/match.read") and not LOCAL.may("read")


class TestAddresses:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST"])
    def test_without_issuers_this_machine(self, host: str) -> None:
        security.check_bind(host, Settings())

    @pytest.mark.parametrize(
        "host",
        ["0.0.0.0", "::", "[::]", "", "*", "192.0.2.7", "::ffff:0.0.0.0", "0", "no-such.invalid", "unix:a", "a\0b"],
    )  # fmt: skip
    def test_without_issuers_nothing_else(self, host: str) -> None:
        with pytest.raises(UsageError, match="TRIALMATCH_ISSUERS"):
            security.check_bind(host, Settings())

    @pytest.mark.parametrize(
        "given", [{"issuers": "https://idp.example"}, {"cds_issuers": "https://ehr.example=https://ehr.example/jwks"}]
    )
    def test_with_issuers_anything(self, given: dict[str, str]) -> None:
        security.check_bind("0.0.0.0", Settings(**given))


def test_nothing_of_a_token_is_in_answers_or_logs(guarded: FlaskClient, capfd: Any, caplog: Any) -> None:
    """Good tokens and bad ones, each with a name that is to be found nowhere."""
    secret = "Erika-Mustermann"
    texts = [
        token(fresh(name=secret, sub=secret), rsa()),
        token(fresh(name=secret, exp=1), rsa(), {"kid": secret}),
        token(fresh(name=secret, exp=1), rsa()),
        token(fresh(iss=f"https://{secret}.example"), rsa()),
        token(fresh(aud=secret), rsa()),
        token(fresh(nbf=secret), rsa()),
        token(fresh(sub=f"{secret}\n"), rsa()),
        token(cds(tenant=f"{secret}\n"), ec()),
        token(cds(jti=secret), ec()),
        token(cds(jti=secret), ec()),
        f"{secret}.{secret}.{secret}",
        secret,
    ]
    told: list[Any] = []
    with structlog.testing.capture_logs() as logged, caplog.at_level("DEBUG"):
        for text in texts:
            for path in ("/api/study.write", PATH):
                answer = guarded.post(path, headers=bearer(text))
                told += [answer.text, str(answer.headers)] if answer.status_code != 200 else []
    refusals = [one for one in logged if one["event"] == "token refused"]
    assert {one["reason"] for one in refusals} >= {"expired", "issuer", "audience", "key", "malformed", "replayed"}
    for shown in (repr(told), repr(logged), caplog.text, *capfd.readouterr()):
        assert secret.lower() not in shown.lower() and "eyJ" not in shown
