"""An editor's timeline, made with the proxies, applied to the trajectories themselves.

A row of the result is one frame of the timeline. Where that falls between two rows of its source,
because a clip's speed was changed or the project runs at another rate, it is interpolated: an
editor can only repeat frames, but a trajectory has something in between. What is round is
interpolated and cross-faded along great circles, the rest straight.

Nothing here imports torch.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from itertools import groupby
from math import floor
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from journeys.paths import linear, spherical
from journeys.sequence import ZSequence
from journeys.timeline import Clip, Problem, Timeline

GAPS = ("hold", "bridge", "zero", "drop")
"""What becomes of frames without a clip: the row before them stays; a path to the row after them;
zeros; they are left out, and the result is shorter. Where nothing is before them, the row after
them is there already."""
# What has to be the same of trajectories that become one.
COMMON = ("space", "geometry", "radius", "encoder", "dim")

Row = Float64[np.ndarray, " dim"]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Shot:
    """What one clip adds to a frame of the timeline."""

    media: str
    seconds: Fraction
    """Into the media."""
    opacity: float
    """How much it covers of the shots before it; the first one of a frame covers all."""


def conform(
    timeline: Timeline, sequences: Mapping[str, ZSequence], gaps: str = "hold"
) -> ZSequence:
    """The trajectory that an edit makes of others.

    Args:
        timeline: the edit. What `problems` finds about it is left out.
        sequences: by the names of their files, without folder and ending.
        gaps: one of GAPS.

    Raises:
        ValueError: there is nothing to conform, or what there is does not fit together.
    """
    first = _first(timeline, sequences)
    if gaps not in GAPS:
        raise ValueError(f"gaps: {gaps!r} is unknown; choose one of {', '.join(GAPS)}")
    if gaps == "zero" and first.geometry == "sphere":
        raise ValueError("gaps: zero is no point of a sphere; choose hold, bridge or drop")
    path = linear if first.geometry == "euclid" else spherical

    def mix(a: Row, b: Row, u: float) -> Row:
        return path(np.stack([a, b]), np.array([u]))[0]

    def look(media: str, seconds: Fraction) -> Row:
        rows = sequences[media].rows
        place = held(seconds * sequences[media].fps, len(rows))
        row = floor(place)
        here = rows[row].astype(np.float64)
        return mix(here, rows[row + 1].astype(np.float64), float(place % 1)) if place % 1 else here

    table, row = shots(timeline, sequences), 0
    rows = np.empty(
        (sum(map(bool, table)) if gaps == "drop" else len(table), first.dim), np.float32
    )
    try:
        for made in frames(table, gaps, look, mix, np.zeros(first.dim)):
            rows[row] = made
            row += 1
    except ValueError as error:
        raise ValueError(f"row {row} of the result: {error}") from error
    # Of several there is no one seed that would make it again, nor of an edit of one.
    return replace(first, rows=rows, fps=timeline.rate, seed=None)


def held(place: Fraction, rows: int) -> Fraction:
    """A place in so many rows; beyond their ends the first and the last stay."""
    return min(max(place, Fraction(0)), Fraction(rows - 1))


def frames(
    table: list[list[Shot]],
    gaps: str,
    look: Callable[[str, Fraction], Value],
    mix: Callable[[Value, Value, float], Value],
    nothing: Value,
) -> Iterator[Value]:
    """Frame by frame what an edit shows, of rows or of pictures alike.

    Args:
        table: the shots of each frame, as `shots` makes them.
        gaps: one of GAPS.
        look: what is in some media at some second.
        mix: the first value, blended into the second one by a part from 0 to 1.
        nothing: what is where nothing is.
    """

    def value(here: list[Shot]) -> Value:
        first, *others = here
        return reduce(
            lambda below, shot: mix(below, look(shot.media, shot.seconds), shot.opacity),
            others,
            look(first.media, first.seconds),
        )

    runs = [list(run) for _, run in groupby(table, key=bool)]
    before = None
    for number, run in enumerate(runs):
        if run[0]:
            for here in run:
                before = value(here)
                yield before
            continue
        # A timeline ends with a clip, so something follows each gap.
        after = value(runs[number + 1][0])
        for part in range(1, len(run) + 1):
            if gaps == "zero":
                yield nothing
            elif gaps != "drop":
                held = after if before is None else before
                yield mix(held, after, part / (len(run) + 1)) if gaps == "bridge" else held


def shots(timeline: Timeline, known: Container[str]) -> list[list[Shot]]:
    """What is to be seen in each frame of a timeline, from below; nothing in a gap.

    Args:
        known: the media that there are; clips of others are not seen.
    """
    table: list[list[Shot]] = [[] for _ in range(timeline.frames)]
    for clip in timeline.clips:
        if clip.media in known:
            for frame in range(max(clip.start, 0), clip.end):
                opacity = clip.opacity(frame)
                if opacity == 1:
                    table[frame].clear()
                seconds = clip.seconds(frame, timeline.rate)
                table[frame].append(Shot(clip.media, seconds, opacity))
    # Without clips that nobody knows, a timeline may end early.
    while table and not table[-1]:
        table.pop()
    return table


def problems(timeline: Timeline, sequences: Mapping[str, ZSequence]) -> list[Problem]:
    """Everything about an edit that its trajectories cannot follow, as it comes on the timeline."""
    found, absent = list(timeline.problems), set()
    table = shots(timeline, sequences)
    for clip in sorted(timeline.clips, key=lambda clip: clip.start):
        if clip.media in sequences:
            what = _beyond(clip, timeline.rate, sequences[clip.media]) or _alone(clip, table)
        else:
            what = f"there is no z-sequence {clip.media!r}, and a gap would be in its place"
            # Once is enough.
            what = "" if clip.media in absent else what
            absent.add(clip.media)
        if what:
            found.append(Problem(clip.track, clip.start, clip.media, what))
    return sorted(found, key=lambda problem: problem.frame)


def _beyond(clip: Clip, rate: Fraction, sequence: ZSequence) -> str:
    """What is wrong with a clip that shows more than there is, if it does."""
    rows = len(sequence.rows)
    for frame in (clip.start, clip.end - 1):
        place = clip.seconds(frame, rate) * sequence.fps
        # Less than a frame too far is what rounding to a project's frames does.
        if not -1 < place < rows:
            return f"it shows frame {floor(place)} of {rows}, and the nearest one would stay"
    return ""


def _alone(clip: Clip, table: list[list[Shot]]) -> str:
    """What is wrong with a clip that fades where nothing is below it, if it does."""
    faded = [frame for frame in range(max(clip.start, 0), clip.end) if clip.opacity(frame) < 1]
    if all(len(table[frame]) > 1 for frame in faded):
        return ""
    return "it fades where nothing is below it, and would be there at once"


def _first(timeline: Timeline, sequences: Mapping[str, ZSequence]) -> ZSequence:
    """One of the trajectories that an edit is made of; they have all in common that matters.

    Raises:
        ValueError: there are none, or they belong to different spaces.
    """
    used = {clip.media: sequences[clip.media] for clip in timeline.clips if clip.media in sequences}
    if not used:
        raise ValueError(
            "no clip of the timeline shows a z-sequence, so there is nothing to conform"
        )
    (name, first), *others = used.items()
    for other, sequence in others:
        for field in COMMON:
            if getattr(first, field) != getattr(sequence, field):
                raise ValueError(
                    f"the {field} of {name} is {getattr(first, field)} and that of {other} is "
                    f"{getattr(sequence, field)}; conform them one by one"
                )
    return first
