"""A bulk export of HAPI's: the prescreen says of it what it says of the files that the hospital was loaded from."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import orjson
import pytest
import requests
from trialmatch.config import Settings
from trialmatch.demo import hospital_path
from trialmatch.demo.load import resources
from trialmatch.fhir.bulk.export import Server
from trialmatch.fhir.bulk.request import Request
from trialmatch.prescreen.engine import Order, run
from trialmatch.prescreen.export import Exported, export
from trialmatch.usecases.match import Engine

from tests.contract.conftest import Json, Start

pytestmark = pytest.mark.slow

Export = Callable[[str], Exported]


def _impatient(seconds: float) -> None:
    """HAPI asks for two minutes between two looks, and has done after a few seconds."""
    time.sleep(min(seconds, 0.5))


def lines(folder: Path) -> dict[str, Json]:
    """The resources of a folder by ``Type/id``, without what a server adds to them."""
    found = {}
    for file in folder.glob("*.ndjson"):
        for line in file.read_bytes().splitlines():
            resource = {key: value for key, value in orjson.loads(line).items() if key != "meta"}
            found[f"{resource['resourceType']}/{resource['id']}"] = resource
    return found


@pytest.fixture
def exported(start: Start, engine: Engine, tmp_path: Path) -> Export:
    """Exports the whole system, or what a path below it names."""
    url = start("hapi").url

    def of(path: str) -> Exported:
        server = Server(url, Settings.read({}), sleep=_impatient)
        return export(server, Request.of(f"{url}{path}", engine.needs()), tmp_path / "export")

    return of


def test_system(exported: Export, engine: Engine) -> None:
    """Of each type that criteria look at everything comes, some of it in several files, and nothing of another type."""
    done = exported("")
    assert (done.partial, done.problems) == ({}, ())
    files, found = lines(hospital_path()), lines(done.folder)
    assert {kind.split("/")[0] for kind in found} == {"Medication", *engine.needs().types} - {"ResearchSubject"}
    # with what tests put there beside, and the public patients where there are any
    assert {name: found.get(name) for name in files} == files
    assert len(list(done.folder.glob("Observation.*.ndjson"))) > 1


def test_group(start: Start, exported: Export, engine: Engine, tmp_path: Path) -> None:
    """A group of patients; HAPI gives no Medications with one, so that orders must name their drugs themselves."""
    url = start("hapi").url
    everything = resources(hospital_path())
    refer = {
        one["subject"]["reference"]
        for one in everything
        if one.get("medicationReference", {}).get("reference", "").startswith("Medication/")
    }
    members = [f"Patient/{one['id']}" for one in everything if one["resourceType"] == "Patient"]
    members = [one for one in members if one not in refer]
    group = {
        "resourceType": "Group",
        "id": "contract-group",
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": one}} for one in members],
    }
    assert requests.put(f"{url}/Group/contract-group", json=group, timeout=30).status_code == 201
    done = exported("/Group/contract-group")
    assert (done.partial, done.problems) == ({}, ())

    folder = tmp_path / "files"
    folder.mkdir()
    for one in everything:
        whose = one.get("subject") or one.get("patient") or {"reference": f"Patient/{one['id']}"}
        if whose["reference"] in members:
            with (folder / f"{one['resourceType']}.ndjson").open("ab") as file:
                file.write(orjson.dumps(one) + b"\n")
    assert lines(done.folder) == lines(folder)

    for source, out in ((done.folder, "a"), (folder, "b")):
        order = Order(source, tmp_path / out, date(2026, 3, 1))
        summary = run(order, engine.studies, engine.terminology, engine.settings)
        assert summary.complete
    for name in ("matches.parquet", "screening-log.csv", "attrition.parquet", "candidates.ndjson"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
