"""The predictor `bank`: samples and short journeys as films that an editor can cut."""

import json
from pathlib import Path
from zipfile import ZipFile

import av
import numpy as np
import pytest
from PIL import Image

from journeys.banks import samples
from journeys.decode import embed
from journeys.sequence import read
from losses import load_encoder
from predictors.bank import bank, predict
from scripts.predict import main


@pytest.fixture(autouse=True)
def rough(short_dreams):
    """What dreams are worth is tested elsewhere."""


def command(output: Path, **inputs) -> list[str]:
    inputs = {"count": 3, "frames": 4, **inputs}
    line = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return ["bank", *line, "-o", str(output)]


def shots(**changes) -> list[bank.Shot]:
    return bank.shots(bank.Settings(**{"count": 3, "frames": 4, **changes}))


@pytest.fixture
def held(tmp_path) -> Path:
    """Five samples, each held for three frames, as an editor's cut may leave them."""
    rows = samples(5, 256, 1.0, np.random.default_rng(9)).astype(np.float32)
    np.save(tmp_path / "cut.npy", np.repeat(rows, 3, axis=0))
    return tmp_path / "cut.npy"


def test_samples_lie_around_their_prompts_in_turn():
    fish, boat = embed(load_encoder("pocket"), ["a fish", "a boat"])
    found = shots(prompts="a fish | a boat", count=4, spread=0.6)
    assert [shot.label for shot in found] == ["1: a fish", "2: a boat", "3: a fish", "4: a boat"]
    rows = np.concatenate([shot.rows for shot in found])
    assert rows @ fish == pytest.approx([0.8, rows[1] @ fish, 0.8, rows[3] @ fish], abs=1e-5)
    assert rows[[1, 3]] @ boat == pytest.approx([0.8, 0.8], abs=1e-5)
    assert abs(rows[0] @ rows[2]) < 0.9


def test_without_prompts_samples_lie_anywhere():
    rows = np.concatenate([shot.rows for shot in shots(count=40)])
    cosines = rows @ rows.T - np.eye(40)
    # Independent ones in 256 dimensions: a deviation of 1/16.
    assert np.abs(cosines).max() < 6 / 16
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_a_bank_is_a_film_with_each_sample_held(tmp_path):
    assert main(command(tmp_path, prompts="a fish | a boat")) == 0
    made = read(tmp_path / "bank.npy", dim=256)
    assert (len(made.rows), made.fps, made.encoder, made.seed) == (12, 25, "pocket", 0)
    assert len(np.unique(made.rows, axis=0)) == 3 and (made.rows[4:8] == made.rows[4]).all()
    with av.open(str(tmp_path / "bank.mp4")) as film:
        frames = [f.to_ndarray(format="rgb24").astype(float) for f in film.decode(video=0)]
    assert np.abs(frames[4] - frames[7]).mean() < 2 < np.abs(frames[3] - frames[4]).mean()
    with ZipFile(tmp_path / "bank.zip") as together:
        assert together.namelist() == ["bank.npy", "bank.json", "bank.mp4"]
        assert together.read("bank.npy") == (tmp_path / "bank.npy").read_bytes()
    with Image.open(tmp_path / "contact.png") as sheet:
        assert sheet.size == (3 * bank.TILE, bank.TILE + 18)
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["inputs"]["prompts"] == "a fish | a boat" and trace["measures"]["shots"] == 3
    assert 0 < trace["measures"]["mean step"] <= trace["measures"]["largest step"] < 1


def test_a_bank_that_was_cut_becomes_short_journeys(held, tmp_path):
    keys = np.load(held)[::3]
    assert main(command(tmp_path / "out", bank=f"@{held}", count=6)) == 0
    made = read(tmp_path / "out/journeys.npy", dim=256)
    found = shots(bank=held, count=6)
    assert np.array_equal(made.rows, np.concatenate([shot.rows for shot in found]))
    for number, shot in enumerate(found, start=1):
        name, stops = shot.label.split(": ")
        assert name == str(number)
        wanted = keys[[int(stop) - 1 for stop in stops.split(" > ")]]
        assert np.allclose(shot.rows[::4], wanted, atol=1e-6) and len(wanted) in (2, 3)
    with Image.open(tmp_path / "out/contact.png") as sheet:
        assert sheet.size == (8 * bank.TILE, 6 * (bank.TILE + 18))


def test_numbers_say_which_samples_are_travelled_between(held):
    for given in ({"keep": "2, 4-5"}, {"drop": "1, 3"}, {"keep": "2-5", "drop": "3"}):
        found = shots(bank=held, count=12, **given)
        stops = {stop for shot in found for stop in shot.label.split(": ")[1].split(" > ")}
        assert stops == {"2", "4", "5"}


@pytest.mark.parametrize("path", ["spherical", "springs", "linear", "circle", "walk"])
def test_there_are_other_ways(held, path):
    tangent, other = shots(bank=held, count=6), shots(bank=held, count=6, path=path)
    assert len(other) == 6 and all(np.isfinite(shot.rows).all() for shot in other)
    # Between two keyframes, tangent is spherical.
    assert any(not np.array_equal(a.rows, b.rows) for a, b in zip(tangent, other, strict=True))


def test_a_seed_s_samples_are_not_the_noise_around_them(held, tmp_path):
    """With one stream of luck a circle around sample 1 of the same seed would have no plane."""
    np.save(tmp_path / "a.npy", shots(seed=3, count=1)[0].rows)
    (found,) = shots(seed=3, bank=tmp_path / "a.npy", count=1, path="circle", spread=0.6)
    assert found.rows @ np.load(tmp_path / "a.npy")[0] == pytest.approx(0.8, abs=1e-5)
    assert np.linalg.matrix_rank(found.rows, tol=1e-4) == 3


def test_the_same_seed_gives_the_same_and_another_one_others():
    one, two, three = (
        np.concatenate([shot.rows for shot in shots(seed=seed)]) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, two) and np.abs(one @ three.T).max() < 0.5


def test_a_run_that_is_interrupted_hands_out_what_there_is(held, tmp_path):
    seen = []

    def report(name, value):
        seen.append((name, value))
        if (name, value) == ("step", 7):
            raise KeyboardInterrupt

    settings = bank.Settings(bank=held, count=4, frames=4)
    files = list(predict.results(settings, tmp_path, report))
    journeys = [f"journeys.{kind}" for kind in ("npy", "json", "mp4", "zip")]
    assert [file.name for file in files] == ["contact.png", *journeys, "trace.json"]
    assert len(read(tmp_path / "journeys.npy").rows) == 7


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"prompts": "a fish |"}, "prompt is empty, got ''"),
        ({"drop": "2"}, "drop: there is nothing yet to take from; hand in a bank as well"),
        ({"prompts": "a fish", "bank": "@{}"}, "prompts: a bank has its samples already; hand in"),
        ({"bank": "@{}", "keep": "2"}, "bank: a journey needs two keyframes, and there is one; k"),
        ({"bank": "@{}", "keep": "7"}, "keep: there is no 7; the bank has the numbers 1 to 5"),
        ({"bank": "@{}5"}, "bank: cut5: this is no array"),
        ({"count": 1000, "frames": 500}, "frames: 500000 in all are more than the 15000 that ar"),
    ],
)
def test_bad_input_is_one_sentence(held, inputs, words, tmp_path, capsys):
    (tmp_path / "cut5").write_text("none")
    given = {k: v.format(held) if isinstance(v, str) else v for k, v in inputs.items()}
    given = {k: v.replace(".npy5", "5") if isinstance(v, str) else v for k, v in given.items()}
    assert main(command(tmp_path / "out", **given)) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()
