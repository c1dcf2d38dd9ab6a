"""Redraw all published figures, tables and pages from the published runs, without training.

    python scripts/redraw.py

The archives beside the figures are checked against their records, byte for byte, and unpacked to
results/; Snakemake draws. From then on it takes the restored runs as they are, until the
configuration, the code, or the packages change.
"""

import os
import subprocess
import sys
from pathlib import Path

from provenance import archive, identity
from provenance.archive import ArchiveError, Published
from provenance.files import sha256
from workflow.command_line import Parser, finish
from workflow.restored import Build, build, require_asked

ALLOWED = ("published", "publish", *archive.DRAWN)  # rules: none trains or gets data


def builds() -> list[Build]:
    """Return the paper, and each overlay in the project's folder that has published runs."""
    found = [build([])]
    for file in sorted(Path().glob("*.yaml")):
        if file.name != "config.yaml" and any(Path("figures", file.stem).rglob(archive.NAME)):
            found.append(build([file]))
    return found


def forget(files: list[str]) -> None:
    """Make Snakemake forget how the files were made that were at these places before."""
    if files and Path(".snakemake/metadata").is_dir():
        command = [sys.executable, "-m", "snakemake", "--cleanup-metadata", *files]
        subprocess.run(command, capture_output=True, check=False)


def draw(one: Build) -> None:
    """Make all that is published from the restored runs; raise SystemExit when that fails."""
    command = [sys.executable, "-m", "snakemake", "published", "--cores", "all", *one.options]
    status = subprocess.run([*command, "--allowed-rules", *ALLOWED], check=False).returncode
    if status != 0:
        sys.exit("redraw: Snakemake failed (its own lines say why)")


def compare(shown: Published) -> list[str]:
    """Return which published files have other bytes now, and why that may be."""
    records = archive.of_rules(shown.records, archive.DRAWN)
    outputs = {file: hash for made in records.values() for file, hash in made["outputs"].items()}
    odd = [
        f"{file}: not as published"
        for file, hash in outputs.items()
        if not Path(file).exists() or sha256(file) != hash
    ]
    return [*odd, *archive.unlike(records, "the published figures")] if odd else []


def redraw() -> None:
    """Check everything, then restore everything, then draw."""
    found = [(one, archive.published(one.figures)) for one in builds()]
    for one, shown in found:
        require_asked(one, shown)
    for one, shown in found:
        files = archive.restore(shown, Path())
        forget(files)
        print(f"{one.figures}: {len(shown.runs)} published runs, {len(files)} files restored")
        for line in archive.unlike(shown.runs, "the published runs"):
            print(f"{one.figures}: {line}")
        sys.stdout.flush()
    for one, shown in found:
        draw(one)
        print(*(compare(shown) or [f"{one.figures}: every byte as published"]), sep="\n")


def main() -> None:
    Parser("redraw", description=__doc__).parse_args()
    os.chdir(identity.ROOT)
    finish("redraw", redraw, ArchiveError)


if __name__ == "__main__":
    main()
