"""The exported crate: valid by its profile, readable for others, complete."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import rocrate
from requests.adapters import HTTPAdapter
from rocrate_validator import services
from rocrate_validator.models import Severity
from runcrate.report import dump_crate_actions

from crate import Exporter
from provenance import record
from provenance.files import sha256
from provenance.history import History
from provenance.record import RecordError

# The terms of RO-Crate 1.3 come with the package rocrate. Of those that are used here, few were
# others in 1.1; a vocabulary of its own has the terms of workflow runs.
RO_CRATE = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
WORKFLOW = "https://bioschemas.org/ComputationalWorkflow"
EARLIER = {
    "ComputationalWorkflow": WORKFLOW,
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": f"{WORKFLOW}#input",
    "output": f"{WORKFLOW}#output",
}
RUNS = "https://w3id.org/ro/terms/workflow-run"
CONTEXTS = {
    "https://w3id.org/ro/crate/1.1/context": json.loads(RO_CRATE.read_text())["@context"] | EARLIER,
    f"{RUNS}/context": {term: f"{RUNS}#{term}" for term in ("environment", "sha256")},
}


@pytest.fixture(scope="module")
def crate(built):
    folder = built.root / "crate/smoke"
    command = [sys.executable, "scripts/crate.py", "--scale", "smoke", "--output", str(folder)]
    subprocess.run(command, cwd=built.root, check=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def entities(crate):
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    return {entity["@id"]: entity for entity in graph}


@pytest.fixture
def offline(monkeypatch):
    """Answer what the validator asks for; whatever else is asked for fails."""

    def send(self, request, **options):
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, request.url
        response.headers["Content-Type"] = "application/ld+json"
        content = json.dumps({"@context": CONTEXTS[request.url]})
        response.raw = io.BytesIO(content.encode())
        return response

    monkeypatch.setattr(HTTPAdapter, "send", send)


PROFILES = ("provenance-run-crate-0.5", "workflow-ro-crate-1.0")


def problems(crate, severity, profile=PROFILES[0]):
    """What the validator finds by a profile, at this severity and above."""
    settings = services.ValidationSettings(
        rocrate_uri=str(crate),
        profile_identifier=profile,
        requirement_severity=severity,
        no_cache=True,
    )
    return services.validate(settings).get_issues()


# What remains of the recommendations: an address of the code, which CITATION.cff does not know yet,
# affiliations, and files that are named by their sha256 alone.
KNOWN = (
    "The Application SHOULD have a url",
    "The SoftwareApplication id SHOULD be an absolute URI",
    "The SoftwareApplication SHOULD have a version or softwareVersion",
    "The author SHOULD have ",
    "The organization SHOULD have a URL",
    "Web-based Data Entity ni:///",
)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_crate_is_valid_by_its_profiles(crate, offline, profile):
    found = problems(crate, Severity.RECOMMENDED, profile)
    assert [issue.message for issue in found if issue.severity >= Severity.REQUIRED] == []
    assert [issue.message for issue in found if not issue.message.startswith(KNOWN)] == []


def test_a_missing_property_is_noticed(crate, tmp_path, offline):
    shutil.copytree(crate, tmp_path / "crate")
    path = tmp_path / "crate/ro-crate-metadata.json"
    path.write_text(path.read_text().replace('"instrument"', '"tool"'))
    assert problems(tmp_path / "crate", Severity.REQUIRED)


def test_others_read_every_job(crate, built):
    text = io.StringIO()
    dump_crate_actions(str(crate), text)
    jobs = [path for path in History(built.root).here if "paper" not in path]
    assert text.getvalue().count("action: ") == len(jobs) + 1  # and the whole run
    assert "scripts/train.py" in text.getvalue()


def test_an_action_tells_what_the_record_tells(crate, entities, built):
    made = record.read(built.root / "results/smoke/runs/backprop-width50.record.json")
    action = entities[f"#{made['id']}"]
    assert (action["startTime"], action["endTime"]) == (made["made"]["start"], made["made"]["end"])
    given = [entities[part["@id"]] for part in action["object"]]
    values = {part["name"]: part["value"] for part in given if part["@type"] == "PropertyValue"}
    assert values["width"] == "50" and values["seed"] == "0 1"
    hashes = {part["name"]: part["sha256"] for part in given if "sha256" in part}
    assert hashes == made["inputs"] | made["made"]["sources"]
    assert action["result"] == {"@id": "results/smoke/runs/backprop-width50.csv"}


def test_files_are_there_with_their_hashes(crate, entities):
    files = [entity for entity in entities.values() if "sha256" in entity]
    copied = [file for file in files if not file["@id"].startswith("ni:")]
    assert "figures/smoke/energy_vs_width.svg" in {file["@id"] for file in copied}
    for file in copied:
        assert sha256(crate / file["@id"]) == file["sha256"]


def test_paper_licence_and_authors(entities):
    root = entities["./"]
    assert root["citation"] == {"@id": "https://doi.org/10.1371/journal.pcbi.1012553"}
    assert root["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert entities[root["author"]["@id"]]["name"] == "The project's authors"


# Records that were forged

ROOT = Path(__file__).parents[2]


@pytest.fixture
def exporter(tmp_path):
    """The exporter of a project that holds hardly anything, with a file beside it."""
    root = tmp_path / "project"
    root.mkdir()
    shutil.copy(ROOT / "CITATION.cff", root)
    (tmp_path / "secret.csv").write_text("secret")
    return Exporter(History(root), "smoke")


@pytest.mark.parametrize("path", ["../secret.csv", "results/../../secret.csv", "{0}/secret.csv"])
def test_a_path_that_leads_out_of_the_project_is_refused(exporter, tmp_path, path):
    path = path.format(tmp_path)
    with pytest.raises(RecordError) as refusal:
        exporter.file(path)
    assert str(refusal.value) == f"{path}: not a path in the project, but in one of its records"


@pytest.mark.parametrize("link", ["results", "results/smoke"])
def test_what_a_link_leads_to_outside_is_described_but_not_copied(exporter, tmp_path, link):
    root = tmp_path / "project"
    (root / link).parent.mkdir(exist_ok=True)
    (root / link).symlink_to(tmp_path)
    file = exporter.file(f"{link}/secret.csv")
    assert file.id.startswith("ni:///sha-256;") and file["sha256"] == sha256(
        tmp_path / "secret.csv"
    )
    exporter.crate.write(tmp_path / "crate")
    assert not list((tmp_path / "crate").rglob("secret.csv"))
