"""Proxies, cut as their timeline says: frames of films, in any order.

Nothing here imports torch.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import floor
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from journeys.conform import frames, held, shots
from journeys.sequence import ZSequence
from journeys.timeline import Timeline

Picture = UInt8[np.ndarray, "height width 3"]

# Proxies are for looking at; a decoder takes a dozen bytes per pixel.
MOST_PIXELS = 4_000_000
# Frames that are sooner decoded than sought, where not all are key frames.
NEAR = 8


class Film:
    """An MP4 file that is open for reading; a context manager that closes it.

    Frames of a proxy are all key frames, so any is as near as the next. Of other films it takes the
    way from the key frame before.

    Raises:
        ValueError: it is no MP4, or one with very large frames.
    """

    def __init__(self, file: Path, fps: Fraction):
        self.name, self.fps = file.name, fps
        try:
            # By its name alone, a file could be a list of others, on this machine or elsewhere.
            self._container = av.open(str(file), format="mp4")
            self._stream = self._container.streams.video[0]
        except (av.FFmpegError, IndexError) as error:
            why = getattr(error, "strerror", error)
            raise ValueError(f"{self.name}: this is no MP4 film ({why}); get it anew") from error
        self.size = (self._stream.height, self._stream.width)
        """Height and width in pixels."""
        if self.size[0] * self.size[1] > MOST_PIXELS:
            self._container.close()
            raise ValueError(
                f"{self.name}: frames of more than {MOST_PIXELS // 1_000_000} million pixels; make "
                "them smaller"
            )
        self._frames = self._container.decode(self._stream)
        self._last: tuple[int, av.VideoFrame] | None = None

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def picture(self, number: int, size: tuple[int, int]) -> Picture:
        """The frame of that number, scaled to a height and a width.

        Raises:
            ValueError: there is none, or it cannot be decoded.
        """
        frame = self._frame(number).reformat(width=size[1], height=size[0], format="rgb24")
        return frame.to_ndarray()

    def _frame(self, number: int) -> av.VideoFrame:
        if self._last and self._last[0] == number:
            return self._last[1]
        at = self._last[0] if self._last else -1
        try:
            if not at < number <= at + NEAR:
                self._seek(number)
            for frame in self._frames:
                self._last = (self._number(frame), frame)
                if self._last[0] >= number:
                    break
        except av.FFmpegError as error:
            why = error.strerror
            raise ValueError(
                f"{self.name}: frame {number} is broken ({why}); get it anew"
            ) from error
        if not self._last or self._last[0] != number:
            raise ValueError(f"{self.name}: there is no frame {number}; get it anew")
        return self._last[1]

    def _seek(self, number: int) -> None:
        """Go to the key frame at or before a number."""
        start = self._stream.start_time or 0
        time = start + int(number / self.fps / self._stream.time_base)
        self._container.seek(time, stream=self._stream)
        self._frames = self._container.decode(self._stream)
        self._last = None

    def _number(self, frame: av.VideoFrame) -> int:
        start = self._stream.start_time or 0
        return round(((frame.pts or 0) - start) * self._stream.time_base * self.fps)


def cut(
    timeline: Timeline, sequences: Mapping[str, ZSequence], films: Mapping[str, Film], gaps: str
) -> Iterator[Picture]:
    """The pictures of a conformed trajectory: of each row the nearest frame there is.

    Where two rows are mixed, so are their pictures; zeros are black. What is smaller or larger than
    the first film is scaled to its size.

    Args:
        timeline, sequences, gaps: as for `conform`.
        films: the proxy of each trajectory that the timeline shows.
    """
    size = next(films[clip.media].size for clip in timeline.clips if clip.media in films)

    def look(media: str, seconds: Fraction) -> Picture:
        sequence = sequences[media]
        place = held(seconds * sequence.fps, len(sequence.rows))
        return films[media].picture(floor(place + Fraction(1, 2)), size)

    def mix(a: Picture, b: Picture, part: float) -> Picture:
        return np.rint((1 - part) * a + part * b).astype(np.uint8)

    black = np.zeros((*size, 3), np.uint8)
    return frames(shots(timeline, sequences), gaps, look, mix, black)
