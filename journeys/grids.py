"""One trajectory, as several decoders see it."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, Float32
from PIL import Image
from torch import Tensor

from clipdraw.sheets import contact_sheet
from journeys.decode import Decoder

Decoders = Mapping[str, Decoder]
"""Snapshots by their labels: models, checkpoints, seeds or strengths."""


def film(
    decoders: Decoders, rows: Float32[np.ndarray, "frames dim"], columns: int, side: int
) -> Iterator[Image.Image]:
    """For each row what every decoder makes of it, as tiles with labels.

    Args:
        decoders: a tile each.
        rows: the trajectory.
        columns: tiles beside each other.
        side: of a tile, in pixels.
    """
    for pictures in zip(*(decoder(rows) for decoder in decoders.values()), strict=True):
        yield contact_sheet([enlarged(x, side) for x in pictures], list(decoders), columns)


def sheet(
    decoders: Decoders, rows: Float32[np.ndarray, "frames dim"], columns: int, side: int
) -> Image.Image:
    """The trajectory on one page: a line for each decoder, from the first row to the last.

    Args:
        decoders: a line each.
        rows: the trajectory, of which `columns` rows are shown, evenly spaced.
        columns: pictures in a line; fewer if there are fewer rows.
        side: of a picture, in pixels.
    """
    shown = np.linspace(0, len(rows) - 1, min(columns, len(rows))).round().astype(int)
    pictures = [enlarged(x, side) for decoder in decoders.values() for x in decoder(rows[shown])]
    lines = [f"{label}, frame {row}" for label in decoders for row in shown.tolist()]
    return contact_sheet(pictures, lines, len(shown))


def enlarged(picture: Float[Tensor, "3 size size"], side: int) -> Float[Tensor, "3 {side} {side}"]:
    """A small picture in [0, 1] for people to look at."""
    return F.interpolate(picture[None], (side, side), mode="bicubic")[0].clamp(0, 1)
