"""Collect the provenance records behind all figures in one file that can be committed.

python scripts/history.py --output figures/records.json.gz RECORD ...
"""

from pathlib import Path

from provenance.archive import records_of_data
from provenance.history import pack
from provenance.record import RecordError
from workflow.command_line import Parser, finish


def main() -> None:
    """Collect the records on the command line, and all records behind them."""
    parser = Parser("history", description=__doc__)
    parser.add_argument("records", nargs="+", metavar="RECORD")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE")
    arguments = parser.parse_args()
    finish(
        "history",
        lambda: pack(arguments.records, arguments.output, records_of_data()),
        RecordError,
    )


if __name__ == "__main__":
    main()
