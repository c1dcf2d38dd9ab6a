"""Collect the provenance records behind all figures in one file that can be committed.

python scripts/history.py --output figures/records.json.gz RECORD ...
"""

import argparse
import sys
from pathlib import Path

from provenance.history import pack
from provenance.record import RecordError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", nargs="+", metavar="RECORD")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE")
    arguments = parser.parse_args()
    try:
        pack(arguments.records, arguments.output)
    except (RecordError, OSError) as error:
        sys.exit(f"history: {error}")


if __name__ == "__main__":
    main()
