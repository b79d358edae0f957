"""How Observations are asked for: by code where the server can, otherwise in the next best way, and what that means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from urllib.parse import unquote

import pytest
from trialmatch.config import BASE
from trialmatch.fhir.hospital.server import fetch
from trialmatch.fhir.patient.needs import Needs
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.study.studies import Definition
from trialmatch.usecases.match import Answer, Engine, Question, match_patient

from tests.harness import NOW, flat, study_bundle
from tests.hospital import faults
from tests.hospital.conftest import Start, known, settings
from tests.hospital.material import ALT, LOINC, observation, patient
from tests.hospital.server import Hospital, Json

AST = "1920-8"
CONCEPT = f"{BASE}/CodeSystem/concept"

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
LABORATORY = [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}]
#: An ALT of its own, an AST inside a panel nobody needs, a heart rate nobody needs, an ALT without a category.
PANEL = observation(
    "panel",
    "24325-3",
    category=LABORATORY,
    component=[
        {
            "code": {"coding": [{"system": LOINC, "code": AST}]},
            "valueQuantity": {"value": 30, "unit": "U/L", "system": "http://unitsofmeasure.org", "code": "U/L"},
        }
    ],
)
del PANEL["valueQuantity"]
RESULTS = [observation("alt", category=LABORATORY), PANEL, observation("rate", "8867-4"), observation("bare")]


def limit(concept: str, most: int = 100, **more) -> Json:
    """A characteristic: the latest result of a concept is at most so many U/L."""
    quantity = {"value": most, "comparator": "<=", "system": "http://unitsofmeasure.org", "code": "U/L"}
    definition = {"type": {"coding": [{"system": CONCEPT, "code": concept}]}, "valueQuantity": quantity}
    return {"linkId": concept, "definitionByTypeAndValue": definition, **more}


@pytest.fixture(scope="module")
def liver() -> Engine:
    """A study that looks at ALT and AST."""
    return engine_of(limit("alt"), limit("ast"))


def engine_of(*characteristics: Json, **changes) -> Engine:
    bundle = study_bundle(list(characteristics))
    return Engine.of([Definition("study", entry["resource"]) for entry in bundle["entry"]], settings(**changes))


def ids(records: Records) -> set[str]:
    return {record.resource["id"] for record in records.by_type.get("Observation", ())}


def searched(hospital: Hospital) -> list[set[str]]:
    """The parameters of each search for Observations, without those that every search has."""
    common = {"patient", "_sort", "_count"}
    return [{name for name, _ in one.params} - common for one in hospital.asked("Observation")]


def answered(engine: Engine, records: Records) -> Answer:
    return match_patient(engine, records, "p", Question(date(2026, 3, 1), everything=True), "here")


def items(answer: Answer) -> dict[str, Json]:
    return flat(answer.document(NOW)["matches"][0]["items"])


# --- the ways, from the best on


def test_by_code_wherever_it_stands(liver: Engine, start: Start) -> None:
    hospital = start([patient(), *RESULTS])
    records = fetch(hospital.url, "p", settings(), liver.needs())
    assert ids(records) == {"alt", "bare", "panel"}
    assert searched(hospital) == [{"combo-code"}]
    source = records.source("Observation")
    assert (source.state, source.truncated, source.narrowed) == ("complete", False, False)


#: Parameters that the server lacks, whether it gives all Observations → those it is asked with in the end, what comes,
#: state, truncated, narrowed.
LADDER = {
    "by two": ({"combo-code"}, False, [{"code"}, {"component-code"}], {"alt", "bare", "panel"}, "complete"),
    "all": ({"combo-code", "component-code"}, False, [set()], {"alt", "bare", "panel", "rate"}, "complete"),
    "by category": ({"combo-code", "component-code"}, True, [{"category"}], {"alt", "panel"}, "partial"),
    "by code alone": ({"combo-code", "component-code", "category"}, True, [{"code"}], {"alt", "bare"}, "partial"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LADDER))
def test_a_server_that_refuses_parameters(liver: Engine, start: Start, name: str) -> None:
    lacks, needs_code, asked, came, state = LADDER[name]
    hospital = start([patient(), *RESULTS], lacks=frozenset(lacks), strict=True, needs_code=needs_code, release=None)
    records = fetch(hospital.url, "p", settings(), liver.needs())
    source = records.source("Observation")
    assert (ids(records), source.state) == (came, state)
    assert source.truncated is (name == "by code alone")
    assert sorted(searched(hospital)[-len(asked) :], key=sorted) == asked
    assert source.detail
    hospital.log.clear()
    again = fetch(hospital.url, "p", settings(), liver.needs())
    assert (ids(again), again.source("Observation").state) == (came, state)
    assert sorted(searched(hospital), key=sorted) == asked  # what was refused is remembered


def test_a_result_that_may_be_inside_a_panel_decides_nothing(liver: Engine, start: Start) -> None:
    """By code alone, the newest AST may have been missed: not “no result”, and what was found may not be the newest."""
    lacks = frozenset({"combo-code", "component-code", "category"})
    hospital = start([patient(), *RESULTS], lacks=lacks, strict=True, needs_code=True)
    found = items(answered(liver, fetch(hospital.url, "p", settings(), liver.needs())))
    assert {one["basis"] for one in found.values()} == {"source-failed"}


def test_a_server_that_ignores_parameters(liver: Engine, start: Start) -> None:
    """More comes than was asked for; the facts are the same."""
    lacks = frozenset({"combo-code", "_sort", "_count", "_include"})
    hospital = start([patient(), *RESULTS], lacks=lacks)
    records = fetch(hospital.url, "p", settings(), liver.needs())
    assert ids(records) == {"alt", "bare", "panel", "rate"}
    assert {one["status"] for one in items(answered(liver, records)).values()} == {"met"}


@pytest.mark.parametrize("extra", ["_sort", "_count"])
def test_a_server_that_refuses_an_extra(liver: Engine, start: Start, extra: str) -> None:
    hospital = start([patient(), *RESULTS], lacks=frozenset({extra}), strict=True, page=1)
    records = fetch(hospital.url, "p", settings(), liver.needs())
    assert ids(records) == {"alt", "bare", "panel"}
    assert {one.state for one in records.sources.values() if one.asked} == {"complete"}
    assert searched(hospital)[-1] == {"combo-code", "page"}


def test_a_server_that_does_not_say_what_it_refuses(liver: Engine, start: Start) -> None:
    """First without the extras, then the next way."""
    fault = [faults.status(400), faults.status(400)]
    hospital = start([patient(), *RESULTS], faults={"Observation": fault}, release=None)
    records = fetch(hospital.url, "p", settings(), liver.needs())
    assert ids(records) == {"alt", "bare", "panel"}
    first, second, *last = ({name for name, _ in one.params} for one in hospital.asked("Observation"))
    assert first == {"patient", "combo-code", "_sort", "_count"}
    assert second == {"patient", "combo-code"}
    assert sorted(map(sorted, last)) == [["code", "patient"], ["component-code", "patient"]]


def test_what_a_server_refuses_altogether_is_not_remembered(liver: Engine, start: Start) -> None:
    """A patient whose searches all fail with 400 says nothing about parameters."""
    hospital = start([patient(), *RESULTS], faults={"Observation": faults.status(400)}, release=None)
    source = fetch(hospital.url, "p", settings(), liver.needs()).source("Observation")
    assert (source.state, source.detail) == ("failed", "it does not understand the request (400)")
    hospital.faults.clear()
    hospital.log.clear()
    assert fetch(hospital.url, "p", settings(), liver.needs()).source("Observation").state == "complete"
    assert searched(hospital) == [{"combo-code"}]


def test_a_server_that_declares_its_parameters(liver: Engine, start: Start) -> None:
    """Once its CapabilityStatement is there, it is not asked for what it does not list."""
    declares = frozenset({"patient", "code", "category"})
    hospital = start([patient(), *RESULTS], declares=declares, lacks=frozenset({"combo-code", "component-code"}))
    fetch(hospital.url, "p", settings(), liver.needs())
    known(hospital)
    hospital.log.clear()
    records = fetch(hospital.url, "p", settings(), liver.needs())
    assert searched(hospital) == [set()]
    assert ids(records) == {"alt", "bare", "panel", "rate"}


def test_a_server_that_searches_by_subject(liver: Engine, start: Start) -> None:
    hospital = start([patient(), *RESULTS], declares=frozenset({"subject", "combo-code"}))
    fetch(hospital.url, "p", settings(), liver.needs())
    known(hospital)
    hospital.log.clear()
    assert ids(fetch(hospital.url, "p", settings(), liver.needs())) == {"alt", "bare", "panel"}
    assert searched(hospital) == [{"subject", "combo-code"}]


# --- settings


def test_a_site_may_ask_for_all(liver: Engine, start: Start) -> None:
    hospital = start([patient(), *RESULTS])
    records = fetch(hospital.url, "p", settings(fhir_observations="all"), liver.needs())
    assert ids(records) == {"alt", "bare", "panel", "rate"}
    assert records.source("Observation").detail is None


def test_a_site_whose_words_count_asks_for_all(start: Start) -> None:
    """With text = accept a result without a code is a result, which no search by code finds."""
    worded = observation("words", value=30)
    worded["code"] = {"text": "Alanine aminotransferase"}
    hospital = start([patient(), worded])
    engine = engine_of(limit("alt"), text="accept")
    found = items(answered(engine, fetch(hospital.url, "p", engine.settings, engine.needs())))
    assert found["alt"]["status"] == "met"


@pytest.mark.parametrize("length", [200, 400, 1800])
def test_long_lists_of_codes_are_split(engine: Engine, start: Start, length: int) -> None:
    hospital = start([patient(), *RESULTS])
    needs = engine.needs()
    fetch(hospital.url, "p", settings(fhir_url_length=length), needs)
    lists = [one.values("combo-code") for one in hospital.asked("Observation") if one.values("combo-code")]
    asked = [code for (listed,) in lists for code in listed.split(",")]
    assert len(asked) == len(set(asked))
    assert set(asked) == {code for _, code in needs.codes or ()}
    sizes = [len(url) for url in urls_of(hospital)]
    assert max(sizes) <= length
    assert len(lists) == 1 if length == 1800 else len(lists) > 4


def urls_of(hospital: Hospital) -> Iterator[str]:
    """The URLs of searches by code as they were sent (parameters encode to at least their length)."""
    for one in hospital.asked("Observation"):
        if one.values("combo-code"):
            query = "&".join(f"{name}={value}" for name, value in one.params)
            yield unquote(f"{hospital.url}/Observation?{query}")


def test_results_of_several_searches_come_together(liver: Engine, start: Start) -> None:
    hospital = start([patient(), *RESULTS])
    records = fetch(hospital.url, "p", settings(fhir_url_length=110), liver.needs())
    assert len(hospital.asked("Observation")) > 1
    assert ids(records) == {"alt", "bare", "panel"}


def test_one_of_several_searches_fails(liver: Engine, start: Start) -> None:
    """What came is kept, and that something is missing is said."""
    hospital = start([patient(), *RESULTS], faults={"Observation": [faults.status(500)]})
    source = fetch(hospital.url, "p", settings(fhir_url_length=110), liver.needs()).source("Observation")
    assert (source.state, source.truncated) == ("partial", True)


def test_codes_with_signs_that_mean_something_to_a_search(start: Start) -> None:
    r"""A site's code ``a,b|c$d\e`` is one code (https://hl7.org/fhir/R4/search.html#escaping)."""
    hospital = start([patient()])
    needs = Needs(("Patient", "Observation"), frozenset({("urn:x", "a,b|c$d\\e")}))
    fetch(hospital.url, "p", settings(), needs)
    assert hospital.asked("Observation")[0].values("combo-code") == ["a\\,b\\|c\\$d\\\\e"]


