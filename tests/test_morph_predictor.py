"""The predictor `morph`: films and SVGs on the way, of all that people may hand in."""

import json
import zipfile
from pathlib import Path

import av
import pytest
import torch
from PIL import Image

from clipdraw import from_svg, render, scribble, to_svg
from clipdraw.svg_reader import read_notes
from predictors import outputs
from predictors.morph import morph, predict, results
from scripts.predict import main

FOLDER = Path(predict.__file__).parent
HOUSE, TREE, BOAT = (FOLDER / f"{name}.svg" for name in ("house", "tree", "boat"))


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setattr(outputs, "PICTURE", 32)
    monkeypatch.setattr(outputs, "TILE", 16)


def settings(**changes) -> morph.Settings:
    fast = {"seconds": 0.5, "hold": 0.2, "keyframes": 3, "fps": 10, "size": 32}
    return morph.Settings(**{"drawing": HOUSE, "other": TREE, **fast, **changes})


def made(given: morph.Settings, folder: Path) -> list[str]:
    return [file.name for file in results.results(given, folder, lambda *_: None)]


def command(output: Path, **inputs) -> list[str]:
    given = {"drawing": f"@{HOUSE}", "other": f"@{TREE}", "seconds": 0.2, "fps": 5, "size": 32}
    words = [word for name, value in (given | inputs).items() for word in ("-i", f"{name}={value}")]
    return ["morph", *words, "-o", str(output)]


def zipped(file: Path, *members: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for number, member in enumerate(members):
            archive.write(member, f"{number}.svg")
    return file


# ---- what comes out


def test_the_middle_keyframes_sheet_film_and_trace(tmp_path):
    assert made(settings(), tmp_path) == [
        "drawing.svg", "drawing.png", "key-000.svg", "key-001.svg", "key-002.svg", "contact.png",
        "morph.mp4", "trace.json",
    ]  # fmt: skip
    assert (tmp_path / "drawing.svg").read_text() == (tmp_path / "key-001.svg").read_text()
    with Image.open(tmp_path / "drawing.png") as picture:
        assert picture.size == (32, 26)
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["inputs"]["drawing"], trace["inputs"]["other"]) == ("house.svg", "tree.svg")
    assert trace["drawings"] == ["house.svg", "tree.svg"] and trace["ended"] == "finished"
    assert trace["measures"]["paths_between"] == from_svg(tmp_path / "drawing.svg").paths
    assert 0 < trace["measures"]["largest_step"] < 40


def test_the_ends_are_the_drawings(tmp_path):
    made(settings(), tmp_path)
    for name, file in (("key-000", HOUSE), ("key-002", TREE)):
        ours, theirs = (render(from_svg(f), 48, 60) for f in (tmp_path / f"{name}.svg", file))
        # An SVG keeps four decimals.
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=0)


def test_the_film_has_its_frames_and_size(tmp_path):
    made(settings(), tmp_path)
    with av.open(str(tmp_path / "morph.mp4")) as film:
        stream = film.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
    # Two tenths of a second at each drawing, and half a second less a frame between them.
    assert len(frames) == 2 + 4 + 2 and stream.average_rate == 10
    assert frames[0].shape == (26, 32, 3)
    assert abs(frames[0].astype(int) - frames[1]).max() < 9
    assert abs(frames[1].astype(int) - frames[-2]).max() > 90


def test_several_drawings_follow_each_other_and_lead_back(tmp_path):
    several = zipped(tmp_path / "a.zip", HOUSE, TREE)
    for loop, names in ((False, 5), (True, 6)):
        folder = tmp_path / str(loop)
        folder.mkdir()
        files = made(settings(drawing=several, other=BOAT, loop=loop), folder)
        assert sum(name.startswith("key-") for name in files) == names
        trace = json.loads((folder / "trace.json").read_text())
        assert trace["drawings"] == ["0.svg", "1.svg", "boat.svg"]
    ways = [list(morph.places(settings(loop=loop), 3)) for loop in (False, True)]
    assert ways[0][:3] == ways[1][:3] and ways[0][-1] == 3.0 and 2.5 < ways[1][-1] < 3.0


