"""The predictor `journey`: strokes that follow dreams, and drawings that become each other."""

import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import av
import numpy as np
import pytest
import torch
from PIL import Image

from clipdraw import from_svg
from clipdraw.svg_reader import read_notes
from journeys import follow
from journeys.decode import embed
from journeys.sequence import read
from losses import load_encoder
from predictors import outputs
from predictors.journey import dreamt, journey, results
from scripts.predict import main
from tests import tiny

SCENES = Path(__file__).resolve().parent.parent / "predictors/morph"


@pytest.fixture(autouse=True)
def small(monkeypatch, short_dreams):
    for name, value in tiny.SMALL_FILMS.items():
        monkeypatch.setattr(outputs, name, value)
    monkeypatch.setattr(follow, "LOOK", 24)
    for module, side in ((dreamt, 24), (results.morphed, 24)):
        monkeypatch.setattr(module, "PROXY", side)


def command(output: Path, **inputs) -> list[str]:
    inputs = {"frames": 3, "hold": 2, "strokes": 4, "steps_per_frame": 2, **inputs}
    line = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return ["journey", *line, "-o", str(output)]


def settings(**changes) -> journey.Settings:
    small = {"prompts": "a fish | a boat", "frames": 3, "hold": 2, "strokes": 4}
    return journey.Settings(**{**small, **changes})


def travel(**changes) -> journey.Journey:
    return dreamt.travel(settings(**changes), lambda *_: None)


def frames_of(film: Path) -> list[np.ndarray]:
    with av.open(str(film)) as opened:
        return [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]


@pytest.fixture
def rows(tmp_path) -> Path:
    """A sequence with two holds, of 3 and of 2 frames, and a frame between them."""
    fish, boat = embed(load_encoder("pocket"), ["a fish", "a boat"])
    np.save(tmp_path / "cut.npy", np.stack([fish, fish, fish, fish + boat, boat, boat]))
    return tmp_path / "cut.npy"


def test_it_hands_out_a_drawing_of_each_keyframe_the_film_and_the_way(tmp_path):
    prompts = "a fish | a boat | a tree"
    assert main(command(tmp_path, prompts=prompts, background="#fdf6e3")) == 0
    keys = [tmp_path / f"key-00{number}.svg" for number in range(3)]
    assert sorted(tmp_path.glob("*.svg")) == keys
    assert all(from_svg(key).paths == 4 for key in keys)
    assert read_notes(keys[0]).paper == pytest.approx((253 / 255, 246 / 255, 227 / 255), abs=1e-4)
    assert "a boat: frame 5 of" in keys[1].read_text()
    # 2 for the fish, 2 on the way, 2 for the boat, 2 on the way, 2 for the tree.
    made = read(tmp_path / "journey.npy", dim=256)
    assert (len(made.rows), made.encoder, made.seed) == (10, "pocket", 0)
    assert len(frames_of(tmp_path / "film.mp4")) == 10
    wanted = embed(load_encoder("pocket"), prompts.split("|"))
    assert np.allclose(made.rows[[0, 1, 4, 5, 8, 9]], wanted.repeat(2, axis=0), atol=1e-6)
    with ZipFile(tmp_path / "journey.zip") as together:
        assert together.namelist() == ["journey.npy", "journey.json", "journey.mp4"]
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["ended"] == "finished" and trace["steps_done"] == 10
    assert [key["frame"] for key in trace["keyframes"]] == [1, 5, 9]
    measures = trace["measures"]
    assert measures["frames"] == 10 and measures["units per frame"] > 0
    assert 0 < measures["decibels"] < 100 and measures["mean step"] <= measures["largest step"]


def test_a_loop_leads_back():
    rows = travel(loop=True).sequence.rows
    assert len(rows) == 2 * (3 + 2 - 1)
    fish, boat = embed(load_encoder("pocket"), ["a fish", "a boat"])
    assert rows[0] @ fish == pytest.approx(1, abs=1e-5)
    assert rows[4] @ boat == pytest.approx(1, abs=1e-5)
    assert rows[5] @ fish < rows[-1] @ fish < 1 - 1e-3


