"""Pictures and films of drawings, small enough to be kept in a notebook."""

import io
from collections.abc import Callable, Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from clipdraw import Drawing, render
from clipdraw.film import to_image

SIDE, GAP = 150, 8
FILM_SIDE, FILM_PICTURES, FILM_MS, HOLD_MS = 112, 16, 120, 1500


def row(*drawings: Drawing, circle: float | None = None) -> Image.Image:
    """Drawings side by side; `circle` is the radius of one around the centre, canvas units."""
    images = [picture(drawing, SIDE) for drawing in drawings]
    if circle is not None:
        for drawing, image in zip(drawings, images, strict=True):
            radius = circle / drawing.width * SIDE
            ImageDraw.Draw(image).circle((SIDE / 2, SIDE / 2), radius, outline="#4a90d9", width=2)
    return smaller(beside(images))


def tiles(pictures: Tensor) -> Image.Image:
    """Small pictures in [0, 1] side by side, each pixel a square."""
    images = [to_image(one).resize((SIDE, SIDE), Image.Resampling.NEAREST) for one in pictures]
    return smaller(beside(images))


def maps(*costs: Callable[[Tensor], Tensor]) -> Image.Image:
    """What a point costs, wherever on a page of 224 x 224 it is: white is nothing, dark is most."""
    axis = (torch.arange(SIDE) + 0.5) * 224 / SIDE
    points = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    heights = [cost(points) / cost(points).max() for cost in costs]
    # In thirty steps, as maps have them: less than one of them is white.
    greys = [1 - 0.8 * (30 * height).round() / 30 for height in heights]
    return beside([to_image(grey.expand(3, -1, -1)) for grey in greys]).convert("L")


class Film:
    """Drawings one after another: an animated PNG, which every notebook can show."""

    def __init__(self, drawings: Sequence[Drawing]):
        chosen = torch.linspace(0, len(drawings) - 1, FILM_PICTURES).round().int().tolist()
        # One palette for all of them: an animated PNG has no more.
        strip = smaller(beside([picture(drawings[i], FILM_SIDE) for i in chosen]))
        lefts = range(0, strip.width, FILM_SIDE + GAP)
        self.images = [strip.crop((left, 0, left + FILM_SIDE, FILM_SIDE)) for left in lefts]

    def _repr_png_(self) -> bytes:
        """What Jupyter asks for."""
        file = io.BytesIO()
        first, *rest = self.images
        times = [FILM_MS] * len(rest) + [HOLD_MS]
        first.save(file, "PNG", save_all=True, append_images=rest, duration=times, loop=0)
        return file.getvalue()


def smaller(image: Image.Image) -> Image.Image:
    """In 64 colours, which are enough for strokes: a quarter of the bytes."""
    return image.quantize(64, Image.Quantize.FASTOCTREE)


def picture(drawing: Drawing, side: int) -> Image.Image:
    return to_image(render(drawing, side, side)[0])


def beside(images: Sequence[Image.Image]) -> Image.Image:
    side = images[0].width
    sheet = Image.new("RGB", (len(images) * (side + GAP) - GAP, side), "#dddddd")
    for i, image in enumerate(images):
        sheet.paste(image, (i * (side + GAP), 0))
    return sheet