@pytest.mark.parametrize("easing", morph.EASINGS)
def test_time_only_goes_forward_from_end_to_end(easing):
    times = torch.linspace(0, 1, 21).tolist()
    ways = [morph.EASINGS[easing](time) for time in times]
    assert (ways[0], ways[-1]) == (0, 1) and ways == sorted(ways)
    # How fast it is at both ends, as against evenly.
    speeds = {"smooth": (0, 0), "linear": (1, 1), "start slowly": (0, 2), "end slowly": (2, 0)}
    ends = (ways[1] * 20, (1 - ways[-2]) * 20)
    assert ends == pytest.approx(speeds[easing], abs=0.16)


def test_easings_are_those_that_the_form_offers():
    from scripts import form

    offered = form.fields(predict.Predictor.run)["easing"].info.choices
    assert offered == list(morph.EASINGS)


def test_paper_goes_from_one_colour_to_the_other(tmp_path):
    drawing = scribble(2, torch.Generator().manual_seed(0), width=40, height=28)
    files = [tmp_path / "one.svg", tmp_path / "other.svg"]
    for file, paper in zip(files, ((1.0, 0.0, 0.2), (0.0, 0.0, 1.0)), strict=True):
        file.write_text(to_svg(drawing, background=paper, guides=[file.stem]))
    plan = morph.plan(settings(drawing=files[0], other=files[1]), say=lambda _: None)
    assert plan.at(0.25).paper == pytest.approx((0.75, 0, 0.4))
    given = settings(drawing=files[0], other=files[1], background="#336699")
    asked = morph.plan(given, say=lambda _: None)
    assert asked.at(0.7).paper == pytest.approx((0.2, 0.4, 0.6))
    made(given, tmp_path)
    notes = read_notes(tmp_path / "drawing.svg")
    assert notes.paper == pytest.approx((0.2, 0.4, 0.6)) and notes.guides == ("one", "other")


def test_the_canvas_is_that_of_the_first(tmp_path):
    small = tmp_path / "small.svg"
    small.write_text(to_svg(scribble(3, torch.Generator().manual_seed(1), width=20, height=30)))
    plan = morph.plan(settings(other=small), say=lambda _: None)
    assert {(plan.at(t).drawing.width, plan.at(t).drawing.height) for t in (0, 0.5, 1)} == {
        (120, 96)
    }


def test_what_a_drawing_cannot_hold_is_told(tmp_path):
    file = tmp_path / "text.svg"
    file.write_text(HOUSE.read_text().replace("</svg>", "<text>home</text></svg>"))
    said = []
    morph.plan(settings(drawing=file), said.append)
    assert any("text.svg has text" in line for line in said)


def test_an_interrupted_film_is_left_out(tmp_path):
    def report(name, value):
        if (name, value) == ("step", 3):
            raise KeyboardInterrupt

    files = [file.name for file in results.results(settings(), tmp_path, report)]
    assert files[-2:] == ["contact.png", "trace.json"]
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["ended"], trace["steps_done"]) == ("interrupted", 3)


# ---- what is refused


@pytest.mark.parametrize("name", ["drawing", "other"])
def test_a_picture_is_refused_by_the_name_of_its_input(name, tmp_path, capsys):
    Image.new("RGB", (9, 8)).save(tmp_path / "a.png")
    assert main(command(tmp_path / "out", **{name: f"@{tmp_path / 'a.png'}"})) == 2
    error = capsys.readouterr().err
    assert f"{name}: a.png is made of pixels; let vectorize or paint draw it" in error
    assert "Traceback" not in error and not (tmp_path / "out").exists()


def test_what_is_no_drawing_is_refused(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a lake")
    assert main(command(tmp_path / "out", other=f"@{tmp_path / 'a.txt'}")) == 2
    assert "other: a.txt is no drawing; give an SVG" in capsys.readouterr().err


def test_too_many_contours_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(morph, "MOST_CONTOURS", 6)
    with pytest.raises(ValueError, match=r"other: tree.svg has 9 contours, but at most 6 can be"):
        morph.plan(settings(drawing=one_stroke(tmp_path)))


def test_too_many_drawings_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(morph, "MOST_DRAWINGS", 3)
    several = zipped(tmp_path / "a.zip", HOUSE, TREE)
    with pytest.raises(ValueError, match="drawing and other hold 4 drawings, but at most 3 become"):
        morph.plan(settings(drawing=several, other=several))


def one_stroke(folder: Path) -> Path:
    file = folder / "line.svg"
    file.write_text(to_svg(scribble(1, torch.Generator().manual_seed(0), width=40, height=28)))
    return file


def test_the_same_drawings_give_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        assert main(command(tmp_path / folder)) == 0
    for file in ("drawing.svg", "contact.png", "key-003.svg"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
