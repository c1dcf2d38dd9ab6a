"""Export the provenance records of a scale as a Provenance Run Crate (RO-Crate 1.1).

    python scripts/crate.py --scale paper --output crate/paper

The crate is a folder with the workflow, its code and configuration, all existing outputs, and
`ro-crate-metadata.json`. This file describes each job by the terms of the profile
https://w3id.org/ro/wfrun/provenance/0.5: inputs, parameters, outputs, time. Files that are not
copied (the data sets, and results that are missing in a clone) are listed with their sha256, as ni:
addresses (RFC 6920).
"""

import base64
import os
import shlex
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import yaml
from rocrate.model.computerlanguage import get_lang
from rocrate.model.contextentity import ContextEntity
from rocrate.model.data_entity import DataEntity
from rocrate.model.entity import Entity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from provenance.audit import parameters_of, real_recipe, text
from provenance.files import ROOT, digest
from provenance.history import History
from provenance.record import RecordError, scripts_of
from workflow.asked import SCALES, overlay_and_scale
from workflow.command_line import Parser

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
FORMATS = {  # media type and description of a format, by the suffix of the file
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
    """Adds the records of a scale to a crate, and each entity that they share once."""

    def __init__(self, history: History, scale: str, agent: str | None = None):
        self.history, self.scale = history, scale
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_contexts.append(TERMS)
        self.citation = yaml.safe_load((history.root / "CITATION.cff").read_text(encoding="utf-8"))
        # The address of the repository, if CITATION.cff has it.
        code = self.citation.get("repository-code")
        self.address = {"url": code} if code else {}
        address, name = LICENCES[self.citation["license"]]
        self.licence = self.entity(address, "CreativeWork", name=name, url=address)
        self.authors = [
            self.entity(f"#{author['name']}", "Organization", name=author["name"], **self.address)
            for author in self.citation["authors"]
        ]
        self.agent = self.entity(f"#{agent}", "Person", name=agent) if agent else self.authors[0]
        self.examples: dict[Entity, set[str]] = {}  # formal parameters whose value is a file
        self.steps: dict[str, Entity] = {}  # the tool of each rule

    def export(self) -> ROCrate:
        """Return the crate of all records of the scale; raise RecordError if there are none."""
        records = self.history.records
        ends = [path for path in records if self._of_scale(records[path])]
        if not ends:
            raise RecordError(f"no records at {self.scale} scale: run `make figures` first")
        paths = list(dict.fromkeys(path for end in ends for path in self.history.behind(end)))
        for path in paths:  # first, since the script of a rule can be a module of another rule
            self._tool(records[path]["made"])
        actions = [self._action(path) for path in paths]
        self._workflow(paths, actions)
        self._root(paths)
        for file, parameters in self.examples.items():
            file["exampleOfWork"] = [{"@id": parameter} for parameter in sorted(parameters)]
        for entity in self.crate.get_entities():
            for name, value in list(entity.items()):
                if not name.startswith("@") and isinstance(value, list) and len(value) == 1:
                    entity[name] = value[0]  # a list of one item is not usual in RO-Crates
        return self.crate

    def _of_scale(self, record: dict) -> bool:
        """Return whether a record belongs to the scale, without overlays."""
        return overlay_and_scale(next(iter(record["outputs"]))) == ("", self.scale)

    def entity(self, identifier: str, kind: str, /, **properties: object) -> Entity:
        """Return the contextual entity with this identifier; add it if it is missing."""
        identifier = quote(identifier, safe="#:/=,")
        return self.crate.dereference(identifier) or self.crate.add(
            ContextEntity(self.crate, identifier, {"@type": kind} | properties)
        )

    def sha256(self, path: str) -> str:
        """Return the sha256 of a file's bytes; raise RecordError if the file is missing."""
        hash = self.history.sha256(path)
        if hash is None:
            raise RecordError(f"{path}: no such file")
        return hash

    def file(self, path: str, sha256: str | None = None, **properties: object) -> Entity:
        """Return the data entity of a file; add it if it is missing.

        The file is copied if it matches its record, does not belong to a data set, and is no link
        out of the project. Raises RecordError if the path itself leads out of the project.
        """
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise RecordError(f"{path}: not a path in the project, but in one of its records")
        source, suffix, now = self.history.root / path, Path(path).suffix, self.history.sha256(path)
        inside = source.resolve().is_relative_to(self.history.root.resolve())
        copied = inside and not path.startswith("data/") and now and sha256 in (None, now)
        sha256 = sha256 or self.sha256(path)
        identifier = path if copied else address_of(sha256)
        if known := self.crate.dereference(identifier):
            return known
        kind, described = FORMATS.get(suffix, PLAIN)
        self.entity(described, "WebSite", name=f"Format of {suffix or 'plain text'} files")
        properties = {
            "@type": "File",
            "name": path,
            "sha256": sha256,
            "encodingFormat": [kind, {"@id": described}],
            **properties,
        }
        if source.exists():
            properties["contentSize"] = str(source.stat().st_size)
        return self.crate.add(
            File(self.crate, source, path, properties=properties)
            if copied
            else DataEntity(self.crate, identifier, properties)
        )

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
        """Return the data entities of files that are values of formal parameters."""
        files = [self.file(path, sha256) for path, sha256 in sorted(hashes.items())]
        for file in files:
            self.examples.setdefault(file, set()).update(parameter.id for parameter in parameters)
        return files

    def _action(self, path: str) -> Entity:
        """Return the action of one job, with its step and its tool.

        The inputs of a tool are those of all jobs that run it.
        """
        record = self.history.records[path]
        recipe, details = real_recipe(record), record["made"]
        rule, values = recipe["rule"], parameters_of(recipe)
        formal = {name: self.parameter(rule, name, "Text") for name in values}
        read = [self.parameter(rule, "files-read", "File")] if record["inputs"] else []
        written = self.parameter(rule, "files-made", "File")
        tool = self._tool(details)
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
        file = self.file(path) if (self.history.root / path).exists() else None
        return self.entity(
            f"#{record['id']}",
            "CreateAction",
            name=f"{rule}: {', '.join(sorted(record['outputs']))}",
            description=shlex.join(details["command"]),
            identifier=f"sha256:{record['id']}",
            instrument=tool,
            object=given
            + self.files(record["inputs"], *read)
            + [self.file(name, hash) for name, hash in sorted(details["sources"].items())],
            result=self.files(record["outputs"], written),
            startTime=details["start"],
            endTime=details["end"],
            actionStatus=COMPLETED,
            agent=self.agent,
            environment=self._environment(recipe, details),
            **({"subjectOf": file} if file else {}),
        )

    def _tool(self, details: dict) -> Entity:
        """Return the script that a job runs, or a program of the system."""
        scripts, program = scripts_of(details["command"]), details["command"][0]
        if not scripts:
            return self.entity(f"#{program}", "SoftwareApplication", name=program)
        sha256, python = details["sources"][scripts[0]], "https://www.python.org"
        return self.file(
            scripts[0],
            sha256,
            **{"@type": ["File", "SoftwareSourceCode"]},
            version=sha256[:12],
            programmingLanguage=self.entity(python, "ComputerLanguage", name="Python", url=python),
            **self.address,
        )

    def _environment(self, recipe: dict, details: dict) -> list[Entity]:
        packages = (f"{name} {version}" for name, version in recipe.get("packages", {}).items())
        facts = {
            "python": details["python"],
            "platform": details["platform"],
            "packages": ", ".join(packages),
            **recipe.get("arithmetic", {}),
            "host": details["host"],
            "cpu": details["cpu"],
            "commit": f"{details['commit']}{' with changes' * bool(details['dirty'])}",
        }
        return [
            self.entity(
                f"#environment/{name}={digest(value)[:12]}", "PropertyValue", name=name, value=value
            )
            for name, value in facts.items()
            if value
        ]

    def _workflow(self, paths: list[str], actions: list[Entity]) -> None:
        """Add the workflow with its steps, its run as a whole, and the control of each job."""
        records = [self.history.records[path] for path in paths]
        configuration = self.parameter("workflow", "configuration", "File")
        results = self.parameter("workflow", "results", "File")
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
        sha256 = self.sha256(WORKFLOW)
        workflow = self.file(
            WORKFLOW,
            sha256,
            **{"@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]},
            programmingLanguage=self.crate.add(get_lang(self.crate, "snakemake")),
            conformsTo={"@id": f"{BIOSCHEMAS}/ComputationalWorkflow/1.0-RELEASE"},
            version=sha256[:12],
            hasPart=list(dict.fromkeys(self.steps.values())),
            step=list(steps.values()),
            input=[configuration],
            output=[results],
            softwareRequirements=self.file(LOCK),
            license={"@id": self.licence.id},
            **self.address,
        )
        self.crate.mainEntity = workflow
        whole = {
            "agent": self.agent,
            "actionStatus": COMPLETED,
            "startTime": min(record["made"]["start"] for record in records),
            "endTime": max(record["made"]["end"] for record in records),
        }
        ends = {
            file: hash
            for record in records
            if self._of_scale(record)
            for file, hash in record["outputs"].items()
            if file.startswith("figures/") or Path(file).parent == Path("results", self.scale)
        }
        run = self.entity(
            f"#run-{self.scale}",
            "CreateAction",
            name=f"All figures at {self.scale} scale",
            description=f"snakemake --config scale={self.scale}",
            instrument=workflow,
            object=self.files({"config.yaml": self.sha256("config.yaml")}, configuration),
            result=self.files(ends, results),
            **whole,
        )
        controls = [
            self.entity(
                f"#control-{record['id']}",
                "ControlAction",
                name=f"Job of {action['name']}",
                instrument=steps[record["recipe"]["rule"]],
                object=action,
                actionStatus=COMPLETED,
            )
            for record, action in zip(records, actions, strict=True)
        ]
        url, snakemake = "https://snakemake.github.io", {"softwareVersion": version("snakemake")}
        engine = self.entity(url, "SoftwareApplication", name="Snakemake", url=url, **snakemake)
        self.entity(
            f"#engine-{self.scale}",
            "OrganizeAction",
            name="Snakemake's run of all jobs",
            instrument=engine,
            object=controls,
            result=run,
            **whole,
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
        root["name"] = self.citation["title"]
        root["description"] = f"{root['name']}; {self.scale} scale, {len(paths)} jobs"
        root["datePublished"] = self.crate.dereference(f"#run-{self.scale}")["endTime"]
        root["license"] = self.licence
        root["author"] = self.authors
        root["publisher"] = self.authors[0]
        root["citation"] = article
        root["conformsTo"] = [
            self.entity(profile, "CreativeWork", name=name, version=profile.rpartition("/")[2])
            for profile, name in PROFILES.items()
        ]
        profiles = ["https://w3id.org/ro/crate/1.1", list(PROFILES)[-1]]
        self.crate.metadata["conformsTo"] = [{"@id": profile} for profile in profiles]
        for path in SOURCES:
            self.file(path)
        self.crate.dereference("README.md")["about"] = root


def address_of(sha256: str) -> str:
    """Return the ni: address of a content with this sha256 (RFC 6920)."""
    name = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
    return f"ni:///sha-256;{name}"


def main() -> None:
    """Export the crate, as the command line says."""
    parser = Parser("crate", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="paper")
    parser.add_argument("--output", type=Path, required=True, help="folder; a crate is replaced")
    parser.add_argument("--agent", help="who ran it (default: the authors of the code)")
    arguments = parser.parse_args()
    if arguments.output.exists() and not (arguments.output / METADATA).is_file():
        sys.exit(f"crate: {arguments.output}: exists and is not a crate: choose another folder")
    partial = arguments.output.with_name(f".{arguments.output.name}.{os.getpid()}.partial")
    try:
        Exporter(History(ROOT), arguments.scale, arguments.agent).export().write(partial)
        shutil.rmtree(arguments.output, ignore_errors=True)
        partial.rename(arguments.output)
    except OSError as error:
        why = f"{error.strerror}: {error.filename}"
        sys.exit(f"crate: {arguments.output}: cannot write a crate here: {why}")
    except RecordError as error:
        sys.exit(f"crate: {error}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)


if __name__ == "__main__":
    main()