def test_each_leg_takes_its_time_where_dreams_change_fast(monkeypatch):
    """Of a way on which all happens in the first of four frames, the others hurry there."""
    seen = [0, 200, 210, 220, 230]

    def looks(decoders, rows):
        return ([torch.full((3, 2, 2), value, dtype=torch.uint8)] for value in seen)

    monkeypatch.setattr(dreamt, "looks", looks)
    rows = np.eye(5)
    evenly = dreamt.even(rows, settings(frames=4), None)
    # 57.5 a frame: after it, and after twice as much, the first frame is not yet over.
    part = np.array([0, 57.5, 115, 172.5]) / 200 * np.pi / 2
    assert np.allclose(evenly[:4, 0], np.cos(part)) and np.allclose(evenly[:4, 1], np.sin(part))
    assert np.allclose(evenly[4], rows[4])


def test_noise_leads_past_the_prompts_at_a_distance_that_a_seed_chooses():
    fish, boat = embed(load_encoder("pocket"), ["a fish", "a boat"])
    one, other = (travel(noise=0.6, seed=seed, hold=0).sequence.rows for seed in (1, 2))
    for rows in (one, other):
        assert [rows[0] @ fish, rows[-1] @ boat] == pytest.approx([0.8, 0.8], abs=1e-4)
    assert one[0] @ other[0] < 0.9


def test_a_sequence_is_followed_as_it_is_and_what_is_held_is_a_keyframe(rows, tmp_path):
    assert main(command(tmp_path / "out", sequence=f"@{rows}")) == 0
    assert np.array_equal(read(tmp_path / "out/journey.npy").rows, np.load(rows))
    trace = json.loads((tmp_path / "out/trace.json").read_text())
    assert [key["frame"] for key in trace["keyframes"]] == [0, 2, 5]
    assert trace["inputs"]["sequence"] == "cut.npy"


def test_a_sequence_may_come_in_a_zip(rows, tmp_path):
    with ZipFile(tmp_path / "cut.zip", "w") as packed:
        packed.write(rows, "any/cut.npy")
    made = travel(prompts="", sequence=tmp_path / "cut.zip")
    assert np.array_equal(made.sequence.rows, np.load(rows))


def test_where_a_sequence_jumps_strokes_start_anew_and_smoothing_does_not_cross(tmp_path):
    fish, boat = embed(load_encoder("pocket"), ["a fish", "a boat"])
    np.save(tmp_path / "jump.npy", np.stack([fish, 2 * fish, fish, boat, boat]))
    np.save(tmp_path / "all.npy", np.stack([fish, fish, fish]))
    jumping, whole = (
        travel(prompts="", sequence=tmp_path / f"{name}.npy", strokes=9).moments
        for name in ("jump", "all")
    )
    # How long a z is says nothing.
    for number in range(3):
        assert torch.equal(jumping[number].drawing.points, whole[number].drawing.points)
    segments = [moment.drawing.segments.tolist() for moment in jumping]
    assert segments[0] == segments[2] != segments[3] == segments[4]


def test_the_same_seed_gives_the_same_bits_and_another_one_others():
    one, two, three = (travel(seed=seed).moments[-1].drawing for seed in (3, 3, 4))
    assert torch.equal(one.points, two.points) and torch.equal(one.colors, two.colors)
    assert one.points.shape != three.points.shape or not torch.equal(one.points, three.points)


