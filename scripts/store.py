"""Print the size of this machine's store of results, or clear it.

python scripts/store.py
python scripts/store.py --clear
"""

from provenance import store
from workflow.command_line import Parser


def main() -> None:
    """Clear the store if the command line says so, and print its size."""
    parser = Parser("store", description=__doc__)
    parser.add_argument("--clear", action="store_true", help="remove all entries")
    if parser.parse_args().clear:
        store.prune(0)
    entries, size = store.size()
    print(f"{store.folder()}: {entries:,} entries, {size / 1e6:,.1f} MB")


if __name__ == "__main__":
    main()
