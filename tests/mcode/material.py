"""What the tests of getClinicalTrial are made with: Bundles as its clients send them, and how they read an answer."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from trialmatch.demo import hospital_path

Json = dict[str, Any]

PATH = "/getClinicalTrial"
MISSING, LIKELY = "lupus-missing-01", "lupus-likely-01"


def bundle(patient: str, *parameters: Json, **texts: str) -> Json:
    """A demo patient as the clients send one: no ids but the Patient's, subjects ``urn:uuid:``, Parameters first."""
    resources = []
    for file in sorted(hospital_path().glob("*.ndjson")):
        for line in file.read_text("utf-8").splitlines():
            resource = json.loads(line)
            if f'"Patient/{patient}"' in line or resource["resourceType"] == "Medication":
                resources.append(json.loads(line.replace(f'"Patient/{patient}"', f'"urn:uuid:{patient}"')))
            elif resource["resourceType"] == "Patient" and resource["id"] == patient:
                resources.insert(0, resource)
    for resource in resources[1:]:
        if resource["resourceType"] != "Medication":
            del resource["id"]
    given = [*parameters, *({"name": name, "valueString": value} for name, value in texts.items())]
    first: Json = {"resourceType": "Parameters", "id": "0", "parameter": given}
    entries = [{"resource": first}, {"resource": resources[0], "fullUrl": f"urn:uuid:{patient}"}]
    entries += [{"resource": one} for one in resources[1:]]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


class WouldCrash(AssertionError):
    """A client would fail on the study."""


def read_by_client(entry: Json) -> Json:
    """What the application makes of an entry, with all that it takes for granted (tried on its own code, 2024-12)."""
    study = entry["resource"]
    contained = {f"#{one['id']}": one for one in study.get("contained", ())}

    def text(concept: Json) -> str:
        if not isinstance(concept.get("text"), str):
            raise WouldCrash(f"a concept without text: {concept}")
        return str(concept["text"])

    identifiers = study.get("identifier") or [{}]
    if "value" not in identifiers[0]:
        raise WouldCrash("identifier[0] without value")
    for enrolled in study.get("enrollment", ())[:1]:
        if not isinstance(enrolled.get("display"), str):
            raise WouldCrash("enrollment[0] without display")
    for site in study.get("site", ()):
        if not isinstance(site.get("reference"), str):
            raise WouldCrash("a site without reference")
    for name in ("start", "end"):
        day = study.get("period", {}).get(name)
        if day is not None:
            datetime.fromisoformat(day if len(day) >= 10 else f"{day}-01-01"[:10])
    arms = {arm["name"]: [] for arm in study.get("arm", ())}
    for reference in study.get("protocol", ()):
        plan = contained[reference["reference"]]
        subject = plan.get("subjectCodeableConcept", {}).get("text")
        if subject is not None:
            arms[subject].append(plan.get("title"))  # a KeyError is the crash of the older client
    categories = [text(one).partition("Study Type: ")[2] for one in study.get("category", ())]
    score = entry["search"]["score"]
    return {
        "id": identifiers[0]["value"],
        "status": study["status"],
        "type": next(filter(None, categories), "Unknown Study Type"),
        "phase": study.get("phase", {}).get("text", "Unknown Trial Phase"),
        "conditions": [text(one) for one in study.get("condition", ())],
        "keywords": [text(one).replace("_", " ") for one in study.get("keyword", ())],
        "likelihood": "high" if score >= 0.75 else "possible" if score >= 0.01 else "none",
        "sponsor": contained.get(study.get("sponsor", {}).get("reference"), {}).get("name"),
        "sites": [contained[one["reference"]].get("name") for one in study.get("site", ())],
        "eligibility": (study.get("enrollment") or [{}])[0].get("display"),
        "arms": arms,
    }


def is_shown(read: Json) -> bool:
    """Whether the application shows a study at all."""
    return read["status"] == "active" and read["type"].lower() == "interventional"
