"""The predictor `paint`: it comes close, closer with more strokes, and keeps to what is asked."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from clipdraw import from_svg
from predictors import outputs
from predictors.paint import draw, predict
from scripts.predict import main
from tests import tiny

LAKE = Path(predict.__file__).parent / "lake.webp"


@pytest.fixture(autouse=True)
def small_films(monkeypatch):
    for name, value in tiny.SMALL_FILMS.items():
        monkeypatch.setattr(outputs, name, value)


def settings(**changes) -> draw.Settings:
    return draw.Settings(**{"image": LAKE, "strokes": 30, "steps": 30, "size": 48, **changes})


def drawn(given: draw.Settings):
    """The last frame."""
    *_, frame = draw.draw(given, draw.plan(given))
    return frame


def command(output: Path, image: Path = LAKE, **inputs) -> list[str]:
    inputs = {"strokes": 4, "steps": 2, "size": 32, "frame_every": 1, **inputs}
    line = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return ["paint", "-i", f"image=@{image}", *line, "-o", str(output)]


def test_more_strokes_come_closer():
    close = [draw.decibels(drawn(settings(strokes=strokes))) for strokes in (4, 30, 64)]
    assert close[0] + 2 < close[1] < close[2] - 2
    # Paper alone is 12 dB away.
    assert close[2] > 20


def test_more_steps_come_closer():
    given = settings()
    close = [draw.decibels(frame) for frame in draw.draw(given, draw.plan(given))]
    assert close[0] + 1 < close[10] < close[30] - 1


def test_decibels_are_those_of_the_mean_square():
    given = settings(steps=1)
    plan = draw.plan(given)
    frame = next(draw.draw(given, plan))
    square = (frame.picture[0] - plan.picture).square().mean()
    assert draw.decibels(frame) == pytest.approx(-10 * square.log10().item(), abs=0.006)


def test_what_is_met_exactly_is_not_infinitely_close(tmp_path):
    Image.new("RGB", (4, 4), "#336699").save(tmp_path / "a.png")
    given = settings(image=tmp_path / "a.png", steps=1)
    assert 20 < draw.decibels(next(draw.draw(given, draw.plan(given)))) <= 100


def test_strokes_start_in_layers_wide_ones_below():
    given = settings(strokes=100, min_stroke_width=2.0, max_stroke_width=16.0)
    plan = draw.plan(given)
    start = draw.layers(given.strokes, plan, torch.Generator().manual_seed(0))
    assert start.paths == 100 and start.pictures == 1
    widths, counts = start.widths.unique_consecutive(return_counts=True)
    unit = 32 / 224
    assert torch.allclose(widths / unit, torch.tensor([16.0, 8, 4, 2]))
    assert counts.tolist() == [6, 13, 26, 55]


@pytest.mark.parametrize(
    ("strokes", "parts"), [(4, [1, 1, 1, 1]), (5, [1, 1, 1, 2]), (15, [1, 2, 4, 8])]
)
def test_every_layer_has_a_stroke(strokes, parts):
    assert draw.shares(strokes) == parts


def test_thin_strokes_start_where_there_are_details(tmp_path):
    """Half a picture is blank; the other half has stripes that only thin strokes can show."""
    sheet = torch.full((60, 80), 255, dtype=torch.uint8)
    sheet[:, 40::4] = 0
    sheet[:, 41::4] = 0
    Image.fromarray(sheet.numpy()).save(tmp_path / "a.png")
    given = settings(image=tmp_path / "a.png", size=80, strokes=150, background="#ffffff")
    plan = draw.plan(given)
    start = draw.layers(given.strokes, plan, torch.Generator().manual_seed(0))
    first = torch.cat([torch.tensor([True]), start.path_of_point.diff() > 0])
    thin = start.points[first][-draw.shares(150)[-1] :]
    assert (thin[:, 0] > 38).float().mean() > 0.9
    grey = start.colors[0, :3].tolist()
    assert grey[0] == grey[1] == grey[2]


def test_the_canvas_has_the_picture_s_aspect(tmp_path):
    assert main(command(tmp_path)) == 0
    drawing = from_svg(tmp_path / "drawing.svg")
    assert (drawing.width, drawing.height) == (32, 21)
    with Image.open(tmp_path / "drawing.png") as picture:
        assert picture.size == (32, 21)


def test_the_paper_is_the_border_s_colour_unless_another_is_asked_for(tmp_path):
    image = Image.new("RGB", (32, 24), "#204060")
    image.paste("#ffffff", (8, 8, 24, 16))
    image.save(tmp_path / "a.png")
    for colour, wanted in ((None, "#204060"), ("#ff0000", "#ff0000")):
        plan = draw.plan(settings(image=tmp_path / "a.png", background=colour))
        assert [round(channel * 255) for channel in plan.paper] == [
            int(wanted[i : i + 2], 16) for i in (1, 3, 5)
        ]


def test_a_transparent_picture_lies_on_white_or_on_the_paper_asked_for(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    for colour, red in ((None, 1.0), ("#0080ff", 0.0)):
        plan = draw.plan(settings(image=tmp_path / "a.png", background=colour))
        assert plan.paper[0] == red and (plan.picture[0] == red).all()


def test_widths_stay_within_their_bounds_on_any_canvas():
    given = settings(min_stroke_width=10.0, max_stroke_width=20.0)
    unit = 32 / 224
    widths = drawn(given).drawing.widths / unit
    assert widths.min() >= 10 - 1e-4 and widths.max() <= 20 + 1e-4


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path):
    for folder, seed in (("one", 3), ("two", 3), ("three", 4)):
        assert main(command(tmp_path / folder, seed=seed)) == 0
    one, two, three = (
        (tmp_path / folder / "drawing.svg").read_bytes() for folder in ("one", "two", "three")
    )
    assert one == two != three


def test_a_run_that_is_interrupted_hands_out_what_there_is(tmp_path):
    files = predict.results(settings(steps=6), 3, tmp_path, lambda *_: None)
    assert [next(files).name for _ in range(2)] == ["step-00000.png", "step-00003.png"]
    kept = [files.throw(KeyboardInterrupt()).name, *(file.name for file in files)]
    assert kept == ["drawing.svg", "drawing.png", "film.mp4", "strokes.mp4", "trace.json"]
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["ended"], trace["steps_done"]) == ("interrupted", 3)
    assert trace["measures"]["decibels"] > 10 and trace["guides"] == []
    assert (trace["inputs"]["image"], trace["inputs"]["strokes"]) == ("lake.webp", 30)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"strokes": 3}, "strokes: 3 is below the least allowed value 4"),
        ({"size": 1024}, "size: 1024 is above the greatest allowed value 512"),
        ({"background": "red"}, "background: 'red' does not match"),
        ({"min_stroke_width": 9, "max_stroke_width": 3}, "min_stroke_width: 9.0 is above max_st"),
        ({"image": Path("nothing.png")}, "image: 'nothing.png' does not exist"),
    ],
)
def test_bad_input_is_one_sentence(inputs, words, tmp_path, capsys):
    assert main(command(tmp_path / "out", **inputs)) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_picture_is_refused_by_the_name_of_its_input(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a lake")
    assert main(command(tmp_path / "out", tmp_path / "a.txt")) == 2
    error = capsys.readouterr().err
    assert "image: a.txt is no JPEG, PNG or WebP file; save it as one of these" in error
    assert "Traceback" not in error
