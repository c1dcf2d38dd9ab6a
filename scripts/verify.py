"""Train some of the published conditions again in an empty folder, and compare every number.

    python scripts/verify.py --number 5
    python scripts/verify.py --number 5 --configfile beyond.yaml

The conditions are drawn at random. All others are taken from the published archive. This machine's
store of results is not used. All tables, figures and pages are made again, and all files are
compared byte by byte. The exit status is 0 only if they are equal.
"""

import os
import random
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from plasticity.raw_files import SHA256
from provenance import archive, identity
from provenance.archive import Published
from provenance.files import sha256, write
from provenance.record import RecordError
from provenance.rerun import differences
from workflow.asked import trained
from workflow.command_line import Parser, finish
from workflow.restored import Build, build, require_requested

# What Snakemake needs of the project.
PROJECT = ("Snakefile", "config.yaml", "envs", "profiles", "report", "schemas", "scripts")


def drawn(target: Build, published: Published, number: int, seed: int) -> list[str]:
    """Return the records of `number` published conditions, drawn at random."""
    runs = archive.of_rules(published.records, ["train"])
    conditions = sorted(runs.keys() & trained(target.plan, target.results).keys())
    return sorted(random.Random(seed).sample(conditions, min(number, len(conditions))))


def raw_files(datasets: Iterable[str]) -> list[str]:
    """Return Snakemake's options for raw data that is already here."""
    complete = [
        f"{name}: {Path('data', name).resolve()}"
        for name in datasets
        if all(Path("data", name, file).exists() for file in SHA256[name])
    ]
    return [f"data={{{', '.join(complete)}}}"] if complete else []


def compare(folder: Path, published: Published, paths: Iterable[str]) -> list[str]:
    """Return how the outputs of the records at `paths` differ from the files in `folder`."""
    lines: list[str] = []
    for path in paths:
        for file, hash in published.records[path]["outputs"].items():
            if not (folder / file).exists():
                lines.append(f"{file}: no longer made")
            elif sha256(folder / file) != hash:
                old = Path(file)
                if file in published.files:
                    old = folder / "published" / file
                    write(old, published.files[file])
                lines += differences(old, folder / file, file)
    return lines


def verify(number: int, seed: int, overlays: Sequence[Path]) -> bool:
    """Train conditions again and compare; return whether all files are equal."""
    target = build(overlays)
    published = archive.published(target.figures)
    require_requested(target, published)
    chosen = drawn(target, published, number, seed)
    seconds = sum(published.records[path]["made"]["seconds"] for path in chosen)
    print(f"seed {seed}: {len(chosen)} conditions, which took {seconds:,.0f} s of processor time")
    for line in archive.unlike(published.runs, "the published runs"):
        print(line)
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
        folder = Path(scratch)
        for source in [*map(Path, PROJECT), *target.overlays]:
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, folder / source.name)
        archive.restore(published, folder, leave_out=chosen, trust=True)
        options = ["--config", "fresh=true", *raw_files(target.plan.datasets)]
        target.run("verify", *options, folder=folder)
        equal = True
        for path in chosen:
            lines = compare(folder, published, [path])
            name = Path(path).name.removesuffix(archive.SUFFIX)
            print(f"{name}: {'; '.join(lines) or 'equal'}")
            equal &= not lines
        raw = archive.of_rules(published.records, ["fetch"])  # known by their sha256
        others = [path for path in published.records if path not in {*chosen, *raw}]
        lines = compare(folder, published, others)
        if lines:
            figures = archive.of_rules(published.records, archive.DRAWN)
            lines += archive.unlike(figures, "the published figures")
        print(*(lines or [f"{target.figures}: all figures, tables and pages are equal"]), sep="\n")
        return equal and not lines


def main() -> None:
    """Verify the published runs, as the command line says."""
    parser = Parser("verify", description=__doc__)
    parser.add_argument("--number", type=int, default=5, help="number of conditions")
    parser.add_argument("--seed", type=int, help="seed of the draw (default: a new one)")
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

    finish("verify", work, RecordError)


if __name__ == "__main__":
    main()
