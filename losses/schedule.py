"""When a loss counts."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from clipdraw.loop import Scene, Term


@dataclass(frozen=True, eq=False)
class From:
    """A term that joins in late: it costs nothing, time included, before a fraction of the run.

    What the term sees as its progress runs from 0 where it joins in to 1 at the end.
    """

    start: float
    """In [0, 1)."""
    term: Term

    def __post_init__(self):
        if not 0 <= self.start < 1:
            raise ValueError(f"start is {self.start}; give a fraction of the run, 0 up to below 1")

    def __call__(self, scene: Scene) -> Float[Tensor, " pictures"]:
        if scene.progress < self.start:
            return scene.picture.new_zeros(len(scene.picture))
        progress = (scene.progress - self.start) / (1 - self.start)
        return self.term(replace(scene, progress=progress))
