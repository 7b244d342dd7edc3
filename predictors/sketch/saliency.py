"""What a picture is of: where an encoder looks, and what stands apart from the borders."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from clipdraw.colors import oklab
from losses import Encoder
from predictors.sketch.lines import Map

# Looks along each side, each with one place blurred. Twelve find the cat's eyes and its nose.
LOOKS = 12
# Deviation of the Gaussian that places are blurred with and in, as a fraction of the side.
BLUR, PLACE = 0.12, 0.08
# Longer side in pixels of what is measured from the borders.
COARSE = 72
# In 224ths of the picture's shorter side: half of what is no speck any more, and how far beside
# what is salient its outline may lie, which is the darker side of its edge.
SPECK, MARGIN = 2.0, 4.0
# Of Otsu's threshold. At 1 a cup loses its saucer and the astronaut her face; at 0.7 a cat gains
# parts of the sofa.
LENIENCE = 0.85
# Lines where nothing is salient count a fifth as much as where everything is.
UNSEEN = 0.2
# A step between neighbours that costs nothing, in Oklab's units: noise, and soft shadows.
FREE = 0.01


def saliency(
    picture: Float[Tensor, "3 height width"], encoder: Encoder, device: str = "cpu"
) -> Map:
    """In [0, 1]: half by what the encoder looks at, half by what stands apart.

    Square roots, because of both most is near 0: the cat's eyes outshine the cat.
    """
    return (np.sqrt(attention(picture, encoder, device)) + np.sqrt(apart(picture))) / 2


@torch.no_grad()
def attention(
    picture: Float[Tensor, "3 height width"], encoder: Encoder, device: str = "cpu"
) -> Map:
    """In [0, 1]: how much an encoder misses what is blurred, place by place.

    The distance between the vectors of the picture and of the picture with one place blurred
    (occlusion sensitivity: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional
    Networks", section 4.2, without a class).
    """
    size = encoder.size
    whole = F.interpolate(picture[None], (size, size), mode="bilinear", antialias=True)
    blurred = ndimage.gaussian_filter(whole[0].numpy(), (0, BLUR * size, BLUR * size))
    whole, blurred = whole.to(device), torch.from_numpy(blurred)[None].to(device)
    pixel, centres = (torch.arange(n) + 0.5 for n in (size, LOOKS))
    near = torch.exp(-((pixel / size - centres[:, None] / LOOKS) ** 2) / (2 * PLACE**2))
    near = near.to(device)
    vector, missed = encoder.embed_image(whole), []
    for row in near:
        place = (row[:, None] * near[:, None])[:, None]
        missed.append(1 - encoder.embed_image(torch.lerp(whole, blurred, place)) @ vector[0])
    missed = torch.stack(missed).clamp(min=0).cpu()[None, None]
    large = F.interpolate(missed, picture.shape[1:], mode="bicubic")[0, 0]
    return spread_out(large.double().numpy())


def apart(picture: Float[Tensor, "3 height width"]) -> Map:
    """In [0, 1]: how far from the borders a place is, by the colour steps that lie between.

    Borders are background the more certainly, the more of the border looks like them. (Wei et al.
    2012, "Geodesic Saliency Using Background Priors"; Zhu et al. 2014 ask how much of a colour
    touches the border.)
    """
    height, width = picture.shape[1:]
    scale = COARSE / max(height, width)
    rows, columns = (max(round(side * scale), 1) for side in (height, width))
    small = F.interpolate(picture[None], (rows, columns), mode="area")[0]
    colours = oklab(small.flatten(1).T).double().numpy()
    number = np.arange(rows * columns).reshape(rows, columns)
    one, other = neighbours(rows, columns)
    steps = np.linalg.norm(colours[one] - colours[other], axis=1) - FREE
    border = np.unique(np.concatenate([number[0], number[-1], number[:, 0], number[:, -1]]))
    unlike = np.linalg.norm(colours[border][:, None] - colours[border], axis=2)
    rare = np.sort(unlike, axis=1)[:, : len(border) // 3 + 1].mean(1)
    # One node stands for all that lies outside; an edge of length 0 would be none.
    outside = np.full(len(border), number.size)
    lengths = np.maximum(np.concatenate([steps, rare]), 1e-7)
    graph = coo_array(
        (lengths, (np.concatenate([one, border]), np.concatenate([other, outside]))),
        shape=(number.size + 1, number.size + 1),
    )
    away = dijkstra(graph.tocsr(), directed=False, indices=number.size)[:-1]
    away = torch.from_numpy(away.reshape(1, 1, rows, columns))
    large = F.interpolate(away, (height, width), mode="bilinear")[0, 0]
    return spread_out(large.numpy())


def neighbours(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of pixels, counted row by row, that touch by a side or a corner."""
    number = np.arange(rows * columns).reshape(rows, columns)
    pairs = (
        (number[:, :-1], number[:, 1:]),
        (number[:-1], number[1:]),
        (number[:-1, :-1], number[1:, 1:]),
        (number[:-1, 1:], number[1:, :-1]),
    )
    one, other = zip(*pairs, strict=True)
    return tuple(np.concatenate([part.ravel() for part in side]) for side in (one, other))


def spread_out(values: Map) -> Map:
    """From 0 to 1; all 1 where places differ by no more than rounding does."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high - low > 1e-4 else np.ones_like(values)


def weights(salient: Map, unit: float) -> Map:
    """How much lines count in each place, up to 1: by the most salient place nearby, for what is
    salient has its outline around it.

    Args:
        salient: in [0, 1].
        unit: a 224th of the picture's shorter side, pixels.
    """
    near = ndimage.maximum_filter(salient, max(round(2 * MARGIN * unit), 1))
    near = ndimage.gaussian_filter(near, MARGIN * unit)
    return UNSEEN + (1 - UNSEEN) * near / max(near.max(), 1e-9)


def foreground(salient: Map, unit: float) -> Bool[np.ndarray, "rows columns"]:
    """What is salient, without specks and holes, and a little around it.

    Args:
        salient: in [0, 1].
        unit: a 224th of the picture's shorter side, pixels.
    """
    found = salient > LENIENCE * otsu(salient)
    found = ndimage.binary_opening(found, iterations=max(round(SPECK * unit), 1))
    found = ndimage.binary_fill_holes(found)
    return ndimage.binary_dilation(found, iterations=max(round(MARGIN * unit), 1))


def otsu(values: Map) -> float:
    """The threshold that splits values in [0, 1] into two classes of the least variance (Otsu
    1979)."""
    counts, edges = np.histogram(values, 64, (0, 1))
    middles, below = (edges[:-1] + edges[1:]) / 2, counts.cumsum()
    sums, above = (counts * middles).cumsum(), counts.sum() - below
    between = (sums[-1] * below / counts.sum() - sums) ** 2 / np.maximum(below * above, 1)
    return edges[1:][between.argmax()]
