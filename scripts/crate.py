"""Export the provenance records of a scale as a Provenance Run Crate (RO-Crate 1.1).

    python scripts/crate.py --scale paper --output crate/paper

The crate is a folder with the workflow, its code and configuration, every file that is here and was
made, and `ro-crate-metadata.json`, which describes each job by the terms of the profile
https://w3id.org/ro/wfrun/provenance/0.5: what it read, its parameters, what it made, when. Files
that are not copied (the data sets, or results in a clone that has none) stand in it by their
sha256, as ni: addresses (RFC 6920).
"""

import base64
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

import yaml
from rocrate.model.computerlanguage import get_lang
from rocrate.model.contextentity import ContextEntity
from rocrate.model.data_entity import DataEntity
from rocrate.model.entity import Entity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from provenance.files import digest
from provenance.history import History
from provenance.record import RecordError, script_of
from provenance.verify import real_recipe, settings, text
from workflow.asked import SCALES, place_of
from workflow.command_line import Parser

ROOT = Path(__file__).resolve().parents[1]
METADATA = "ro-crate-metadata.json"
WORKFLOW = "Snakefile"
LOCK = "envs/requirements.lock"
SOURCES = ["README.md", "LICENSE", "CITATION.cff", "config.yaml", "schemas/config.schema.json"]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
BIOSCHEMAS = "https://bioschemas.org/profiles"
LICENCES = {"MIT": ("https://spdx.org/licenses/MIT", "MIT License")}
PRONOM = "https://www.nationalarchives.gov.uk/PRONOM"
FORMATS = {  # of a file by its ending: media type, and where the format is described
    ".csv": ("text/csv", f"{PRONOM}/x-fmt/18"),
    ".svg": ("image/svg+xml", f"{PRONOM}/fmt/92"),
    ".png": ("image/png", f"{PRONOM}/fmt/13"),
    ".pdf": ("application/pdf", f"{PRONOM}/fmt/18"),
    ".json": ("application/json", f"{PRONOM}/fmt/817"),
    ".gz": ("application/gzip", f"{PRONOM}/x-fmt/266"),
    ".py": ("text/x-python", f"{PRONOM}/fmt/938"),
    ".md": ("text/markdown", f"{PRONOM}/fmt/1149"),
    ".yaml": ("application/yaml", f"{PRONOM}/fmt/818"),
    ".cff": ("application/yaml", f"{PRONOM}/fmt/818"),
    ".npy": (
        "application/octet-stream",
        "https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html",
    ),
    ".npz": ("application/zip", f"{PRONOM}/x-fmt/263"),
    ".idx": ("application/octet-stream", "http://yann.lecun.com/exdb/mnist/"),
}
PLAIN = ("text/plain", f"{PRONOM}/x-fmt/111")
COMPLETED = "http://schema.org/CompletedActionStatus"


