"""Train some of the published conditions anew, in an empty folder, and compare every number.

    python scripts/verify.py --number 5
    python scripts/verify.py --number 5 --configfile beyond.yaml

The conditions are drawn at random. All others are taken from the published archive, and nothing
from this machine's store of results. What was trained is followed to all tables, figures and pages;
all files are compared byte for byte. The exit status is 0 only when they are equal.
"""

import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from plasticity.raw_files import SHA256
from provenance import archive, identity
from provenance.archive import ArchiveError, Published
from provenance.files import replacing, sha256
from provenance.rerun import differences
from workflow.command_line import Parser, finish
from workflow.restored import Build, asked, build, require_asked

# What Snakemake needs of the project.
CODE = ("Snakefile", "config.yaml", "envs", "profiles", "report", "schemas", "scripts")


def drawn(one: Build, shown: Published, number: int, seed: int) -> list[str]:
    """Return the records of so many published conditions, drawn at random."""
    published = archive.of_rules(shown.records, ["train"])
    conditions = sorted(published.keys() & asked(one.plan, one.results).keys())
    return sorted(random.Random(seed).sample(conditions, min(number, len(conditions))))


def copy_project(folder: Path, overlays: Iterable[Path]) -> None:
    """Copy what Snakemake needs of the project into an empty folder."""
    for name in CODE:
        copy = shutil.copytree if Path(name).is_dir() else shutil.copy2
        copy(name, folder / name)
    for file in overlays:
        shutil.copy2(file, folder / file.name)


def raw_files(datasets: Iterable[str]) -> list[str]:
    """Return Snakemake's options for the raw data that is here and need not be fetched again."""
    folders = {name: Path("data", name).resolve() for name in datasets}
    here = [
        f"{name}: {folder}"
        for name, folder in folders.items()
        if all((folder / file).exists() for file in SHA256[name])
    ]
    return [f"data={{{', '.join(here)}}}"] if here else []


def build_in(folder: Path, one: Build) -> None:
    """Make all that is published in a folder, training what is missing; SystemExit if it fails."""
    overlays = [file.name for file in one.overlays]
    command = [
        *(sys.executable, "-m", "snakemake", "published", "--cores", "all"),
        *(["--configfile", *overlays] if overlays else []),
        *("--config", "fresh=true", *raw_files(one.plan.datasets)),
    ]
    if subprocess.run(command, cwd=folder, check=False).returncode != 0:
        sys.exit("verify: Snakemake failed (its own lines say why)")


def odd(folder: Path, shown: Published, paths: Iterable[str]) -> list[str]:
    """Return in what the outputs of the records at `paths` differ from those made in a folder."""
    found: list[str] = []
    for path in paths:
        for file, hash in shown.records[path]["outputs"].items():
            if not (folder / file).exists():
                found.append(f"{file}: it is not made any more")
            elif sha256(folder / file) != hash:
                old = Path(file)
                if file in shown.files:
                    old = folder / "published" / file
                    with replacing(old) as partial:
                        partial.write_bytes(shown.files[file])
                found += differences(old, folder / file, file)
    return found


def verify(number: int, seed: int, overlays: Sequence[Path]) -> bool:
    """Train conditions anew and compare; return whether all files are equal."""
    one = build(overlays)
    shown = archive.published(one.figures)
    require_asked(one, shown)
    chosen = drawn(one, shown, number, seed)
    seconds = sum(shown.records[path]["made"]["seconds"] for path in chosen)
    print(f"seed {seed}: {len(chosen)} conditions, which took {seconds:,.0f} s of processor time")
    for line in archive.unlike(shown.runs, "the published runs"):
        print(line)
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
        folder = Path(scratch)
        copy_project(folder, one.overlays)
        archive.restore(shown, folder, leave_out=chosen, trust=True)
        build_in(folder, one)
        for path in chosen:
            name = Path(path).name.removesuffix(archive.SUFFIX)
            print(f"{name}: {'; '.join(odd(folder, shown, [path])) or 'equal'}")
        others = [path for path in shown.records if path not in chosen and not is_raw(path, shown)]
        wrong = odd(folder, shown, others)
        if wrong:
            drawn_by = archive.of_rules(shown.records, archive.DRAWN)
            wrong += archive.unlike(drawn_by, "the published figures")
        print(*(wrong or [f"{one.figures}: all figures, tables and pages are equal"]), sep="\n")
        return not wrong and not odd(folder, shown, chosen)


def is_raw(path: str, shown: Published) -> bool:
    """Whether a record is of raw files, whose sha256 are known anyway."""
    return shown.records[path]["recipe"]["rule"] == "fetch"


def main() -> None:
    parser = Parser("verify", description=__doc__)
    parser.add_argument("--number", type=int, default=5, help="of conditions")
    parser.add_argument("--seed", type=int, help="of the draw; a new one if it is not given")
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], metavar="FILE")
    arguments = parser.parse_args()
    if arguments.number < 1:
        parser.error(f"argument --number: {arguments.number} is not allowed: at least 1")
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    overlays = [file.absolute() for file in arguments.configfile]
    os.chdir(identity.ROOT)

    def work() -> None:
        if not verify(arguments.number, seed, overlays):
            sys.exit("verify: not equal")

    finish("verify", work, ArchiveError)


if __name__ == "__main__":
    main()