# --- by POST


def test_a_site_may_keep_ids_and_codes_out_of_urls(engine: Engine, start: Start) -> None:
    hospital = start([patient(), *RESULTS])
    records = fetch(hospital.url, "p", settings(fhir_search="post", fhir_url_length=200), engine.needs())
    searches = [one for one in hospital.log if one.target not in ("Patient", "metadata")]
    assert {one.method for one in searches} == {"POST"}
    assert {one.path.split("/")[-1] for one in searches} == {"_search"}
    assert len([one for one in searches if one.values("combo-code")]) == 1
    assert {one.headers["Content-Type"] for one in searches} == {"application/x-www-form-urlencoded"}
    assert ids(records) == {"alt", "bare", "panel"}


def test_a_server_without_search_by_post(liver: Engine, start: Start) -> None:
    hospital = start([patient(), *RESULTS], posts=False)
    records = fetch(hospital.url, "p", settings(fhir_search="post"), liver.needs())
    assert ids(records) == {"alt", "bare", "panel"}
    assert {one.state for one in records.sources.values() if one.asked} == {"complete"}
    hospital.log.clear()
    fetch(hospital.url, "p", settings(fhir_search="post"), liver.needs())
    assert {one.method for one in hospital.log} == {"GET"}


# --- what only words say


