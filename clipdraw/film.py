"""Pictures and films of drawings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from clipdraw.drawing import Drawing, assemble, join
from clipdraw.drawing import Path as OnePath
from clipdraw.renderers import WHITE, render

# Renders of this many pixels are held at once: about 200 MB of floats.
BATCH_PIXELS = 16_000_000


def to_image(picture: Float[Tensor, "channels height width"]) -> Image.Image:
    """A picture in [0, 1] as Pillow's, 8 bits a channel.

    With four channels its colours come multiplied by alpha, as `render` makes them without a
    background; Pillow's, like a PNG's, are not.
    """
    if len(picture) == 4:
        alpha = picture[3:].detach()
        straight = picture[:3].detach() / torch.where(alpha > 0, alpha, 1)
        picture = torch.cat([straight, alpha])
    return Image.fromarray(_bytes(picture))


def save_png(picture: Float[Tensor, "channels height width"], file: str | Path) -> None:
    """Write a picture in [0, 1] as an 8-bit PNG, transparent where it has alpha; see `to_image`."""
    to_image(picture).save(file, format="PNG")


def save_film(
    pictures: Iterable[Float[Tensor, "3 height width"]],
    file: str | Path,
    *,
    fps: int | Fraction = 25,
) -> None:
    """Write pictures of one size in [0, 1] as H.264 that plays in every browser.

    The pixel format is yuv420p, which needs even sides: an odd last row or column is repeated.

    Raises:
        ValueError: there are no pictures.
    """
    container = stream = None
    try:
        for picture in pictures:
            frame = _bytes(picture)
            frame = np.pad(
                frame, [(0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)], "edge"
            )
            if container is None:
                # faststart: a browser can begin before it has the whole file.
                container = av.open(str(file), "w", options={"movflags": "faststart"})
                stream = container.add_stream("libx264", rate=Fraction(fps))
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": "18", "preset": "veryfast"}
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        if container is None:
            raise ValueError("a film needs at least one picture")
        container.mux(stream.encode(None))
    finally:
        if container is not None:
            container.close()


def render_all(
    drawings: Sequence[Drawing], height: int, width: int, background: Sequence[float] = WHITE
) -> Iterator[Float[Tensor, "3 {height} {width}"]]:
    """Render single pictures one after another, as many at a time as memory is good for."""
    at_once = max(BATCH_PIXELS // (height * width), 1)
    with torch.no_grad():
        for start in range(0, len(drawings), at_once):
            batch = join(drawings[start : start + at_once])
            yield from render(batch, height, width, background=background)


def stroke_by_stroke(drawing: Drawing, frames: int) -> list[Drawing]:
    """The drawing as it is drawn: each contour grows from its start, in painter's order.

    Frame 0 is blank, the last of `frames` is the drawing. Equal lengths of pen take equal time,
    as far as segments go: each segment is one unit. A path is filled once it is whole.
    """
    paths = list(drawing.each_path())
    ends = torch.bincount(drawing.path, drawing.segments, minlength=drawing.paths).cumsum(0)
    drawn = []
    for segments in torch.linspace(0, float(drawing.segments.sum()), frames).tolist():
        whole = int((ends <= segments).sum())
        on_paper = paths[:whole]
        if segments > (start := float(ends[whole - 1]) if whole else 0.0):
            on_paper.append(_begun(paths[whole], segments - start))
        blank = drawing.select(torch.zeros(drawing.paths, dtype=torch.bool))
        drawn.append(assemble(on_paper, drawing.width, drawing.height) if on_paper else blank)
    return drawn


def _begun(path: OnePath, segments: float) -> OnePath:
    """A path of which a number of segments are drawn, the last of them in part."""
    contours, closed = [], []
    for points, is_closed in zip(path.contours, path.closed, strict=True):
        count = (len(points) - 1 + is_closed) // 3
        if segments <= 0:
            break
        if segments < count:
            whole = int(segments)
            chain = torch.cat([points, points[:1]])
            points, is_closed = chain[: 3 * whole + 1], False
            if segments > whole:
                cubic = chain[3 * whole : 3 * whole + 4]
                points = torch.cat([points, _split(cubic, segments - whole)[1:]])
        contours.append(points)
        closed.append(is_closed)
        segments -= count
    return replace(path, contours=contours, closed=closed, fill=None)


def _split(cubic: Tensor, t: float) -> Tensor:
    """The first part of a cubic `[4, 2]`, up to parameter t (de Casteljau)."""
    first = [cubic[0]]
    while len(cubic) > 1:
        cubic = torch.lerp(cubic[:-1], cubic[1:], t)
        first.append(cubic[0])
    return torch.stack(first)


def _bytes(picture: Tensor) -> np.ndarray:
    """`[3, height, width]` in [0, 1] as `[height, width, 3]` in 0..255, rounded."""
    scaled = (picture.detach().clamp(0, 1) * 255).round()
    return scaled.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
