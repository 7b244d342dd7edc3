"""The predictor `restyle`: it takes on as much of a style as it is asked to, and keeps the rest."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from PIL import Image

from clipdraw import from_svg, render, save_png, scribble, to_svg
from predictors import outputs
from predictors.clipdraw.presets import PRESETS
from predictors.restyle import draw, marks, measures, predict, subject
from predictors.restyle import transport as colours
from predictors.restyle.transport import middles, transport
from scripts.predict import main
from tests import tiny

FOLDER = Path(predict.__file__).parent
BOAT, NIGHT = FOLDER / "boat.svg", FOLDER / "night.webp"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in tiny.SMALL_FILMS.items():
        monkeypatch.setattr(outputs, name, value)
    monkeypatch.setattr(colours, "CELLS", 150)
    monkeypatch.setattr(draw, "LOOK", 40)
    monkeypatch.setattr(draw, "SIZES", (28, 14))


def settings(**changes) -> draw.Settings:
    given = {"style": NIGHT, "drawing": BOAT, "marks": 150, "steps": 12, "model": "pocket"}
    return draw.Settings(**given | changes)


def restyled(**changes):
    """The plan and the last frame."""
    given = settings(**changes)
    plan = draw.plan(given, say=lambda _: None)
    *_, frame = draw.draw(given, plan)
    return plan, frame


def command(output: Path, **inputs) -> list[str]:
    given = {"style": f"@{NIGHT}", "drawing": f"@{BOAT}", "marks": 5, "steps": 4, "frame_every": 2}
    line = [f"{name}={value}" for name, value in (given | inputs).items() if value is not None]
    return ["restyle", *(word for item in line for word in ("-i", item)), "-o", str(output)]


def stripes(wavelength: float, angle: float, height: int = 224, width: int = 300):
    """Grey waves; `angle` is that of their crests."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    angle = torch.tensor(angle)
    across = y * angle.cos() - x * angle.sin()
    return (0.5 + 0.4 * (2 * torch.pi * across / wavelength).sin()).expand(3, -1, -1)


# ---- strength


@pytest.mark.parametrize("style", ["night.webp", "woodcut.webp"])
def test_the_stronger_the_more_of_the_style_and_the_less_of_the_content(style):
    found = []
    for strength in (0, 50, 100):
        plan, frame = restyled(strength=strength, style=FOLDER / style)
        found.append(draw.measured(plan, frame))
    taken, kept = ([each[name] for each in found] for name in ("style_taken", "content_kept"))
    assert all(a < b for a, b in pairwise(taken))
    assert all(a > b for a, b in pairwise(kept))
    assert taken[0] == pytest.approx(0, abs=0.01) and taken[-1] > 0.8
    assert kept[0] == 1 and kept[1] > 0.8


def test_without_strength_the_drawing_stays_as_it_was():
    plan, frame = restyled(strength=0)
    before = from_svg(BOAT)
    assert to_svg(frame.drawing) == to_svg(before)
    assert plan.paper == pytest.approx(plan.subject.paper)


def test_thin_and_wide_strokes_stay_within_bounds(tmp_path):
    """Those of the drawing, whatever our own marks may be."""
    file = tmp_path / "a.svg"
    wide = scribble(3, torch.Generator().manual_seed(0), width=60, height=50)
    file.write_text(to_svg(wide.replace(widths=torch.tensor([0.01, 2.0, 40.0]))))
    _, frame = restyled(strength=0, drawing=file)
    assert frame.drawing.widths.tolist() == pytest.approx([0.01, 2.0, 40.0])


# ---- colours


