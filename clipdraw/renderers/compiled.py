"""How our kernels for the CPU are compiled."""

import numba


def compiled(function=None, **options):
    """Compile a function at its first call, and keep it on disk for later processes.

    Threads run it side by side: it holds no lock, and may share nothing but read-only arrays.
    """
    if function is None:
        return lambda function: compiled(function, **options)
    options |= {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # nowhere to write the cache to: every process compiles anew
        return numba.njit(**options)(function)
