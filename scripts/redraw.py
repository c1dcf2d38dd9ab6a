"""Redraw all published figures, tables and pages from the published runs, without training.

    python scripts/redraw.py

The archives beside the figures are checked byte by byte against their records, and unpacked to
results/. Then Snakemake draws. It uses the restored runs until the configuration, the code or the
packages change.
"""

import os
import subprocess
import sys
from pathlib import Path

from provenance import archive, identity
from provenance.archive import Published
from provenance.files import sha256
from provenance.record import RecordError
from workflow.command_line import Parser, finish
from workflow.restored import Build, build, require_requested

ALLOWED = ("published", "publish", *archive.DRAWN)  # rules that neither train nor fetch data


def builds() -> list[Build]:
    """Return the paper's build, and the build of each overlay that has published runs."""
    overlays = [
        [file]
        for file in sorted(Path().glob("*.yaml"))
        if file.name != "config.yaml" and any(Path("figures", file.stem).rglob(archive.NAME))
    ]
    return [build(files) for files in [[], *overlays]]


def compare(published: Published) -> list[str]:
    """Return which published files differ now, and possible reasons."""
    records = archive.of_rules(published.records, archive.DRAWN)
    differing = [
        f"{file}: not as published"
        for record in records.values()
        for file, hash in record["outputs"].items()
        if not Path(file).exists() or sha256(file) != hash
    ]
    return differing and [*differing, *archive.unlike(records, "the published figures")]


def redraw() -> None:
    """Check everything, then restore everything, then draw."""
    targets = [(target, archive.published(target.figures)) for target in builds()]
    for target, published in targets:
        require_requested(target, published)
    for target, published in targets:
        files = archive.restore(published, Path())
        if files and Path(".snakemake/metadata").is_dir():  # of earlier files
            command = [sys.executable, "-m", "snakemake", "--cleanup-metadata", *files]
            subprocess.run(command, capture_output=True, check=False)
        runs = len(published.runs)
        print(f"{target.figures}: {runs} published runs, {len(files)} files restored")
        for line in archive.unlike(published.runs, "the published runs"):
            print(f"{target.figures}: {line}")
        sys.stdout.flush()
    for target, published in targets:
        target.run("redraw", "--allowed-rules", *ALLOWED)
        print(*(compare(published) or [f"{target.figures}: every byte as published"]), sep="\n")


def main() -> None:
    """Redraw everything that is published."""
    Parser("redraw", description=__doc__).parse_args()
    os.chdir(identity.ROOT)
    finish("redraw", redraw, RecordError)


if __name__ == "__main__":
    main()
