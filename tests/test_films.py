"""Frames of films in any order, and proxies cut as their edit says."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from journeys import films
from journeys.films import Film, cut
from journeys.sequence import save_proxy
from journeys.timeline import Clip, Timeline
from tests.edits import numbered

SIZE = (16, 24)
FRAMES = 40


def grey(number: int) -> np.ndarray:
    """Frames can be told apart by their brightness."""
    return np.full((*SIZE, 3), 6 * number, np.uint8)


def number(picture: np.ndarray) -> int:
    return round(picture.mean() / 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("films")


def far_apart(file: Path) -> None:
    """A film with a single key frame, as editors and cameras make them."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        stream.options = {"g": "999", "bf": "3", "crf": "10"}
        for row in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(grey(row), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


ORDER = [*range(FRAMES), *range(FRAMES - 1, -1, -1), 7, 7, 31, 5, 39, 0, 20, 22, 21]


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(24000, 1001), Fraction(1)])
def test_frames_of_a_proxy_in_any_order(fps, folder):
    file = folder / "proxy.mp4"
    save_proxy(map(grey, range(FRAMES)), file, fps)
    with Film(file, fps) as film:
        assert film.size == SIZE
        assert [number(film.picture(row, SIZE)) for row in ORDER] == ORDER
        assert film.picture(3, (8, 6)).shape == (8, 6, 3)


def test_frames_of_a_film_with_few_key_frames(folder):
    file = folder / "far.mp4"
    far_apart(file)
    with Film(file, Fraction(25)) as film:
        assert [number(film.picture(row, SIZE)) for row in ORDER] == ORDER


def test_what_is_no_film(folder, monkeypatch):
    for name, content in (("a.mp4", b"hello"), ("b.mp4", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")):
        (folder / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name}: this is no MP4 film \(Invalid data found"):
            Film(folder / name, Fraction(25))
    save_proxy([grey(0)], folder / "one.mp4", Fraction(25))
    with Film(folder / "one.mp4", Fraction(25)) as film:
        for absent in (1, 30):
            with pytest.raises(ValueError, match=f"one.mp4: there is no frame {absent}; get it an"):
                film.picture(absent, SIZE)
        assert number(film.picture(0, SIZE)) == 0
    monkeypatch.setattr(films, "MOST_PIXELS", 16 * 24 - 1)
    with pytest.raises(
        ValueError, match="one.mp4: frames of more than 0 million pixels; make them"
    ):
        Film(folder / "one.mp4", Fraction(25))


def test_pictures_follow_the_rows(folder):
    """The nearest frame where a row is between two, mixed where rows are, black where zeros are."""
    save_proxy(map(grey, range(FRAMES)), folder / "walk.mp4", Fraction(25))
    dark = (np.zeros((8, 8, 3), np.uint8) for _ in range(3))
    save_proxy(dark, folder / "dark.mp4", Fraction(25))
    clips = (
        Clip("walk", "V1", 0, 4, Fraction(10, 25), Fraction(1, 4)),
        Clip("walk", "V1", 6, 2, Fraction(20, 25)),
        Clip("dark", "V2", 7, 1, Fraction(0), fade_in=1),
    )
    timeline = Timeline(Fraction(25), clips)
    sequences = {"walk": numbered(FRAMES), "dark": numbered(3)}
    with (
        Film(folder / "walk.mp4", Fraction(25)) as walk,
        Film(folder / "dark.mp4", Fraction(25)) as darkness,
    ):
        known = {"walk": walk, "dark": darkness}
        seen = {
            gaps: [picture.mean() / 6 for picture in cut(timeline, sequences, known, gaps)]
            for gaps in ("hold", "bridge", "zero", "drop")
        }
    shown, last = [10, 10, 11, 11], [20, 10.5]
    assert seen["hold"] == pytest.approx([*shown, 11, 11, *last], abs=0.3)
    assert seen["bridge"] == pytest.approx([*shown, 14, 17, *last], abs=0.3)
    assert seen["zero"] == pytest.approx([*shown, 0, 0, *last], abs=0.3)
    assert seen["drop"] == pytest.approx([*shown, *last], abs=0.3)
