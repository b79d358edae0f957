"""What the page for operators says of the database is so."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

from tests.web.world import LIKELY, app_of, hospital_served

PAGE = Path(__file__).parents[2] / "docs" / "running.md"


def test_who_looked_at_a_patient_is_found_as_it_says(tmp_path: Path) -> None:
    """One read of the patient, one of nobody's, and a study: the first is found."""
    (query,) = re.findall(r"```sql\n(.*?)\n```", PAGE.read_text("utf-8"))
    with hospital_served() as url, app_of(tmp_path, fhir_server=url).test_client() as client:
        for path in (f"patients/{LIKELY}/matches", "patients/nobody/matches", "studies"):
            client.get(f"/api/v1/{path}")
    found = sqlite3.connect(tmp_path / "store.sqlite").execute(query.replace("'ID'", f"'{LIKELY}'")).fetchall()
    events = [json.loads(event) for (event,) in found]
    assert [event["resourceType"] for event in events] == ["AuditEvent"]
    assert events[0]["entity"][0]["what"] == {"reference": f"Patient/{LIKELY}"}