@pytest.fixture(scope="module")
def silent() -> Engine:
    """A study that takes a missing ALT for one that is too high, and AST as usual."""
    absence = {"url": f"{BASE}/StructureDefinition/absence", "valueCode": "absent"}
    return engine_of(limit("alt", extension=[absence]), limit("ast"))


def worded(text: str) -> Json:
    result = observation("words", value=30)
    result["code"] = {"coding": [{"system": "urn:local", "code": "X1", "display": text}]}
    return result


def test_silence_decides_where_it_is_silence(silent: Engine, start: Start) -> None:
    found = items(answered(silent, fetch(start([patient()]).url, "p", settings(), silent.needs())))
    assert (found["alt"]["status"], found["alt"]["basis"]) == ("unmet", "no-record")


@pytest.mark.parametrize("name", ["ALT", "alanine aminotransferase"])
def test_words_break_the_silence(silent: Engine, start: Start, name: str) -> None:
    """As from files: a result that only its words call ALT keeps its absence from being certain."""
    hospital = start([patient(), worded(name)])
    records = fetch(hospital.url, "p", settings(), silent.needs())
    found = items(answered(silent, records))
    assert (found["alt"]["status"], found["alt"]["basis"]) == ("unknown", "unusable")
    assert {"combo-code:text"} in searched(hospital)


