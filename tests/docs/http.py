"""Writes ``docs/http.md`` from the OpenAPI document and the errors: ``python -m tests.docs.http``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trialmatch import errors
from trialmatch.config import Settings
from trialmatch.web.app import create_app
from trialmatch.web.problems import problem_type

Json = dict[str, Any]

PAGE = Path(__file__).parents[2] / "docs" / "http.md"

_INTRODUCTION = """# HTTP

<!-- Made by `python -m tests.docs.http` from the OpenAPI document and service/trialmatch/errors.py. Do not edit. -->

What the service answers, operation by operation. The same as a document for programs is at `/openapi.json` of a running
service, with every schema; at `/docs` it can be read and tried. `trialmatch demo --serve` starts one to look around.
CDS Hooks (`/cds-services`), the mCODE contract (`/getClinicalTrial`) and the pages are not among the operations below.
"""

_FIRST = """
## First calls

To `trialmatch demo --serve`, which needs no token; elsewhere each has `-H "Authorization: Bearer $TOKEN"` too.

```sh
# a patient of the hospital: the trials in their rank, each criterion with its reason and records
curl -s 'localhost:8000/api/v1/patients/lupus-likely-01/matches?study=NCT06892145'

# the same as FHIR: a searchset of ResearchStudy
curl -s 'localhost:8000/fhir/Patient/lupus-likely-01/$match-trials?study=NCT06892145'

# a patient whose records are in the body
curl -s localhost:8000/api/v1/matches -H 'Content-Type: application/json' -d '{
  "resourceType": "Bundle", "type": "collection",
  "entry": [{"resource": {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1991-06-03"}}]}'

# what a person has confirmed: the answer counts in every match from now on
curl -s -X PUT localhost:8000/api/v1/patients/lupus-likely-01/attestations \\
  -H 'Content-Type: application/json' -H 'If-None-Match: *' -d '{
  "attestations": [{"judgement": "consent", "answer": "met", "by": "Dr Example", "at": "2026-02-27"}]}'

# an error names what is wrong, and where
curl -s 'localhost:8000/api/v1/patients/lupus-likely-01/matches?as_of=soon'
```

The last one answers 422, `application/problem+json`:

```json
{
  "type": "about:blank",
  "title": "Unprocessable Content",
  "status": 422,
  "detail": "the request is not what it should be, see errors",
  "errors": [{"path": "query.as_of", "detail": "Not a valid date."}],
  "requestId": "b483472d02494e5fa861665b9f85355e"
}
```
"""

_COMMON = """
## What holds for all

- **Who may call.** `Authorization: Bearer …`, a JWT of an issuer in `TRIALMATCH_ISSUERS` for the audience in
  `TRIALMATCH_AUDIENCE`, with the scope that the operation names. Without any issuer only the machine itself is served.
- **Request id.** Every answer has `X-Request-ID`; the log, the audit and the errors have the same. A well-formed one of
  the caller (8 to 64 letters, digits, -) is taken over.
- **Sources that failed.** The answer is 200 all the same, with `Trialmatch-Incomplete: true`: `sources` in the document
  (an OperationOutcome at the end of the Bundle) says what was not obtained, and what hangs on it is unknown.
- **Audit.** Every access to a patient's data, also one that fails, is on disk as a FHIR AuditEvent before the answer
  leaves. Where it cannot be written the answer is 503.
- **Two writers.** What is replaced is named by its ETag: `If-Match` with another one gives 412, without any 428 (for
  studies 409). Nothing is lost.
- **Limits.** Length, depth and entries of bodies, and requests by caller and minute, are settings
  ([settings.md](settings.md)); `Retry-After` says when to come again.
- **Dates** are days (`2026-03-01`) from 1900 to 2199. Unknown parameters and fields are refused.
- **Names** of operations are `operationId` in the document: what clients that are generated from it call them.
"""

_ERRORS = """
## Errors

