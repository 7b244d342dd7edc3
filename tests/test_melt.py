"""What we conform is what a real editor's engine shows: MLT's, by its program `melt`."""

import os
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from journeys.conform import shots
from journeys.kdenlive_reader import read_kdenlive
from journeys.sequence import save_proxy
from tests.edits import BANK, FADE, FADED, GAP, KDENLIVE, RATE, SEQUENCES, WALK, expected, numbered

pytestmark = pytest.mark.skipif(
    shutil.which("melt") is None, reason="there is no melt; on Debian and Ubuntu: apt install melt"
)

# Frames are numbered by eight squares, four above four; no square is white where there is no film.
SIDE, BITS = 16, 8
FIRST = {"walk": 1, "bank": 129}


def picture(number: int) -> np.ndarray:
    bits = [255 * (number >> bit & 1) for bit in range(BITS)]
    squares = np.array(bits, np.uint8).reshape(2, 4).repeat(SIDE, 0).repeat(SIDE, 1)
    return np.stack([squares] * 3, axis=2)


def number(frame: av.VideoFrame) -> int:
    squares = frame.to_ndarray(format="gray").reshape(2, SIDE, 4, SIDE).mean((1, 3)).ravel()
    return sum(1 << bit for bit in range(BITS) if squares[bit] > 128)


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for name, frames in (("walk", WALK), ("bank", BANK)):
        pictures = (picture(FIRST[name] + row) for row in range(frames))
        save_proxy(pictures, folder / f"{name}.mp4", RATE)
    save_proxy((picture(0) for _ in range(50)), folder / "black.mp4", RATE)
    save_proxy((picture(255) for _ in range(50)), folder / "white.mp4", RATE)
    # Kdenlive's own smaller copy of a film.
    (folder / "proxy").mkdir()
    shutil.copy(folder / "walk.mp4", folder / "proxy" / "0123456789abcdef.mp4")
    return folder


