"""Support for builds: configuration, command lines, exclusive builds, progress, resources.

This package cannot alter a number, so it is not part of a result's identity.
"""
