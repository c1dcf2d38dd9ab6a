"""On-line learning in a feedforward network in which synaptic changes cost energy.

The package contains the data sets, the network, the plasticity rules, the energy accounting, and
two trainers with the same results: `reference`, which is literal, and `engine`, which is fast.

Import this package before NumPy. On x86-64 it restricts BLAS, Numba and NumPy to the instructions
of the Intel Haswell processor (2013, with AVX2 and FMA). Newer processors then round in the same
way and give the same bytes. The package also removes environment variables that change what these
libraries compute, except for numbers of threads. Child processes inherit these settings.
"""

import os
import platform

X86 = platform.machine() in ("x86_64", "AMD64")
for name in list(os.environ):
    if name.startswith(("OPENBLAS_", "NPY_", "NUMBA_", "MKL_", "BLIS_")) and "THREADS" not in name:
        del os.environ[name]
if X86:
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
    os.environ["NPY_DISABLE_CPU_FEATURES"] = "X86_V4 AVX512_ICL AVX512_SPR"
