"""Run a rule's command and write a provenance record of its outputs: see provenance.record."""

from provenance.record import main

if __name__ == "__main__":
    main()
