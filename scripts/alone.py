"""Work in a process of its own, whose peak is the memory that the work takes."""

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


def alone(work: Callable, *arguments) -> tuple[Any, float]:
    """What a function of a module returns, and the peak of memory in MB, libraries included."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_measured, work, arguments).result()


def _measured(work: Callable, arguments: tuple) -> tuple[Any, float]:
    result = work(*arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KB, macOS in bytes.
    return result, peak / (1024**2 if sys.platform == "darwin" else 1024)