def halves(left, right, height=32, width=48):
    picture = torch.empty(3, height, width)
    picture[..., : width // 2] = torch.tensor(left)[:, None, None]
    picture[..., width // 2 :] = torch.tensor(right)[:, None, None]
    return picture


NAVY, CREAM = (0.1, 0.1, 0.4), (0.95, 0.9, 0.8)


def test_dark_goes_to_dark_and_light_to_light_wherever_they_are():
    way = transport(halves((0, 0, 0), (1, 1, 1)), halves(CREAM, NAVY))
    painted = way.means()
    assert torch.allclose(painted[:, :, 0], torch.tensor(NAVY)[:, None], atol=1e-5)
    assert torch.allclose(painted[:, :, -1], torch.tensor(CREAM)[:, None], atol=1e-5)


def test_white_paper_becomes_night_and_what_was_drawn_on_it_shines():
    """A twelfth is drawn on, and a twelfth is bright; only so is the contrast kept."""
    drawing, style = halves((1, 1, 1), (1, 1, 1)), halves(NAVY, NAVY)
    drawing[:, 8:16, 8:24], style[:, 4:12, 28:44] = 0.0, 1.0
    painted = transport(drawing, style).means()
    rows, columns = painted.shape[1:]
    assert painted[0, int(rows * 12 / 32), int(columns * 16 / 48)] > 0.6
    assert painted[0, -1, -1] < 0.2


def test_inks_are_the_style_s_own_and_not_mixed():
    way = transport(halves((0, 0, 0), (1, 1, 1)), (stripes(60, 0.3) > 0.5).float())
    places = middles((9, 11))
    inks = way.ink(torch.rand(99, 3), places, torch.Generator().manual_seed(0))
    assert ((inks < 0.01) | (inks > 0.99)).float().mean() > 0.5


@pytest.mark.parametrize(
    ("owner", "middle"), [([0, 0, 0], [0.5]), ([0, 1, 0], [0.9, 0.5]), ([1, 0, 0], [0.9, 0.1])]
)
def test_each_path_gets_the_middle_one_of_its_colours(owner, middle):
    colours = torch.tensor([0.1, 0.5, 0.9])[:, None].expand(3, 3)
    found = draw.median(colours, torch.tensor(owner), len(middle))
    assert found[:, 0].tolist() == pytest.approx(middle)


# ---- marks


@pytest.mark.parametrize("wavelength", [10, 14, 20])
def test_the_width_of_a_style_s_strokes_is_a_third_of_its_waves(wavelength):
    """2 / 2 pi of the wavelength; a motif larger than that is not smoothed away."""
    width = 224 * marks.stroke_width(stripes(wavelength, 0.4))
    assert width == pytest.approx(wavelength / torch.pi, rel=0.15)


def test_a_blank_style_has_strokes_of_some_width():
    assert 0 < marks.stroke_width(torch.ones(3, 30, 40)) < 0.1


@pytest.mark.parametrize("angle", [0.0, 0.6, -1.2])
def test_marks_follow_the_contours_of_the_drawing_and_the_grain_of_the_style(angle):
    along = stripes(30, angle)
    blank = torch.full((3, 64, 64), 0.5)
    for picture, style, share in ((along, blank, 1.0), (blank, along, 1.0)):
        field = marks.directions(picture, style, share)
        middle = field[:, field.shape[1] // 2, field.shape[2] // 2]
        found = torch.atan2(middle[1], middle[0]) / 2
        apart = (found - angle + torch.pi / 2) % torch.pi - torch.pi / 2
        assert abs(apart) < 0.1


def laid(count: int, width: float):
    east = torch.tensor([1.0, 0.0])[:, None, None].expand(2, 4, 4)
    places = torch.rand(count, 2, generator=torch.Generator().manual_seed(1))
    inks = torch.rand(count, 3)
    luck = torch.Generator().manual_seed(0)
    return marks.lay(places, inks, east, (300.0, 200.0), width, luck)


def test_marks_go_where_they_are_led():
    drawn = laid(50, 4.0)
    ends = drawn.points.view(50, 7, 2)
    way = (ends[:, -1] - ends[:, 0]).abs()
    assert (way[:, 1] < way[:, 0]).all()
    # 1.5 * 300 * 200 / (50 * 4) would be 450 long
    assert way.norm(dim=1).max() <= 15 * 4.0 + 0.01


def test_there_are_fewer_wide_marks():
    assert laid(400, 4.0).paths == 400
    # 1.5 * 300 * 200 covered by marks of 20 x 60
    assert laid(400, 20.0).paths == 75


# ---- what is measured


def test_a_picture_has_its_own_content_in_any_colours():
    picture = render(from_svg(BOAT), 60, 80)[0]
    assert measures.content_kept(picture, picture) == 1
    assert measures.content_kept(picture, 1 - picture) > 0.8
    assert measures.content_kept(picture, picture.flip(2)) < 0.5
    assert measures.content_kept(torch.ones(3, 40, 50), torch.zeros(3, 40, 50)) == 1


# ---- the subject


def test_a_prompt_is_drawn_first(short_dreams, monkeypatch, tmp_path):
    monkeypatch.setitem(PRESETS, "default", replace(PRESETS["default"], steps=4))
    inputs = {"drawing": None, "prompt": "a red heart", "model": "pocket"}
    assert main(command(tmp_path / "out", **inputs)) == 0
    trace = json.loads((tmp_path / "out" / "trace.json").read_text())
    assert trace["guides"] == ["pocket"] and trace["inputs"]["prompt"] == "a red heart"
    assert from_svg(tmp_path / "out" / "drawing.svg").paths > 200


def test_the_layers_of_an_open_clip_model_compare_styles(tiny_clip):
    model = f"tiny/{tiny_clip / 'tiny.safetensors'}"
    _, frame = restyled(model=model, marks=5, steps=2, strength=100)
    assert set(frame.terms) == {"content", "colours", "texture", "features"}
    assert frame.terms["features"].item() > 0


# ---- as a predictor


def test_a_run_that_is_interrupted_hands_out_what_there_is(tmp_path):
    files = predict.results(settings(), 4, tmp_path, lambda *_: None, say=lambda _: None)
    assert [next(files).name for _ in range(2)] == ["step-00000.png", "step-00004.png"]
    kept = [files.throw(KeyboardInterrupt()).name, *(file.name for file in files)]
    assert kept == ["drawing.svg", "drawing.png", "film.mp4", "strokes.mp4", "trace.json"]
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["ended"], trace["steps_done"]) == ("interrupted", 4)
    assert trace["measures"].keys() == {"style_taken", "content_kept"}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"drawing": None}, "drawing: what is restyled is a drawing or a prompt, and neither came"),
        ({"prompt": "a cat"}, "drawing: what is restyled is a drawing or a prompt, and both came"),
        ({"style": f"@{BOAT}"}, "style: boat.svg is no JPEG, PNG or WebP file"),
        ({"strength": 101}, "strength: 101.0 is above the greatest allowed value 100"),
        ({"marks": 0}, "marks: 0 is below the least allowed value 1"),
    ],
)
def test_bad_input_is_one_sentence(inputs, words, tmp_path, capsys):
    assert main(command(tmp_path / "out", **inputs)) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("svg", "words"),
    [
        ('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "has nothing to draw"),
        ('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="180"><path d="M0 0L9 9" '
         'stroke="red"/></svg>', "is a strip of 9 x 180; cut it so that one side is at most 16"),
        ("a boat", "drawing: a.svg"),
    ],
)  # fmt: skip
def test_a_drawing_that_cannot_be_had_is_refused_by_the_name_of_its_input(svg, words, tmp_path):
    (tmp_path / "a.svg").write_text(svg)
    with pytest.raises(ValueError, match=words) as error:
        draw.plan(settings(drawing=tmp_path / "a.svg"), say=lambda _: None)
    assert str(error.value).startswith("drawing: a.svg")


def test_a_drawing_of_too_many_points_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "MOST_POINTS", 20)
    with pytest.raises(ValueError, match="drawing: boat.svg has .* control points, but at most 20"):
        draw.plan(settings(), say=lambda _: None)


def test_a_style_may_be_a_strip_or_a_dot(tmp_path):
    for name, size in (("strip", (320, 20)), ("dot", (1, 1))):
        Image.new("RGB", size, "#336699").save(tmp_path / f"{name}.png")
        _, frame = restyled(style=tmp_path / f"{name}.png", strength=100, steps=2, marks=9)
        assert frame.picture.isfinite().all()


def test_the_picture_that_is_compared_is_as_long_as_the_drawing(tmp_path):
    save_png(torch.zeros(3, 8, 8), tmp_path / "a.png")
    plan, frame = restyled(style=tmp_path / "a.png", steps=1, marks=1)
    drawing = plan.subject.drawing
    assert frame.picture.shape[2] / frame.picture.shape[3] == pytest.approx(
        drawing.height / drawing.width, rel=0.02
    )
