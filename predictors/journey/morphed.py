"""Journeys from drawing to drawing: their paths become each other, and no model has a part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from clipdraw.film import to_image
from clipdraw.scribble import scribble_over
from journeys.follow import follow
from journeys.paths import clock, linear
from journeys.sequence import FPS, ZSequence
from predictors.drawings import Handed, read
from predictors.journey.journey import (
    CANVAS,
    FIRST_WIDTH,
    PROXY,
    Journey,
    Key,
    Report,
    Settings,
    held,
)
from predictors.morph import morph
from predictors.outputs import size


def travel(settings: Settings, report: Report) -> Journey:
    """Match the paths of all keyframes, each with those of the next.

    A row of the z-sequence says how much of each keyframe is in a frame; so an even mixture of the
    first two is 0.5, 0.5, 0, ...

    Raises:
        ValueError: keyframes that cannot be.
    """
    try:
        handed = [drawn(each, settings) for each in read(settings.keyframes)]
        for each in handed:
            morph.check(each)
        if not 2 <= len(handed) <= morph.MOST_DRAWINGS:
            raise ValueError(
                f"there are {len(handed)}; hand in a zip of 2 to {morph.MOST_DRAWINGS} drawings or "
                "pictures"
            )
    except ValueError as error:
        raise ValueError(f"keyframes: {error}") from error
    times = clock(len(handed), settings.frames, settings.loop, "smooth")
    counts, ends = held(len(handed), len(times), settings)
    times = np.repeat(times, counts)
    rows = linear(np.eye(len(handed)), times, settings.loop).astype(np.float32)
    plan = morph.planned(handed, settings.background, settings.loop)
    moments = Moments(plan, times.tolist())
    report("steps", len(moments))
    return Journey(
        ZSequence(rows, "keyframes", "euclid", None, FPS, settings.seed),
        moments,
        [Key(frame, each.name) for frame, each in zip(ends, handed, strict=True)],
        lambda: seen(moments),
        list(dict.fromkeys(guide for each in handed for guide in each.guides)),
        {"keyframes": len(handed)},
    )


@dataclass(frozen=True, eq=False)
class Moments(Sequence):
    """The drawings of a morph, each made when it is asked for."""

    plan: morph.Plan
    places: list[float]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, frame: int) -> morph.Moment:
        return self.plan.at(self.places[frame])


def drawn(handed: Handed, settings: Settings) -> Handed:
    """A keyframe as strokes: a drawing as it is, and a picture drawn."""
    if handed.drawing is not None:
        return handed
    _, height, width = handed.picture.shape
    scale = CANVAS / min(height, width)
    generator = torch.Generator().manual_seed(settings.seed)
    paper = settings.paper or handed.ground

    def start(target):
        return scribble_over(
            target, settings.strokes, generator, width=scale * width, height=scale * height,
            stroke_width=FIRST_WIDTH, paper=paper,
        )  # fmt: skip

    ((frame, _),) = follow([handed.picture], start, generator, background=paper)
    return replace(handed, drawing=frame.drawing, paper=paper, guides=())


def seen(moments: Moments) -> Iterator[np.ndarray]:
    """The proxy's frames."""
    shape = size(moments[0].drawing, PROXY)
    for moment in moments:
        yield np.asarray(to_image(moment.seen(*shape)))
