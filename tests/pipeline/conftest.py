"""Copies of the project in which the smoke pipeline is built, once for all tests."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from provenance import identity, record

ROOT = Path(__file__).parents[2]
MADE = ["data", "results", "crate", "logs", "smoke", "__pycache__", ".*"]  # not copied


@dataclass
class Clone:
    """The project in a folder of its own."""

    root: Path
    paper: dict[Path, str]  # files of paper scale, which must survive whatever smoke does

    def command(self, *arguments, **config):
        """The command line of Snakemake at smoke scale."""
        settings = {"scale": "smoke"} | config
        raw = ROOT / "data" / "mnist"
        if all((raw / f"{name}.idx").exists() for name in ("train-images", "test-labels")):
            settings["data"] = f"{{mnist: {raw}}}"
        return [
            *(sys.executable, "-m", "snakemake", "--cores", "2", *arguments),
            *("--config", *(f"{key}={value}" for key, value in settings.items())),
        ]

    def snakemake(self, *arguments, **config):
        """Run Snakemake at smoke scale; return the finished process."""
        return subprocess.run(
            self.command(*arguments, **config),
            cwd=self.root,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )

    def table(self, *arguments, **config):
        """Return what Snakemake's summary says of each file, as dictionaries."""
        process = self.snakemake(*arguments, **config)
        assert process.returncode == 0, process.stderr
        header, *lines = (line.split("\t") for line in process.stdout.splitlines())
        return [dict(zip(header, line, strict=True)) for line in lines]

    def pending(self, *targets, **config):
        """Return the files that would be made, or made anew, apart from their records."""
        files = self.table("--summary", *targets, **config)
        pending = {file["output_file"] for file in files if file["plan"] != "no update"}
        return {file for file in pending if not re.search(r"records?\.json", file)}

    def made(self):
        """What was made, by file: its bytes, and of a record what does not tell when or where.

        Hidden files, which a kill leaves behind, are not counted.
        """
        files = {}
        for folder in ("data", "results", "figures"):
            for path in (self.root / folder).rglob("[!.]*"):
                name = str(path.relative_to(self.root))
                if path.name.startswith("records."):
                    continue  # all records together, which tell when and where
                if path.name.endswith(record.SUFFIX):
                    content = record.read(path)
                    files[name] = [content[part] for part in ("id", "outputs")]
                elif path.is_file():
                    files[name] = record.sha256(path)
        return files


def not_copied(folder, names):
    """Return what was made, of the files in a folder: figures/ and site/ of the project only."""
    made = shutil.ignore_patterns(*MADE)(folder, names)
    return made | ({"figures", "site"} if Path(folder) == ROOT else set())


def clone(folder):
    """Copy the project into a folder, without anything made, but for some files of paper scale."""
    root = folder / "project"
    shutil.copytree(ROOT, root, ignore=not_copied)
    paper = {}
    for name in ("results/paper/energy.csv", "figures/energy_vs_width.svg"):
        paper[root / name] = "made in an hour\n"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(paper[root / name])
    (ROOT / ".cache").mkdir(exist_ok=True)
    (root / ".cache").symlink_to(ROOT / ".cache")  # compiled code, which knows its sources
    return Clone(root, paper)


@pytest.fixture(scope="session")
def copied():
    """What makes a copy of one's own, in the folder that it is given."""
    return clone


@pytest.fixture(scope="session")
def fresh(mnist, tmp_path_factory):
    """A copy in which nothing has been built, nor may be."""
    return clone(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def built(mnist, tmp_path_factory):
    """A copy in which everything has been built at smoke scale."""
    built = clone(tmp_path_factory.mktemp("built"))
    process = built.snakemake()
    assert process.returncode == 0, process.stderr
    return built


@pytest.fixture(scope="session")
def beyond(prepared, tmp_path_factory):
    """A copy in which beyond.yaml has been built at smoke scale."""
    copy = prepared(tmp_path_factory.mktemp("beyond"))
    process = copy.snakemake("--configfile", "beyond.yaml")
    assert process.returncode == 0, process.stderr
    return copy


@pytest.fixture(scope="session")
def small(mnist):
    """What makes a copy whose smoke scale is as small as can be, in the folder that it is given.

    Its one figure is energy_vs_width.
    """

    def copy(folder):
        small = clone(folder)
        path = small.root / "config.yaml"
        config = yaml.safe_load(path.read_text())
        config["model"] |= {"goal": 0.8}
        config["experiments"]["energy_vs_width"]["smoke"] = [
            {"rule": "backprop", "width": [20, 30, 40]},
            {"rule": "backprop", "width": 50, "max_epochs": 200},  # it could take an hour
        ]
        path.write_text(yaml.safe_dump(config))
        return small

    return copy


@pytest.fixture(scope="session")
def small_built(small, tmp_path_factory):
    """A small copy whose figure has been built job after job."""
    copy = small(tmp_path_factory.mktemp("small"))
    process = copy.snakemake("--cores", "1", "figures/smoke/energy_vs_width.svg")
    assert process.returncode == 0, process.stderr
    return copy


@pytest.fixture(scope="session")
def prepared(mnist):
    """What makes a copy that has the data, in the folder that it is given."""

    def copy(folder):
        copy = clone(folder)
        shutil.copytree(ROOT / "data" / "mnist", copy.root / "data" / "mnist")
        with chdir(copy.root):
            identity.write_step.__wrapped__("scripts/prepare.py")  # without its cache
        for path in (copy.root / "data" / "mnist").iterdir():
            os.utime(path)  # newer than the identity of the step that made it
        return copy

    return copy
