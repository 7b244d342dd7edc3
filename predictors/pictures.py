"""Pictures that people hand in: read without harm, or refused in a sentence."""

import warnings
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import ExifTags, Image, ImageColor, UnidentifiedImageError
from torch import Tensor

from predictors.handed import local

# What browsers show. Pillow knows many more formats, some of which run programs to be read.
FORMATS = ("JPEG", "PNG", "WEBP")
BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)
# What makes pictures stand upright, by the orientation in their EXIF. (Pillow's exif_transpose also
# writes the other entries anew, and stumbles over broken ones.)
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Longer side by shorter side: a narrower strip has no room for a stroke, nor for a film.
NARROWEST = 16

Color = tuple[float, float, float]
"""Red, green and blue in [0, 1]."""


def rgb(colour: str) -> Color:
    """A colour such as #e63946, black or rgb(29, 53, 87).

    Raises:
        ValueError: it is none.
    """
    red, green, blue, *_ = ImageColor.getrgb(colour)
    return red / 255, green / 255, blue / 255


def read_picture(file: Path, longest: int, paper: str) -> Float[Tensor, "3 height width"]:
    """A file as RGB in [0, 1], scaled so that its longer side has `longest` pixels.

    It stands upright where the camera noted how it was held. What is transparent shows the
    `paper`, a colour as #rrggbb; of an animation the first picture is taken.

    Raises:
        ValueError: it is no picture that can be had; the message says what would do.
    """
    image = _opened(local(file))
    if max(image.size) > NARROWEST * min(image.size):
        raise ValueError(
            f"{file.name} is a strip of {image.width} x {image.height} pixels; cut it so that one "
            f"side is at most {NARROWEST} times the other"
        )
    scale = longest / max(image.size)
    image = image.resize([max(round(side * scale), 1) for side in image.size], Image.LANCZOS)
    sheet = Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("RGB")
    return torch.from_numpy(np.array(sheet)).permute(2, 0, 1).float() / 255


def border_colour(picture: Float[Tensor, "3 height width"]) -> str:
    """The commonest colour along a picture's edges, as #rrggbb.

    Colours count as one where the upper four bits of each channel agree; it is their mean.
    """
    edges = [picture[:, 0], picture[:, -1], picture[:, :, 0], picture[:, :, -1]]
    colours = (torch.cat(edges, dim=1).T * 255).round()
    _, kind, count = (colours // 16).unique(dim=0, return_inverse=True, return_counts=True)
    mean = colours[kind == count.argmax()].mean(0).round().int().tolist()
    return "#" + "".join(f"{channel:02x}" for channel in mean)


def _opened(file: Path) -> Image.Image:
    """An upright RGBA image."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures and refuses larger ones; of other oddities it makes
            # the best it can.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as opened:
                turn = TURNS.get(opened.getexif().get(ExifTags.Base.Orientation))
                image = _eight_bits(opened).convert("RGBA")
                return image if turn is None else image.transpose(turn)
    except BOMBS as error:
        most = Image.MAX_IMAGE_PIXELS // 1_000_000
        raise ValueError(
            f"{file.name} has more than {most} million pixels; make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{file.name} is no JPEG, PNG or WebP file; save it as one of these"
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            f"{file.name} is broken ({error}); get it anew, or save it with another program"
        ) from error


def _eight_bits(image: Image.Image) -> Image.Image:
    """Pillow would cut off what is brighter than 255, which in 16 bits is nearly black."""
    if not image.mode.startswith("I;16"):
        return image
    return image.point(lambda value: value * (1 / 257)).convert("L")
