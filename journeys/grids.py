"""One trajectory, as several decoders see it."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32, UInt8
from PIL import Image
from torch import Tensor

from clipdraw.sheets import contact_sheet
from journeys.decode import Decoder

Small = UInt8[Tensor, "3 size size"]
"""A decoded picture to keep, four times smaller than in floats."""


def looks(
    decoders: Sequence[Decoder], rows: Float32[np.ndarray, "frames dim"]
) -> Iterator[list[Small]]:
    """For each row what every decoder makes of it: models, checkpoints, seeds or strengths."""
    for pictures in zip(*(decoder(rows) for decoder in decoders), strict=True):
        yield [(picture * 255).round().to(torch.uint8) for picture in pictures]


def page(pictures: Sequence[Small], labels: Sequence[str], columns: int, side: int) -> Image.Image:
    """Pictures enlarged for people, side by side, a label below each.

    Args:
        pictures: square ones.
        labels: as many.
        columns: pictures in a row.
        side: of a picture, in pixels.
    """
    large = [
        F.interpolate(picture[None] / 255, (side, side), mode="bicubic")[0].clamp(0, 1)
        for picture in pictures
    ]
    return contact_sheet(large, labels, columns)


def storyboard(
    seen: Sequence[Sequence[Small]], labels: Sequence[str], columns: int, side: int
) -> Image.Image:
    """The trajectory on one page: a line for each decoder, from the first frame to the last.

    Args:
        seen: what `looks` gives.
        labels: of the decoders.
        columns: frames in a line, evenly spaced; fewer if there are fewer frames.
        side: of a picture, in pixels.
    """
    shown = np.linspace(0, len(seen) - 1, min(columns, len(seen))).round().astype(int)
    pictures = [seen[frame][number] for number in range(len(labels)) for frame in shown]
    lines = [line for label in labels for line in [label, *[""] * (len(shown) - 1)]]
    return page(pictures, lines, len(shown), side)
