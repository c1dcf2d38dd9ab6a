"""On-line learning in a feedforward network whose synaptic changes cost energy.

The library that the scripts beside it import: the data, the network, the plasticity rules, the
energy that they use, and two trainers that give the same result, one literal and one fast.

Import it before NumPy: matrix products, compiled loops and NumPy's own are pinned to one kind of
processor, that of 2013 with AVX2 and FMA, so that any later one rounds alike and gives the same
bytes. Settings of the environment that change what these libraries compute are removed, apart from
numbers of threads. Processes that are started from here inherit all this.
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
