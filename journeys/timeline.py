"""What an editor's timeline says, as far as a trajectory can follow it.

Whatever program it comes from, a timeline is a list of clips in painter's order: a clip covers
what lies below it, and where it fades it lets it shine through. A cross-fade is two clips that
overlap, the upper of which fades in. Times within media are seconds and exact fractions, places on
the timeline are whole frames, counted from 0; ends are exclusive.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath

# Two hours at 25 frames per second.
MOST_FRAMES = 180_000
# Of all clips: a handful of tracks, each as full as can be.
MOST_TOGETHER = 1_000_000


@dataclass(frozen=True)
class Clip:
    """A piece of media on the timeline, at a constant speed."""

    media: str
    """The file's name, without folder and ending."""
    track: str
    start: int
    """The frame of the timeline where it begins."""
    frames: int
    """How long it is there, with the frames of its fades."""
    first: Fraction
    """Seconds into the media at its first frame."""
    speed: Fraction = Fraction(1)
    """Seconds of media per second of timeline; 0 stands still, below 0 is backwards."""
    fade_in: int = 0
    """For how many of its first frames what lies below it shines through."""
    fade_out: int = 0
    """For how many of its last frames."""

    @property
    def end(self) -> int:
        """The first frame of the timeline that it does not reach."""
        return self.start + self.frames

    def seconds(self, frame: int, rate: Fraction) -> Fraction:
        """Seconds into the media at a frame of a timeline of that rate."""
        return self.first + self.speed * (frame - self.start) / rate

    def opacity(self, frame: int) -> float:
        """How much of a frame of the timeline is this clip's, above 0 and at most 1.

        A fade of n frames has n + 1 equal steps, the first from the frame before it, the last to
        the frame after it.
        """
        opacity = 1.0
        if frame - self.start < self.fade_in:
            opacity *= (frame - self.start + 1) / (self.fade_in + 1)
        if self.end - frame <= self.fade_out:
            opacity *= (self.end - frame) / (self.fade_out + 1)
        return opacity


@dataclass(frozen=True)
class Problem:
    """Something on a timeline that no array can follow."""

    track: str
    frame: int
    """Where it begins."""
    clip: str
    """The clip's name; nothing where it is the whole track's."""
    what: str
    """What it is, and what is done instead if it may be left out."""

    def told(self, rate: Fraction) -> str:
        """As a clause, with its place on a timeline of that rate."""
        clip = f", clip {self.clip!r}" if self.clip else ""
        return f"track {self.track!r}{clip} at {timecode(self.frame, rate)}: {self.what}"


@dataclass(frozen=True)
class Timeline:
    """An edit: what is seen when."""

    rate: Fraction
    """Frames per second."""
    clips: tuple[Clip, ...]
    """In painter's order: of two that overlap, the later one is on top."""
    problems: tuple[Problem, ...] = ()
    """What of the file is not in the clips."""

    @property
    def frames(self) -> int:
        """Its length, up to the end of the last clip."""
        return max((clip.end for clip in self.clips), default=0)


class Edit:
    """What a reader collects on its way through a file."""

    def __init__(self, rate: Fraction):
        self.rate = rate
        self.clips: list[Clip] = []
        self.problems: list[Problem] = []
        self._files: dict[str, str] = {}

    def media(self, file: str) -> str:
        """The name of a file, any system's, without folder and ending.

        Raises:
            ValueError: another file had the same name.
        """
        file = file.replace("\\", "/")
        name = PurePosixPath(file).stem
        known = self._files.setdefault(name, file)
        # The same file may be written with its folder and without.
        if not (f"/{known}".endswith(f"/{file}") or f"/{file}".endswith(f"/{known}")):
            raise ValueError(
                f"two files are called {name!r}, {known} and {file}; give them different names"
            )
        return name

    def problem(self, track: str, frame: int, clip: str, what: str) -> None:
        """Note something that no array can follow; see `Problem`."""
        self.problems.append(Problem(track, frame, clip, what))

    def timeline(self) -> Timeline:
        """All of it; clips were collected in painter's order."""
        return Timeline(self.rate, tuple(self.clips), tuple(self.problems))


def timecode(frame: int, rate: Fraction) -> str:
    """HH:MM:SS:FF of a frame, as an editor shows it (none are dropped)."""
    seconds, frames = divmod(frame, round(rate))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frames:02}"


def exact_rate(rate: float) -> Fraction:
    """Frames per second as they are meant: 29.97 and its like are 1000/1001 of a whole number.

    Raises:
        ValueError: it is no frame rate.
    """
    if not 0 < rate <= 1000:
        raise ValueError(f"{rate:g} is no frame rate; give frames per second, such as 25")
    whole = round(rate * 1.001)
    # 23.98 is the coarsest way to write one.
    if rate != round(rate) and abs(rate * 1.001 - whole) < 0.005:
        return Fraction(whole * 1000, 1001)
    return Fraction(rate).limit_denominator(1001)
