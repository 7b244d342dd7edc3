"""Other ways to draw an icon: as black lines, and painted by our own renderer in a few broad, wet
strokes."""

import re

import numpy as np
import torch

from clipdraw import Drawing, Weighted, optimise, render
from clipdraw.loop import Rates, Scene
from clipdraw.scribble import scribble_over

# Of the view's side: a line of one and a half pixels on the prior's 32.
LINE_WIDTH = 0.05
# Fills darker than this stay black: eyes, mouths, wheels.
DARK = 0.25

# A wash is about forty strokes of a tenth to a quarter of the picture, half transparent.
WASH_STROKES, WASH_STEPS, WASH_OPACITY = 40, 60, 0.5
WASH_WIDTHS = (0.1, 0.25)


def line_art(svg: str) -> str:
    """An icon of filled shapes as a drawing in black lines: every shape white with a black border,
    painted in the icon's own order, so that what is behind stays hidden."""
    head, body = re.fullmatch(r"(<svg[^>]*>)(.*)</svg>\s*", svg, re.DOTALL).groups()
    left, top, side = map(float, re.search(r'viewBox="(\S+) (\S+) (\S+)', head).groups())
    pen = LINE_WIDTH * side
    view = f'viewBox="{left - pen / 2} {top - pen / 2} {side + pen} {side + pen}"'
    head = re.sub(r'viewBox="[^"]*"', view, head)
    body = re.sub(r'\b(fill|stroke)="(?!none)([^"]*)"', _in_ink, body)
    body = re.sub(r'\s(stop-color|stroke-width|opacity|fill-opacity|filter)="[^"]*"', "", body)
    ink = f'fill="#fff" stroke="#000" stroke-width="{pen:.3g}"'
    return f'{head}<g {ink} stroke-linejoin="round" stroke-linecap="round">{body}</g></svg>'


def _in_ink(found: re.Match) -> str:
    attribute, value = found.groups()
    return f'{attribute}="{"#000" if attribute == "stroke" or _is_dark(value) else "#fff"}"'


def _is_dark(colour: str) -> bool:
    """Whether a fill is nearly black; gradients and names are not."""
    digits = re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", colour)
    if not digits:
        return colour == "black"
    step = len(digits.group(1)) // 3
    channels = re.findall("." * step, digits.group(1))
    return max(int(channel * (2 // step), 16) for channel in channels) / 255 < DARK


def wash(picture: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """Straight RGBA `[side, side, 4]` repainted in broad, half transparent strokes of our own
    renderer, fitted to it on white paper; straight RGBA again."""
    side = len(picture)
    rgba = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)
    target = rgba[:3] * rgba[3:] + 1 - rgba[3:]
    narrow, wide = (width * side for width in WASH_WIDTHS)
    start = scribble_over(
        target, WASH_STROKES, generator, width=side, height=side, stroke_width=wide
    )
    start.colors[:, 3] = WASH_OPACITY

    def apart(scene: Scene) -> torch.Tensor:
        return (scene.picture - target).square().mean((1, 2, 3))

    rates = Rates(points=side / 224, widths=side / 224, colors=0.01)
    frames = optimise(
        start, {"apart": Weighted(100.0, apart)}, steps=WASH_STEPS, generators=[generator],
        rates=rates, width_bounds=(narrow, wide),
    )  # fmt: skip
    for frame in frames:
        last = frame.drawing
    return _straight(last, side)


def _straight(drawing: Drawing, side: int) -> np.ndarray:
    """A drawing on no paper, with its colours no longer multiplied by alpha, uint8."""
    painted = render(drawing, side, side, background=None)[0]
    straight = torch.cat([painted[:3] / painted[3:].clamp(min=1e-3), painted[3:]])
    return (255 * straight.clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()
