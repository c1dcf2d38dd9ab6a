"""Provenance of results: identity of a step, store of results, records, and their verification.

This package cannot alter a number, so it is not part of a result's identity.
"""
