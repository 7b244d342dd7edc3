"""pydiffvg (Li et al. 2020) as a backend, where it is installed: for parity and for benchmarks.

Each layer becomes a shape group of its own, a path's fill below its stroke, because diffvg paints
the fill of a group on top. Its stroke width is half of ours.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from clipdraw.drawing import Drawing, Path

try:
    import pydiffvg
except ImportError as error:
    raise ImportError(
        "the diffvg backend needs the package pydiffvg, which is built from source as "
        "https://github.com/BachiLi/diffvg says; the other backends come with this package"
    ) from error

# Samples of a pixel along each axis: CLIPDraw's (Frans et al. 2021, notebook).
SAMPLES = 2


def render(drawing: Drawing, background: Tensor) -> Tensor:
    """Paint a drawing whose canvas units are pixels; see `reference.render`.

    Raises:
        ValueError: a transparent background, because diffvg's own has colours that are multiplied
            by coverage and not by opacity.
    """
    if len(background) != 3:
        raise ValueError("the diffvg backend paints on an opaque background only; give it a colour")
    height, width = int(drawing.height), int(drawing.width)
    paper = torch.cat([background, background.new_ones(1)]).expand(height, width, 4).contiguous()
    pictures = []
    for one in drawing.split():
        shapes, groups = _scene(list(one.each_path()))
        if not shapes:  # a scene without shapes ends the process
            pictures.append(paper[..., :3].permute(2, 0, 1))
            continue
        scene = pydiffvg.RenderFunction.serialize_scene(width, height, shapes, groups)
        picture = pydiffvg.RenderFunction.apply(width, height, SAMPLES, SAMPLES, 0, paper, *scene)
        pictures.append(picture[..., :3].permute(2, 0, 1))
    return torch.stack(pictures).to(drawing.points)


def _scene(paths: Sequence[Path]) -> tuple[list, list]:
    """Shapes and groups in painter's order; gradients are wrong where the two differ in it."""
    shapes, groups = [], []
    for path in paths:
        for color, is_fill in ((path.fill, True), (path.color, False)):
            if color is None:
                continue
            contours = [
                _shape(points, closed, path.width / 2)
                for points, closed in zip(path.contours, path.closed, strict=True)
            ]
            numbers = torch.arange(len(shapes), len(shapes) + len(contours))
            shapes += contours
            groups.append(
                pydiffvg.ShapeGroup(
                    shape_ids=numbers,
                    fill_color=color if is_fill else None,
                    stroke_color=None if is_fill else color,
                    use_even_odd_rule=path.fill_rule == "evenodd",
                )
            )
    return shapes, groups


def _shape(points: Tensor, closed: bool, half_width: Tensor):
    segments = (len(points) - 1 + closed) // 3
    return pydiffvg.Path(
        num_control_points=torch.full((segments,), 2, dtype=torch.int32),
        points=points.float().contiguous(),
        is_closed=closed,
        stroke_width=half_width.float(),
    )
