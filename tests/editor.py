"""What stands for the work in a video editor: a film cut into pieces, saved as editors save it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

SCHEMA = otio.schema
RATE = 25


@dataclass(frozen=True)
class Piece:
    """A part of a film; its first frame, and how many."""

    start: int
    frames: int
    speed: float = 1.0
    """As many times as fast; below 0 backwards."""


@dataclass(frozen=True)
class Gap:
    """Nothing for some frames."""

    frames: int


@dataclass(frozen=True)
class Mix:
    """A cross-fade from the piece before to the piece after, half of it on each side of the cut."""

    frames: int


Cut = Sequence[Piece | Gap | Mix]


def save(cut: Cut, film: str, length: int, file: Path) -> Path:
    """Write a cut of one film, of so many frames, in the format of the file's ending."""
    track = SCHEMA.Track("V1", kind=SCHEMA.TrackKind.Video)
    for item in cut:
        match item:
            case Piece(start, frames, speed):
                media = SCHEMA.ExternalReference(film, _range(0, length))
                clip = SCHEMA.Clip(Path(film).stem, media, _range(start, frames))
                if speed != 1:
                    clip.effects.append(SCHEMA.LinearTimeWarp(time_scalar=speed))
                track.append(clip)
            case Gap(frames):
                track.append(SCHEMA.Gap(source_range=_range(0, frames)))
            case Mix(frames):
                half = RationalTime(frames // 2, RATE)
                track.append(SCHEMA.Transition("mix", "SMPTE_Dissolve", half, half))
    timeline = SCHEMA.Timeline("cut", global_start_time=RationalTime(0, RATE))
    timeline.tracks.append(track)
    otio.adapters.write_to_file(timeline, str(file))
    return file


def _range(start: int, frames: int) -> TimeRange:
    return TimeRange(RationalTime(start, RATE), RationalTime(frames, RATE))
