"""The structures that a rule can give to the first layer's change, one module each.

`plasticity.engine` derives how trials are run in blocks and says which structure runs which rule.
"""
