"""What stays of a drawing that is handed in to start from."""

import re

import torch
from jaxtyping import Bool
from torch import Tensor

from clipdraw.svg_reader import names_of_paths
from predictors.clipdraw.settings import Settings


def still(settings: Settings, paths: int) -> Bool[Tensor, " paths"]:
    """Which paths of the drawing stay as they are: those with the numbers and names in `freeze`.

    Raises:
        ValueError: a number or a name that the drawing does not have, no drawing, or no path left.
    """
    chosen = torch.zeros(paths, dtype=torch.bool)
    if not settings.freeze.strip():
        return chosen
    if settings.drawing is None:
        raise ValueError(
            "freeze speaks of a drawing's paths, but none was handed in; give an SVG as drawing"
        )
    names = names_of_paths(settings.drawing)
    for word in (word.strip() for word in settings.freeze.split(",")):
        if numbers := re.fullmatch(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?", word):
            first, last = int(numbers[1]), int(numbers[2] or numbers[1])
            if not first <= last < paths:
                raise ValueError(
                    f"freeze has {word!r}, but the paths of {settings.drawing.name} are numbered "
                    f"from 0 to {paths - 1}"
                )
            chosen[first : last + 1] = True
            continue
        found = torch.tensor([word in called for called in names])
        if not found.any():
            known = sorted(frozenset().union(*names))[:8]
            raise ValueError(
                f"freeze has {word[:40]!r}, which no group and no path of {settings.drawing.name} "
                f"is called; it has {', '.join(known) or 'no names, so give numbers such as 0-11'}"
            )
        chosen |= found
    if chosen.all():
        raise ValueError(
            "freeze holds all paths of the drawing, so nothing is left to move; take some out"
        )
    return chosen
