"""Structures of the changes of the first layer, with one module for each.

`plasticity.engine` explains how trials run in blocks, and which structure belongs to which rule.
"""
