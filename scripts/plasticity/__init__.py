"""On-line learning in a feedforward network whose synaptic changes cost energy.

The library that the scripts beside it import: the data, the network, the plasticity rules, the
energy that they use, and two trainers that give the same result, one literal and one fast.
"""