class Exporter:
    """Puts the records of a scale into a crate; what several of them share is added once."""

    def __init__(self, history: History, scale: str, agent: str | None = None):
        self.history, self.scale = history, scale
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_contexts.append(TERMS)
        self.citation = yaml.safe_load((history.root / "CITATION.cff").read_text())
        # The repository's address, for what should have one, as soon as CITATION.cff tells it.
        code = self.citation.get("repository-code")
        self.address = {"url": code} if code else {}
        address, name = LICENCES[self.citation["license"]]
        self.licence = self.entity(address, "CreativeWork", name=name, url=address)
        self.authors = [
            self.entity(f"#{author['name']}", "Organization", name=author["name"], **self.address)
            for author in self.citation["authors"]
        ]
        self.agent = self.entity(f"#{agent}", "Person", name=agent) if agent else self.authors[0]
        self.examples: dict[Entity, set[str]] = {}  # of which formal parameters a file is a value
        self.steps: dict[str, Entity] = {}  # the tool of each rule

    def export(self) -> ROCrate:
        """Return the crate of all records of the scale; raise RecordError if there are none."""
        records = self.history.records
        ends = [path for path in records if place_of(first(records[path])) == ("", self.scale)]
        if not ends:
            raise RecordError(f"no records at {self.scale} scale: run `make figures` first")
        paths = list(dict.fromkeys(path for end in ends for path in self.history.behind(end)))
        for path in paths:  # first, since a rule's script may also be a module of another one's
            self._tool(records[path]["made"])
        actions = [self._action(path) for path in paths]
        self._workflow(paths, actions)
        self._root(paths)
        for file, parameters in self.examples.items():
            file["exampleOfWork"] = [{"@id": parameter} for parameter in sorted(parameters)]
        for entity in self.crate.get_entities():
            for name, value in list(entity.items()):
                if not name.startswith("@") and isinstance(value, list) and len(value) == 1:
                    entity[name] = value[0]  # as RO-Crate has it
        return self.crate

    def entity(self, identifier: str, kind: str, /, **properties: object) -> Entity:
        """Return the contextual entity of this name, which is added if it is not there yet."""
        identifier = quote(identifier, safe="#:/=,")
        known = self.crate.dereference(identifier)
        return known or self.crate.add(
            ContextEntity(self.crate, identifier, {"@type": kind} | properties)
        )

    def sha256(self, path: str) -> str:
        """Return the sha256 of a file's bytes; raise RecordError if it is not there."""
        found = self.history.sha256(path)
        if found is None:
            raise RecordError(f"{path}: no such file")
        return found

    def file(self, path: str, sha256: str | None = None, **properties: object) -> Entity:
        """Return the data entity of a file, which is added if it is not there yet.

        It is copied if it is here and its bytes are the recorded ones, but for data sets.
        """
        found = self.history.sha256(path)
        copied = not path.startswith("data/") and found is not None and sha256 in (None, found)
        sha256 = sha256 or self.sha256(path)
        identifier = path if copied else named(sha256)
        if known := self.crate.dereference(identifier):
            return known
        kind, described = FORMATS.get(Path(path).suffix, PLAIN)
        self.entity(
            described, "WebSite", name=f"Format of {Path(path).suffix or 'plain text'} files"
        )
        properties = {
            "@type": "File",
            "name": path,
            "sha256": sha256,
            "encodingFormat": [kind, {"@id": described}],
            **properties,
        }
        if (self.history.root / path).exists():
            properties["contentSize"] = str((self.history.root / path).stat().st_size)
        if copied:
            return self.crate.add(
                File(self.crate, self.history.root / path, path, properties=properties)
            )
        return self.crate.add(DataEntity(self.crate, identifier, properties))

    def parameter(self, rule: str, name: str, kind: str) -> Entity:
        """Return the formal parameter of a rule."""
        return self.entity(
            f"#{rule}/{name}",
            "FormalParameter",
            name=name,
            additionalType=kind,
            conformsTo={"@id": f"{BIOSCHEMAS}/FormalParameter/1.0-RELEASE"},
        )

    def files(self, hashes: dict[str, str], *parameters: Entity) -> list[Entity]:
        """Return the data entities of files, noted as examples of formal parameters."""
        found = [self.file(path, sha256) for path, sha256 in sorted(hashes.items())]
        for file in found:
            self.examples.setdefault(file, set()).update(parameter.id for parameter in parameters)
        return found

    def _action(self, path: str) -> Entity:
        """Return the action of one job, with its step and its tool.

        The inputs of a tool are those of all jobs that run it.
        """
        made = self.history.records[path]
        how = real_recipe(made)
        rule, when = how["rule"], made["made"]
        values = settings(how)
        formal = {name: self.parameter(rule, name, "Text") for name in values}
        read = [self.parameter(rule, "files-read", "File")] if made["inputs"] else []
        written = self.parameter(rule, "files-made", "File")
        tool = self._tool(when)
        for name, new in (("input", [*formal.values(), *read]), ("output", [written])):
            known = tool.get(name, [])
            tool[name] = known + [parameter for parameter in new if parameter not in known]
        self.steps.setdefault(rule, tool)
        given = [
            self.entity(
                f"#{rule}/{name}={text(values[name])}",
                "PropertyValue",
                name=name,
                value=text(values[name]),
                exampleOfWork=parameter,
            )
            for name, parameter in formal.items()
        ]
        record = self.file(path) if (self.history.root / path).exists() else None
        return self.entity(
            f"#{made['id']}",
            "CreateAction",
            name=f"{rule}: {', '.join(sorted(made['outputs']))}",
            description=shlex.join(when["command"]),
            identifier=f"sha256:{made['id']}",
            instrument=tool,
            object=given
            + self.files(made["inputs"], *read)
            + [self.file(name, hash) for name, hash in sorted(when["sources"].items())],
            result=self.files(made["outputs"], written),
            startTime=when["start"],
            endTime=when["end"],
            actionStatus=COMPLETED,
            agent=self.agent,
            environment=self._environment(how, when),
            **({"subjectOf": record} if record else {}),
        )

    def _tool(self, when: dict) -> Entity:
        """Return the script that a job runs, or the program of the system."""
        if script := script_of(when["command"]):
            return self._script(script, when["sources"][script])
        program = when["command"][0]
        return self.entity(f"#{program}", "SoftwareApplication", name=program)

    def _script(self, script: str, sha256: str) -> Entity:
        return self.file(
            script,
            sha256,
            **{"@type": ["File", "SoftwareSourceCode"]},
            version=sha256[:12],
            programmingLanguage=self.entity(
                "https://www.python.org",
                "ComputerLanguage",
                name="Python",
                url="https://www.python.org",
            ),
            **self.address,
        )

    def _environment(self, how: dict, when: dict) -> list[Entity]:
        packages = (f"{name} {version}" for name, version in how.get("packages", {}).items())
        facts = {
            "python": when["python"],
            "platform": when["platform"],
            "packages": ", ".join(packages),
            **how.get("arithmetic", {}),
            "host": when["host"],
            "cpu": when["cpu"],
            "commit": f"{when['commit']}{' with changes' * bool(when['dirty'])}",
        }
        return [
            self.entity(
                f"#environment/{name}={digest(value)[:12]}", "PropertyValue", name=name, value=value
            )
            for name, value in facts.items()
            if value
        ]

    def _workflow(self, paths: list[str], actions: list[Entity]) -> None:
        """Add the workflow with its steps, its run as a whole, and what controlled each job."""
        records = [self.history.records[path] for path in paths]
        language = self.crate.add(get_lang(self.crate, "snakemake"))
        asked, shown = (
            self.parameter("workflow", "configuration", "File"),
            self.parameter("workflow", "results", "File"),
        )
        steps = {
            rule: self.entity(
                f"{WORKFLOW}#{rule}",
                "HowToStep",
                name=rule,
                position=str(position),
                workExample=tool,
            )
            for position, (rule, tool) in enumerate(self.steps.items(), 1)
        }
        version = self.sha256(WORKFLOW)
        workflow = self.file(
            WORKFLOW,
            version,
            **{"@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]},
            programmingLanguage=language,
            conformsTo={"@id": f"{BIOSCHEMAS}/ComputationalWorkflow/1.0-RELEASE"},
            version=version[:12],
            hasPart=list(dict.fromkeys(self.steps.values())),
            step=list(steps.values()),
            input=[asked],
            output=[shown],
            softwareRequirements=self.file(LOCK),
            license={"@id": self.licence.id},
            **self.address,
        )
        self.crate.mainEntity = workflow
        shared = {"agent": self.agent, "actionStatus": COMPLETED}
        span = {
            "startTime": min(made["made"]["start"] for made in records),
            "endTime": max(made["made"]["end"] for made in records),
        }
        ends = {
            file: hash
            for made in records
            if place_of(first(made)) == ("", self.scale)
            for file, hash in made["outputs"].items()
            if file.startswith("figures/") or Path(file).parent == Path("results", self.scale)
        }
        run = self.entity(
            f"#run-{self.scale}",
            "CreateAction",
            name=f"All figures at {self.scale} scale",
            description=f"snakemake --config scale={self.scale}",
            instrument=workflow,
            object=self.files({"config.yaml": self.sha256("config.yaml")}, asked),
            result=self.files(ends, shown),
            **shared,
            **span,
        )
        controls = [
            self.entity(
                f"#control-{made['id']}",
                "ControlAction",
                name=f"Job of {action['name']}",
                instrument=steps[made["recipe"]["rule"]],
                object=action,
                actionStatus=COMPLETED,
            )
            for made, action in zip(records, actions, strict=True)
        ]
        engine = self.entity(
            "https://snakemake.github.io",
            "SoftwareApplication",
            name="Snakemake",
            url="https://snakemake.github.io",
            softwareVersion=pinned(self.history.root / LOCK, "snakemake"),
        )
        self.entity(
            f"#engine-{self.scale}",
            "OrganizeAction",
            name="Snakemake's run of all jobs",
            instrument=engine,
            object=controls,
            result=run,
            **shared,
            **span,
        )
        self.crate.root_dataset["mentions"] = [run, *actions]

    def _root(self, paths: list[str]) -> None:
        """Describe the crate as a whole: title, paper, licence, authors, profiles."""
        root, paper = self.crate.root_dataset, self.citation["preferred-citation"]
        people = [
            self.entity(f"#{name}", "Person", name=name)
            for name in (f"{who['given-names']} {who['family-names']}" for who in paper["authors"])
        ]
        article = self.entity(
            f"https://doi.org/{paper['doi']}",
            "ScholarlyArticle",
            name=paper["title"],
            author=people,
            datePublished=str(paper["year"]),
            isPartOf=f"{paper['journal']} {paper['volume']}({paper['issue']}), {paper['start']}",
        )
        description = f"{self.citation['title']}; {self.scale} scale, {len(paths)} jobs"
        properties = {
            "name": self.citation["title"],
            "description": description,
            "datePublished": self.crate.dereference(f"#run-{self.scale}")["endTime"],
            "license": self.licence,
            "author": self.authors,
            "publisher": self.authors[0],
            "citation": article,
            "conformsTo": [
                self.entity(profile, "CreativeWork", name=name, version=profile.rpartition("/")[2])
                for profile, name in PROFILES.items()
            ],
        }
        for name, value in properties.items():
            root[name] = value
        self.crate.metadata["conformsTo"] = [
            {"@id": "https://w3id.org/ro/crate/1.1"},
            {"@id": list(PROFILES)[-1]},
        ]
        for path in SOURCES:
            self.file(path)
        readme = self.crate.dereference("README.md")
        readme["about"] = root


def first(made: dict) -> str:
    """Return the first output of a record."""
    return next(iter(made["outputs"]))


def named(sha256: str) -> str:
    """Return the address of a content by its sha256 (RFC 6920)."""
    name = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
    return f"ni:///sha-256;{name}"


def pinned(lock: Path, package: str) -> str:
    """Return the version of a package in a lock file; raise RecordError if it is not there."""
    found = re.search(rf"^{package}==(\S+)", lock.read_text(), re.MULTILINE)
    if not found:
        raise RecordError(f"{lock}: it does not pin {package}")
    return found[1]


def main() -> None:
    parser = Parser("crate", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="paper")
    parser.add_argument(
        "--output", type=Path, required=True, help="its folder; a crate is replaced"
    )
    parser.add_argument("--agent", help="who ran it (default: the authors of the code)")
    arguments = parser.parse_args()
    if arguments.output.exists() and not (arguments.output / METADATA).is_file():
        sys.exit(f"crate: {arguments.output}: it is there and no crate: name another folder")
    partial = arguments.output.with_name(f".{arguments.output.name}.{os.getpid()}.partial")
    try:
        Exporter(History(ROOT), arguments.scale, arguments.agent).export().write(partial)
        shutil.rmtree(arguments.output, ignore_errors=True)
        partial.rename(arguments.output)
    except OSError as error:
        why = f"{error.strerror}: {error.filename}"
        sys.exit(f"crate: {arguments.output}: no crate can be written here: {why}")
    except RecordError as error:
        sys.exit(f"crate: {error}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)


if __name__ == "__main__":
    main()
