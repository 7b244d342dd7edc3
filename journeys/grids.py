"""Many pictures beside each other, each with its name below it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageDraw, ImageFont

from clipdraw.film import to_image
from journeys.decode import Decoder

INK, PAPER = "#444444", "white"
# Of a label, in tile widths; letters are two thirds as high.
LABEL = 0.12


def tiles(
    pictures: Sequence[Image.Image], labels: Sequence[str], columns: int, side: int
) -> Image.Image:
    """Square pictures, row by row, a label below each.

    Args:
        pictures: at least one.
        labels: as many; cut where the tile ends.
        columns: in a row.
        side: of a tile without its label, in pixels.
    """
    height = side + round(LABEL * side)
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (min(columns, len(pictures)) * side, rows * height), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(2 / 3 * LABEL * side)
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        left, top = number % columns * side, number // columns * height
        sheet.paste(
            picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC), (left, top)
        )
        while len(label) > 1 and pen.textlength(label, font=font) > side - 4:
            label = f"{label.rstrip('…')[:-1]}…"
        pen.text(
            (left + side / 2, top + (side + height) / 2), label, fill=INK, anchor="mm", font=font
        )
    return sheet


def snapshots(
    decoders: Mapping[str, Decoder],
    rows: Float32[np.ndarray, "frames dim"],
    columns: int,
    side: int,
) -> Iterator[Image.Image]:
    """The same trajectory as each of several decoders sees it, tiled: a picture for each row.

    Args:
        decoders: by their labels.
        rows: the trajectory.
        columns, side: as of `tiles`.
    """
    for pictures in zip(*(decoder(rows) for decoder in decoders.values()), strict=True):
        yield tiles([to_image(picture) for picture in pictures], list(decoders), columns, side)