def test_a_server_that_cannot_search_words(silent: Engine, start: Start) -> None:
    """There might be words: the leaf is unknown, though nothing was found."""
    hospital = start([patient(), worded("ALT")], lacks=frozenset({"combo-code:text"}), strict=True)
    for _ in range(2):
        hospital.log.clear()
        records = fetch(hospital.url, "p", settings(), silent.needs())
        source = records.source("Observation")
        assert (source.state, source.narrowed) == ("complete", True)
        assert "only words name" in str(source.detail)
        found = items(answered(silent, records))
        assert (found["alt"]["status"], found["alt"]["basis"]) == ("unknown", "missing-data")
    assert searched(hospital) == [{"combo-code"}]


def test_a_search_of_words_that_fails_spoils_nothing_else(silent: Engine, start: Start) -> None:
    hospital = start([patient(), observation("alt"), observation("ast", AST)], lacks=frozenset({"combo-code:text"}))

    def only_words(page: Json) -> Json | None:
        return {"resourceType": "Basic"} if ":text" in str(page["link"]) else None

    hospital.faults["Observation"] = faults.changed(only_words)
    found = items(answered(silent, fetch(hospital.url, "p", settings(), silent.needs())))
    assert {one["status"] for one in found.values()} == {"met"}


def test_words_are_searched_only_where_silence_decides(liver: Engine, silent: Engine) -> None:
    assert liver.needs().words == frozenset()
    assert {"alt", "alanine"} <= silent.needs().words
    assert ("http://loinc.org", ALT) in (silent.needs().codes or ())


