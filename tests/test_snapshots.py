"""The predictor `snapshots`: a trajectory as several seeds dream it, side by side."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from journeys.decode import embed
from journeys.sequence import ZSequence, save
from losses import load_encoder
from predictors.snapshots import look, predict
from scripts.predict import main


@pytest.fixture(autouse=True)
def rough(short_dreams):
    """What dreams are worth is tested elsewhere."""


@pytest.fixture
def tour(tmp_path) -> Path:
    """Eleven rows at 30 frames per second."""
    rows = np.repeat(embed(load_encoder("pocket"), ["a fish", "a boat"]), [6, 5], axis=0)
    made = ZSequence(rows, "embedding", "sphere", 1.0, Fraction(30), encoder="pocket")
    return save(made, tmp_path / "tour.npy")[0]


def command(tour: Path, output: Path, **inputs) -> list[str]:
    inputs = {"tiles": 3, "columns": 2, **inputs}
    line = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return ["snapshots", "-i", f"sequence=@{tour}", *line, "-o", str(output)]


def test_a_tile_for_each_seed_as_a_film_and_on_a_page(tour, tmp_path):
    assert main(command(tour, tmp_path / "out", every=4)) == 0
    height = predict.TILE + 18
    with av.open(str(tmp_path / "out/snapshots.mp4")) as film:
        stream = film.streams.video[0]
        # Rows 0, 4 and 8, in the time that the eleven take.
        assert (stream.average_rate, stream.width) == (Fraction(30, 4), 2 * predict.TILE)
        assert stream.height == 2 * height
        frames = [f.to_ndarray(format="rgb24").astype(float) for f in film.decode(stream)]
    assert len(frames) == 3
    tiles = [frames[0][: predict.TILE, : predict.TILE], frames[0][: predict.TILE, predict.TILE :]]
    assert np.abs(tiles[0] - tiles[1]).mean() > 2
    assert np.abs(frames[0] - frames[1]).mean() < 1 < np.abs(frames[1] - frames[2]).mean()
    with Image.open(tmp_path / "out/contact.png") as page:
        assert page.size == (3 * predict.SMALL, 3 * (predict.SMALL + 18))
    trace = json.loads((tmp_path / "out/trace.json").read_text())
    assert trace["inputs"]["sequence"] == "tour.npy" and trace["measures"]["differ by"] > 0


def test_seeds_are_counted_from_the_first(tour):
    plan = look.plan(look.Settings(tour, tiles=2, dream_seed=7))
    assert list(plan.decoders) == ["seed 7", "seed 8"]
    assert [decoder.seed for decoder in plan.decoders.values()] == [7, 8]
    assert np.array_equal(plan.sequence.rows, np.load(tour)[[0, 5, 10]])


def test_a_run_that_is_interrupted_hands_out_what_there_is(tour, tmp_path):
    def report(name, value):
        if (name, value) == ("step", 2):
            raise KeyboardInterrupt

    settings = look.Settings(tour, tiles=2, every=1)
    files = [file.name for file in predict.results(settings, tmp_path, report)]
    assert files == ["contact.png", "snapshots.mp4", "trace.json"]
    with av.open(str(tmp_path / "snapshots.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 2


@pytest.mark.parametrize(
    ("rows", "inputs", "words"),
    [
        (np.ones((4, 5)), {}, "sequence: tour.npy: rows have 5 numbers, but 256 are needed"),
        (np.full((4, 256), np.nan), {}, "sequence: tour.npy: row 0 has nan in column 0"),
        (
            np.ones((400, 256)),
            {"tiles": 100, "every": 2},
            "tiles: 100 of 200 frames are 20000 dreams, and 15000 the most; take fewer, or a fra",
        ),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, rows, inputs, words, capsys):
    np.save(tmp_path / "tour.npy", rows.astype(np.float32))
    assert main(command(tmp_path / "tour.npy", tmp_path / "out", **inputs)) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()
