"""Where a predictor writes what it hands out."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Folder:
    """A temporary folder for one run after the other.

    Cog's server reads a file some time after it was yielded, and leaves out, without a word, what
    is gone by then. So files stay when their run has ended, until the next one starts or the
    process ends. A run that is cancelled leaves nothing.
    """

    def __init__(self):
        self._remove = lambda: None

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """An empty folder for a run; what the run before left is removed."""
        self._remove()
        path = tempfile.mkdtemp()
        self._remove = weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        try:
            yield Path(path)
        except Exception:
            # What a run handed out before it failed is still to be read.
            raise
        except BaseException:
            self._remove()
            raise