def render(text: str, folder: Path) -> list[av.VideoFrame]:
    """What melt makes of a project."""
    (folder / "project.mlt").write_text(text)
    film = folder / "film.mkv"
    film.unlink(missing_ok=True)
    options = ["vcodec=ffv1", "pix_fmt=yuv420p", "an=1", "real_time=-1", "terminate_on_pause=1"]
    subprocess.run(
        ["melt", "project.mlt", "-consumer", f"avformat:{film}", *options],
        cwd=folder,
        # Some of its modules would open a window.
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    with av.open(str(film)) as opened:
        return list(opened.decode(video=0))


@pytest.mark.parametrize("file", KDENLIVE, ids=lambda file: file.stem)
def test_a_project_shows_what_it_is_conformed_to(file, films):
    wanted = [0 if shot is None else FIRST[shot[0]] + shot[1] for shot in expected()]
    # It understands a decimal comma only where a language that has one is installed.
    text = re.sub(r"(\d\d),(\d\d\d)", r"\1.\2", file.read_text())
    seen = [number(frame) for frame in render(text, films)]
    assert len(seen) in (70, 80)
    cuts = [*range(FADE), *range(FADE + FADED, len(seen))]
    assert [seen[i] for i in cuts] == [wanted[i] for i in cuts]
    assert set(seen[GAP]) == {0}


HEAD = """<mlt root="" LC_NUMERIC="C"><profile width="64" height="32" progressive="1"
 sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="2" display_aspect_den="1"
 frame_rate_num="{}" frame_rate_den="{}" colorspace="601"/>"""


def project(entries: str, producer: str = "", rate: Fraction = RATE) -> str:
    """A project of one track."""
    return f"""{HEAD.format(rate.numerator, rate.denominator)}
      <producer id="walk" in="0" out="{round(WALK / RATE * rate) - 1}">
        <property name="resource">walk.mp4</property>
        <property name="mlt_service">avformat</property></producer>
      {producer}<playlist id="one">{entries}</playlist>
      <tractor id="all"><track producer="one"/></tractor></mlt>"""


def places(text: str) -> list[float]:
    """The rows, between two of them perhaps, that we would take."""
    shown = [shot for (shot,) in shots(read_kdenlive(text), SEQUENCES)]
    return [float(shot.seconds * RATE) for shot in shown]


@pytest.mark.parametrize(
    "entries",
    [
        '<entry producer="walk"/>',
        '<entry producer="walk" in="10" out="10"/>',
        '<entry producer="walk" in="95"/>',
        '<entry producer="walk" out="3"/><entry producer="walk" in="00:00:01.000" out="26"/>',
        '<entry producer="walk" in="00:00:01:00" out="00:00:01:02"/>',
        '<entry producer="walk" in="97" out="103"/><entry producer="walk" in="5" out="6"/>',
    ],
)
def test_ends_are_inclusive_and_absent_ones_are_the_film_s(entries, films):
    text = project(entries)
    assert [number(frame) - 1 for frame in render(text, films)] == places(text)


def test_an_entry_counts_from_where_its_producer_begins(films):
    producer = """<producer id="part" in="10" out="20"><property name="resource">walk.mp4</property>
      <property name="mlt_service">avformat</property></producer>"""
    text = project('<entry producer="part"/><entry producer="part" in="2" out="5"/>', producer)
    assert [number(frame) - 1 for frame in render(text, films)] == places(text)
    assert places(text) == [*range(10, 21), *range(12, 16)]


def warp(speed: str, length: int, service: str = "timewarp") -> str:
    resource = f"{speed}:walk.mp4" if service == "timewarp" else f"walk.mp4?{speed}"
    return f"""<producer id="warp" in="0" out="{length - 1}">
      <property name="length">{length}</property><property name="resource">{resource}</property>
      <property name="warp_speed">{speed}</property>
      <property name="warp_resource">walk.mp4</property>
      <property name="mlt_service">{service}</property></producer>"""


@pytest.mark.parametrize(
    "speed, length, service",
    [
        ("2", 50, "timewarp"),
        ("0.5", 200, "timewarp"),
        ("3", 34, "timewarp"),
        ("-1", 100, "timewarp"),
        ("-1", 80, "timewarp"),
        ("-2", 50, "timewarp"),
        ("-3", 33, "timewarp"),
        ("2", 50, "framebuffer"),
        ("0.5", 200, "framebuffer"),
    ],
)
def test_speeds(speed, length, service, films):
    """MLT repeats whole frames, rounded in its way; what we take is less than a frame away."""
    ends = f'<entry producer="warp" in="0" out="5"/><entry producer="warp" in="{length - 6}"/>'
    text = project(ends, warp(speed, length, service))
    seen = [number(frame) - 1 for frame in render(text, films)]
    ours = places(text)
    assert len(seen) == len(ours) == 12
    assert np.abs(np.subtract(seen, ours)).max() < (1 if "." in speed else 1e-9)


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(30), Fraction(30000, 1001), Fraction(50)])
def test_a_project_at_another_rate_than_its_films(rate, films):
    text = project('<entry producer="walk" in="7"/>', rate=rate)
    seen, ours = [number(frame) - 1 for frame in render(text, films)], places(text)
    assert len(seen) == len(ours)
    assert np.abs(np.subtract(seen, np.minimum(ours, WALK - 1))).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("reverse", [0, 1])
def test_a_cross_fade_has_even_steps(reverse, films):
    """MLT's first step is nothing where Kdenlive writes the mix a frame longer than it is."""
    entries = {
        "black": '<entry producer="black" in="0" out="29"/>',
        "white": '<blank length="20"/><entry producer="white" in="0" out="29"/>',
    }
    order = ["white", "black"] if reverse else ["black", "white"]
    producers = "".join(
        f"""<producer id="{name}" in="0" out="49"><property name="resource">{name}.mp4</property>
        <property name="mlt_service">avformat</property></producer>"""
        for name in order
    )
    playlists = "".join(f'<playlist id="of {x}">{entries[x]}</playlist>' for x in order)
    tracks = "".join(f'<track producer="of {name}"/>' for name in order)
    text = f"""{HEAD.format(25, 1)}{producers}{playlists}<tractor id="track">{tracks}
      <transition in="20" out="30"><property name="mlt_service">luma</property>
      <property name="a_track">0</property><property name="b_track">1</property>
      <property name="reverse">{reverse}</property></transition></tractor>
      <tractor id="all"><track producer="track"/></tractor></mlt>"""
    levels = np.array([f.to_ndarray(format="gray").mean() / 255 for f in render(text, films)])
    sequences = {"black": numbered(50), "white": numbered(50, 1)}
    table = shots(read_kdenlive(text), sequences)
    ours = np.array([0.0 if s[-1].media == "black" else s[-1].opacity for s in table])
    assert (ours[:20] == 0).all() and (ours[30:] == 1).all()
    assert np.allclose(np.diff(ours[19:31]), 1 / 11)
    assert np.abs(levels[20:30] - ours[19:29]).max() < 0.01
    assert (levels[:20] < 0.01).all() and (levels[30:] > 0.99).all()
