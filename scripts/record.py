"""Run a rule's command and write a provenance record of what it made: see provenance.record."""

from provenance.record import main

if __name__ == "__main__":
    main()