`application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `errors` (each `path` and `detail`) and
`requestId`. Under `/fhir` an OperationOutcome says the same, for a browser a page, at `/getClinicalTrial` an object
with `error`. An error of the service itself (500) says nothing but the request id; so does the log, unless
`TRIALMATCH_DEBUG` is set.

| status | means |
|---|---|
"""

#: What each status means here.
MEANINGS = {
    400: "the body is no JSON, or breaks off; the line is named",
    401: "no token, or one that is not accepted; it does not say why",
    403: "the token lacks the scope (`WWW-Authenticate` names it); or no issuer is set, and the call is from elsewhere",
    404: "no such path, study, prescreen, or patient in the hospital",
    405: "another method; `Allow` names those there are",
    406: "the caller takes no JSON; there is no other format but for results of prescreens",
    409: "the study is there already, or something of it belongs to another one; a prescreen has ended already",
    410: "the prescreen was cancelled",
    412: "somebody has changed it since the caller read it",
    413: "the body is too long, nests too deep, or has too many entries",
    414: "the address is longer than 8,190 bytes",
    415: "the body does not say that it is JSON, or is packed (`Content-Encoding`)",
    417: "an `Expect` other than `100-continue`",
    422: "an argument, field or study is not what it should be, each fault has its path; or a prescreen's input",
    428: "a change without the ETag of what it replaces",
    429: "too many calls; `Retry-After` has the seconds",
    431: "more than 100 headers, or one of more than 8,190 bytes",
    500: "an error of the service itself",
    501: "a `Transfer-Encoding` other than `chunked`",
    502: "the hospital's server cannot be reached or refuses, or none is configured",
    503: "the store cannot be used, or the keys of an issuer cannot be had; nothing of a patient was told",
    504: "the hospital's server does not answer in time",
}

_TYPES = """
Problems of HTTP itself have the type `about:blank`; others have one of their own:

| type | status | means |
|---|---|---|
"""


def document() -> Json:
    """The OpenAPI document of the service as it is."""
    with TemporaryDirectory() as folder:
        app = create_app(Settings.read({}, database=f"sqlite:///{folder}/store.sqlite"))
        found: Json = app.test_client().get("/openapi.json").get_json()
        app.extensions["trialmatch"].store.close()
    return found


def render(described: Json) -> str:
    """The whole page."""
    rows = "".join(f"| {status} | {words} |\n" for status, words in MEANINGS.items())
    types = "".join(
        f"| `{problem_type(kind)}` | {kind.http_status} | {_first_line(kind)} |\n" for kind in problem_classes()
    )
    operations = "\n".join(_operation(path, method, one) for path, method, one in operations_of(described))
    return f"{_INTRODUCTION}{_FIRST}{_COMMON}{_ERRORS}{rows}{_TYPES}{types}\n## Operations\n\n{operations}"


def operations_of(described: Json) -> Iterator[tuple[str, str, Json]]:
    """Each operation: path, method, what is told of it."""
    for path, item in described["paths"].items():
        for method, one in item.items():
            if method != "parameters":
                yield (
                    path,
                    method.upper(),
                    {**one, "parameters": [*item.get("parameters", ()), *one.get("parameters", ())]},
                )


def problem_classes() -> list[type[errors.TrialmatchError]]:
    """All errors that a caller can meet."""
    found: list[type[errors.TrialmatchError]] = []
    pending = list(errors.TrialmatchError.__subclasses__())
    while pending:
        kind = pending.pop(0)
        found.append(kind)
        pending = [*kind.__subclasses__(), *pending]
    return sorted(set(found), key=lambda kind: (kind.http_status, kind.__name__))


def _first_line(kind: type) -> str:
    words = " ".join((kind.__doc__ or "").split())
    return words.split(". ")[0].split("; ``")[0].rstrip(".").replace("``", "`")


def _operation(path: str, method: str, one: Json) -> str:
    lines = [f"### {method} `{path}`", "", f"{one['summary']}.", ""]
    if one.get("description"):
        lines += [" ".join(one["description"].split()), ""]
    scope = f"; scope: `{one['x-scope']}`" if "x-scope" in one else ""
    lines += [f"Name: `{one['operationId']}`{scope}", ""]
    parameters = [parameter for parameter in one["parameters"] if parameter["in"] != "path"]
    if parameters:
        lines += ["| parameter | in | kind | means |", "|---|---|---|---|"]
        lines += [
            f"| `{each['name']}` | {each['in']} | {_kind(each['schema'])} | {each.get('description', '')} |"
            for each in parameters
        ]
        lines.append("")
    if "requestBody" in one:
        (content,) = one["requestBody"]["content"].items()
        lines += [f"Body: {_schema(content[1]['schema'])}, `{content[0]}`", ""]
    lines += [f"Answers: {', '.join(_answers(one))}", ""]
    return "\n".join(lines)


def _kind(schema: Json) -> str:
    if schema["type"] == "array":
        return f"{_kind(schema['items'])}, may be repeated"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    return str(schema.get("format", schema["type"]))


def _schema(schema: Json) -> str:
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[-1]
    return f"list of {_schema(schema['items'])}" if schema.get("type") == "array" else "a FHIR resource"


def _answers(one: Json) -> Iterator[str]:
    for status, response in sorted(one["responses"].items()):
        content = list(response.get("content", {}).values())
        headers = ", ".join(f"`{name}`" for name in response.get("headers", ()))
        told = f" ({headers})" if headers else ""
        if not content or int(status) >= 400:
            yield status + told
        elif content[0]["schema"].get("type") == "string":
            yield f"{status} text{told}"
        else:
            yield f"{status} {_schema(content[0]['schema'])}{told}"


if __name__ == "__main__":
    PAGE.write_text(render(document()), encoding="utf-8")