# --- servers that answer with nothing to what they do not know


def test_a_server_that_finds_nothing_by_words(silent: Engine, start: Start) -> None:
    """It does not find the AST by its own words, so that the silence about ALT's words proves nothing."""
    ast = observation("ast", AST)
    ast["code"]["text"] = "Aspartate transaminase"
    hospital = start([patient(), ast, worded("ALT")], deaf=frozenset({"combo-code:text"}))
    for _ in range(2):
        hospital.log.clear()
        records = fetch(hospital.url, "p", settings(), silent.needs())
        found = items(answered(silent, records))
        assert (found["alt"]["status"], found["alt"]["basis"]) == ("unknown", "missing-data")
        assert found["ast"]["status"] == "met"
    assert searched(hospital) == [{"combo-code"}]  # what is of no use is not asked again


def test_a_server_that_finds_by_words_is_believed_from_then_on(silent: Engine, start: Start) -> None:
    ast = observation("ast", AST)
    ast["code"]["text"] = "Aspartate transaminase"
    hospital = start([patient(), ast])
    for searches in (3, 2):  # the third tries the words of the AST
        hospital.log.clear()
        found = items(answered(silent, fetch(hospital.url, "p", settings(), silent.needs())))
        assert (found["alt"]["status"], found["alt"]["basis"]) == ("unmet", "no-record")
        assert len(hospital.asked("Observation")) == searches


def test_a_server_whose_search_by_words_cannot_be_tried(silent: Engine, start: Start) -> None:
    """There is no result with words to try it on: the leaf is unknown."""
    hospital = start([patient(), observation("ast", AST)])
    found = items(answered(silent, fetch(hospital.url, "p", settings(), silent.needs())))
    assert (found["alt"]["status"], found["alt"]["basis"]) == ("unknown", "missing-data")


def test_a_server_that_finds_nothing_by_code(liver: Engine, start: Start) -> None:
    """It has results of the patient and finds none by their own codes: asked for all, they come."""
    hospital = start([patient(), *RESULTS], deaf=frozenset({"combo-code", "code", "component-code"}), release=None)
    for _ in range(2):
        records = fetch(hospital.url, "p", settings(), liver.needs())
        assert ids(records) == {"alt", "bare", "panel", "rate"}
        assert records.source("Observation").state == "complete"
    assert searched(hospital)[-1] == set()


def test_a_patient_without_needed_results(liver: Engine, start: Start) -> None:
    """Nothing is found by code, but the heart rate is by its own: there is nothing needed. Tried once a server."""
    hospital = start([patient(), observation("rate", "8867-4")], release=None)
    for searches in (3, 1):
        hospital.log.clear()
        records = fetch(hospital.url, "p", settings(), liver.needs())
        assert ids(records) == set()
        assert records.source("Observation").state == "complete"
        assert len(hospital.asked("Observation")) == searches


def test_a_patient_without_any_results(liver: Engine, start: Start) -> None:
    hospital = start([patient()], release=None)
    records = fetch(hospital.url, "p", settings(), liver.needs())
    assert records.source("Observation").state == "complete"
    assert [one.values("_count") for one in hospital.asked("Observation")] == [["500"], ["1"]]


def test_a_patient_without_any_results_has_no_words_either(silent: Engine, start: Start) -> None:
    hospital = start([patient()], deaf=frozenset({"combo-code:text"}))
    found = items(answered(silent, fetch(hospital.url, "p", settings(), silent.needs())))
    assert (found["alt"]["status"], found["alt"]["basis"]) == ("unmet", "no-record")
