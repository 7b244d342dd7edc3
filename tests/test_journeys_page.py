"""docs/journeys.md: its commands, run one after the other, make the film that it tells of.

Cuts of ours stand for the work in an editor. Everything is as long as on the page; only pictures
are small, dreams rough and strokes few.
"""

import json
import re
import shlex
from pathlib import Path

import av
import numpy as np
import pytest

from clipdraw import from_svg
from clipdraw.scribble import scribble_over
from journeys import decode, follow
from journeys.paths import angles
from journeys.sequence import read
from losses.dreams import sample
from predictors.bank import bank
from predictors.journey import dreamt
from predictors.snapshots import predict as snapshots
from scripts import predict
from tests import editor
from tests.editor import Gap, Mix, Piece

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/journeys.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line)
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
# Samples of the bank that are kept, by their numbers; each stays for 12 frames there.
KEPT = (1, 4, 5, 10, 15, 16, 18, 20, 21, 23, 33)
HOLD, SAMPLES = 12, 40


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder in which all commands of the page have run."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "docs").symlink_to(ROOT / "docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(decode, "sample", lambda denoise, noise, steps: sample(denoise, noise, 1))
        patch.setattr(bank, "PROXY", 24)
        patch.setattr(snapshots, "TILE", 24)
        patch.setattr(follow, "LOOK", 16)
        patch.setattr(dreamt, "scribble_over", few)
        patch.setattr(dreamt, "PROXY", 24)
        for words in COMMANDS:
            assert words[0] == "scripts/predict"
            assert predict.main(words[1:], ROOT) == 0, words
    return folder / "output"


def few(target, strokes, *args, **kwargs):
    """Scribbles over a picture, but not so many."""
    return scribble_over(target, 4, *args, **kwargs)


def bank_cut() -> editor.Cut:
    """Those that are kept, each without its first and its last frame."""
    cut, last = [], 0
    for number in KEPT:
        start = (number - 1) * HOLD + 1
        cut += [Gap(start - last), Piece(start, HOLD - 2)]
        last = start + HOLD - 2
    return cut


def film_cut(starts: list[int]) -> editor.Cut:
    """Journeys 20, 15, 25 and 26, each of which begins where the one before ends."""
    first, second, third, fourth = (starts[number - 1] for number in (20, 15, 25, 26))
    return [
        Piece(first, 41), Piece(second + 1, 40), Mix(8), Piece(third + 5, 36),
        Piece(fourth, 20, speed=2.0), Gap(24), Piece(first, 1),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def shots(made) -> list[bank.Shot]:
    """The thirty short journeys."""
    kept = made / "2-kept/conformed.npy"
    return bank.shots(bank.Settings(bank=kept, count=30, frames=20))


def test_our_cuts_are_what_an_editor_would_have_saved(shots, tmp_path):
    lengths = [len(shot.rows) for shot in shots]
    starts = np.cumsum([0, *lengths]).tolist()
    for name, cut, film, frames in (
        ("bank-cut.kdenlive", bank_cut(), "bank.mp4", HOLD * SAMPLES),
        ("film-cut.otio", film_cut(starts), "journeys.mp4", sum(lengths)),
    ):
        file = editor.save(cut, film, frames, tmp_path / name)
        assert (ROOT / "docs/journeys" / name).read_text() == file.read_text(), name


def test_what_is_kept_is_what_the_cut_keeps(made):
    samples, kept = (read(made / name).rows for name in ("1-bank/bank.npy", "2-kept/conformed.npy"))
    assert len(samples) == SAMPLES * HOLD and len(kept) == len(KEPT) * (HOLD - 2)
    wanted = samples[[(number - 1) * HOLD for number in KEPT]]
    assert np.array_equal(kept[:: HOLD - 2], wanted)
    assert (made / "2-kept/conformed.mp4").exists()


def test_journeys_lead_through_what_was_kept(made, shots):
    kept = read(made / "2-kept/conformed.npy").rows[:: HOLD - 2]
    rows = read(made / "3-journeys/journeys.npy").rows
    assert np.array_equal(rows, np.concatenate([shot.rows for shot in shots]))
    assert f"(`{shots[19].label}` leads from 4 by 6 to 8)" in " ".join(PAGE.split())
    assert np.allclose(shots[19].rows[::20], kept[[3, 5, 7]], atol=1e-6)


def test_the_film_is_cut_as_its_proxy_and_closes_by_a_way_of_its_own(made, shots):
    film = read(made / "4-cut/conformed.npy")
    assert len(film.rows) == 41 + 40 + 36 + 20 + 24 + 1
    first, second, third, fourth = (shots[number - 1].rows for number in (20, 15, 25, 26))
    assert np.array_equal(film.rows[:41], first)
    assert np.array_equal(film.rows[41:77], second[1:37])
    assert np.array_equal(film.rows[85:117], third[9:41])
    assert np.allclose(film.rows[117:137], fourth[0:40:2], atol=1e-6)
    assert np.array_equal(film.rows[-1], first[0])
    # The gap is crossed in even steps on the sphere; where the proxy fades, so does the path.
    assert np.allclose(np.linalg.norm(film.rows, axis=1), 1, atol=1e-5)
    way = film.rows[136:162].astype(np.float64)
    steps = angles(way[1:], way[:-1])
    assert np.allclose(steps, steps.mean(), rtol=1e-3) and steps.sum() > 0.5
    measures = json.loads((made / "4-cut/trace.json").read_text())["measures"]
    assert (measures["rows in gaps"], measures["rows cross-faded"]) == (24, 8)


def test_eight_seeds_dream_of_it(made):
    with av.open(str(made / "5-snapshots/snapshots.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 17


def test_strokes_follow_the_film_that_was_cut(made):
    film = read(made / "4-cut/conformed.npy")
    drawn = read(made / "6-film/journey.npy")
    assert np.array_equal(drawn.rows, film.rows) and drawn.fps == film.fps
    with av.open(str(made / "6-film/film.mp4")) as opened:
        assert sum(1 for _ in opened.decode(video=0)) == len(film.rows)
    # A drawing each second, where a journey begins with the frame that the one before it ends
    # with, and at the end.
    names = sorted(file.name for file in (made / "6-film").glob("key-*.svg"))
    assert len(names) == 7 + 1 + 1 and from_svg(made / "6-film" / names[-1]).paths == 4


def test_the_files_it_links_to_are_there():
    for link in re.findall(r"\]\((?!http)([^)]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