def test_drawings_and_pictures_become_each_other(tmp_path):
    Image.new("RGB", (30, 20), "#336699").save(tmp_path / "a.png")
    with ZipFile(tmp_path / "keys.zip", "w") as packed:
        packed.write(SCENES / "house.svg", "1.svg")
        packed.write(tmp_path / "a.png", "2.png")
        packed.write(SCENES / "tree.svg", "10.svg")
    line = command(tmp_path / "out", keyframes=f"@{tmp_path / 'keys.zip'}", loop=True)
    assert main(line) == 0
    first, drawn, last = (from_svg(tmp_path / f"out/key-00{n}.svg") for n in range(3))
    house, tree = (from_svg(SCENES / f"{name}.svg") for name in ("house", "tree"))
    assert (first.paths, drawn.paths, last.paths) == (house.paths, 4, tree.paths)
    assert torch.allclose(first.points, house.points, atol=1e-2)
    made = read(tmp_path / "out/journey.npy")
    assert (made.geometry, made.rows.shape) == ("euclid", (3 * (3 + 2 - 1), 3))
    assert np.array_equal(made.rows[[1, 5, 9]], np.eye(3)) and np.allclose(made.rows.sum(1), 1)
    assert len(frames_of(tmp_path / "out/film.mp4")) == 12


@pytest.mark.parametrize("word", ["step", "film"])
def test_a_journey_that_is_interrupted_hands_out_what_there_is(word, tmp_path, monkeypatch):
    def report(name, value):
        if (name, value) == ("step", 3):
            raise KeyboardInterrupt

    def stop(*_, **__):
        raise KeyboardInterrupt

    if word == "film":
        monkeypatch.setattr(results, "save_film", stop)
    given = settings(prompts="a fish | a boat | a tree")
    files = list(results.results(given, tmp_path, report if word == "step" else lambda *_: None))
    names = {file.name for file in files}
    assert ("film.mp4" in names) == (word == "step") and "key-000.svg" in names
    trace = json.loads((tmp_path / "trace.json").read_text())
    done = 3 if word == "step" else 10
    assert (trace["ended"], trace["steps_done"]) == ("interrupted", done)
    assert len(read(tmp_path / "journey.npy").rows) == done


def test_before_the_first_frame_there_is_nothing_to_hand_out(tmp_path):
    def report(name, value):
        if name == "steps":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(results.results(settings(), tmp_path, report))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "prompts: write where the journey leads, such as 'a fish | a boat', or hand in"),
        ({"prompts": "a | b", "sequence": "@cut.npy"}, "sequence: there are prompts as well, and"),
        ({"prompts": "a fish"}, "prompts: 'a fish' is where the journey begins; write where it le"),
        ({"prompts": "a fish | "}, "prompt is empty, got ''"),
        ({"prompts": "a fish | a fish:-1"}, "prompts: from number 0 the next is right across"),
        ({"prompts": "a | b | c | d | e", "frames": 1000}, "frames: 4006 frames in all are more"),
        ({"sequence": "@none.npy"}, "sequence: none.npy: this is no array"),
        ({"sequence": "@nan.npy"}, "sequence: nan.npy: row 1 has nan in column 7, but all numbers"),
        ({"sequence": "@zero.npy"}, "sequence: zero.npy: row 2 is zero, which is no direction"),
        ({"sequence": "@short.npy"}, "sequence: short.npy: rows have 5 numbers, but 256 are"),
        ({"sequence": "@long.npy"}, "sequence: 3001 frames in all are more than the 3000 that"),
        ({"sequence": "@two.zip"}, "sequence: the zip has 2 arrays (.npy); put one of them in"),
        ({"keyframes": "@cut.npy"}, "keyframes: cut.npy is no drawing"),
        ({"keyframes": "@house.svg"}, "keyframes: there are 1; hand in a zip of 2 to 20 drawings"),
    ],
)
def test_bad_input_is_one_sentence(inputs, words, rows, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good = np.ones((4, 256), np.float32)
    for name, row, value in (("nan", 1, np.nan), ("zero", 2, 0)):
        bad = good.copy()
        bad[row, 7 if name == "nan" else slice(None)] = value
        np.save(f"{name}.npy", bad)
    np.save("short.npy", good[:, :5])
    np.save("long.npy", np.ones((3001, 256), np.float32))
    Path("none.npy").write_text("none")
    shutil.copy(SCENES / "house.svg", "house.svg")
    with ZipFile("two.zip", "w") as packed:
        for name in ("a.npy", "b.npy"):
            packed.write(rows, name)
    assert main(command(Path("out"), **inputs)) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not Path("out").exists()
