"""The predictor `sketch`: strokes follow the lines of a picture, those that matter first."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from clipdraw import from_svg, render, to_svg
from clipdraw.drawing import join
from clipdraw.svg_reader import read_notes
from losses import load_encoder
from losses.ink import ink_distance
from predictors import outputs
from predictors.sketch import draw, inks, lines, one_line, predict, saliency, strokes
from scripts.predict import main
from tests import tiny

TEA = Path(predict.__file__).parent / "tea.webp"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small films, and a quarter of the encoder's looks."""
    monkeypatch.setattr(saliency, "LOOKS", 6)
    for name, value in tiny.SMALL_FILMS.items():
        monkeypatch.setattr(outputs, name, value)


def settings(**changes) -> draw.Settings:
    small = {"image": TEA, "strokes": 8, "steps": 12, "size": 64, "tries": 1, "model": "pocket"}
    return draw.Settings(**{**small, **changes})


def planned(**changes):
    given = settings(**changes)
    return given, draw.plan(given, say=lambda _: None)


def drawn(**changes):
    """The settings, the plan, and what is handed out."""
    given, plan = planned(**changes)
    *_, frame = draw.draw(given, plan)
    return given, plan, draw.choose(given, plan, frame.drawing)


def picture(folder: Path, paint, width=80, height=60, colour="white") -> Path:
    """A PNG with something painted on it."""
    image = Image.new("RGB", (width, height), colour)
    paint(ImageDraw.Draw(image))
    image.save(folder / "a.png")
    return folder / "a.png"


def square(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((24, 15, 55, 44), fill="#c02020")


def grey_lines(strength, angle=0.0) -> lines.Lines:
    """Lines all over that run one way, of a given strength."""
    flow = np.zeros((2, *strength.shape))
    flow[0], flow[1] = np.cos(2 * angle), np.sin(2 * angle)
    return lines.Lines(strength, strength, flow)


def black(chains, width=40, height=30, pen=2.0):
    return strokes.pen_drawing(
        [torch.tensor(chain).float() for chain in chains], pen, width, height
    )


def straight(x0, y0, x1, y1):
    """A chain of one cubic."""
    return [[x0 + (x1 - x0) * t / 3, y0 + (y1 - y0) * t / 3] for t in range(4)]


# ---- lines


def lines_of(image: Path, count=24, size=80):
    colours = draw.read("image", image, size, "#ffffff")
    return lines.lines_of(colours, np.ones(colours.shape[1:]), count, unit=60 / 224, pen=1.0)


def test_lines_lie_on_the_darker_side_of_an_edge_and_run_along_it(tmp_path):
    found = lines_of(picture(tmp_path, square))
    # across the square's left edge, half way down
    inside, outside = found.strength[30, 24:27].max(), found.strength[30, 20:23].max()
    assert inside > 0.5 and outside < 0.2
    upright, level = found.flow[:, 30, 24], found.flow[:, 15, 40]
    assert upright[0] < -0.95 and level[0] > 0.95


def test_no_line_is_stronger_than_1_and_a_blank_picture_has_none(tmp_path):
    assert lines_of(TEA).strength.max() <= 1
    blank = lines_of(picture(tmp_path, lambda pen: None, colour="#808080"))
    assert blank.strength.max() == 0 and blank.ink.max() == 0


def test_grass_fades_beside_an_outline(tmp_path):
    """Noise is as dark as the square, and has no direction."""
    rng = np.random.default_rng(0)
    values = np.full((60, 80), 200) + rng.normal(0, 25, (60, 80))
    values[15:45, 40:70] -= 90
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(tmp_path / "a.png")
    strength = lines_of(tmp_path / "a.png").strength
    assert strength[20:40, 39:43].max(1).mean() > 3 * strength[5:55, 3:30].mean()


def test_ink_is_wanted_on_the_ridges_as_wide_as_the_pen(tmp_path):
    found = lines_of(picture(tmp_path, square), count=4)
    row = found.ink[30]
    assert row.max() <= lines.MOST_INK and 1 <= (row[20:32] > 0.9).sum() <= 3


@pytest.mark.parametrize(("radius", "marked"), [(1, True), (8, False)])
def test_a_small_dark_spot_is_filled_and_a_large_one_is_not(radius, marked):
    light = np.ones((40, 50))
    y, x = np.mgrid[:40, :50]
    light[np.hypot(x - 25, y - 20) <= radius] = 0.1
    assert (lines.dark_spots(light, 3.0)[20, 25] > 0.9) == marked


def test_more_strokes_want_fainter_lines():
    strengths = np.linspace(0.05, 0.9, 200)
    few, many = (lines.power_of(strengths, length) for length in (30, 150))
    assert few > many
    # Half of a stroke's ink is wanted of the 150th strongest.
    assert lines.MOST_INK * np.sort(strengths)[-150] ** many == pytest.approx(0.5)


# ---- saliency


def test_what_stands_apart_from_the_borders_is_found(tmp_path):
    apart = saliency.apart(draw.read("image", picture(tmp_path, square), 80, "#ffffff"))
    assert apart.max() == 1 and apart[20:40, 28:52].min() > 0.9
    assert apart[:12].max() < 0.1 and apart[:, :20].max() < 0.1


def test_a_colour_that_touches_much_of_the_border_is_background(tmp_path):
    """Sky above, sea below, and a boat that is as unlike the one as the sea is."""

    def bay(pen):
        pen.rectangle((0, 30, 80, 60), fill="#204080")
        pen.rectangle((35, 10, 45, 22), fill="#204080")

    apart = saliency.apart(draw.read("image", picture(tmp_path, bay), 80, "#ffffff"))
    assert apart[12:20, 37:43].min() > 3 * apart[40:, 5:75].max()


def test_the_encoder_looks_at_what_is_there(tmp_path):
    file = picture(tmp_path, lambda pen: pen.ellipse((10, 20, 30, 40), fill="#c02020"))
    image = draw.read("image", file, 80, "#ffffff")
    seen = saliency.attention(image, load_encoder("pocket"))
    row, column = np.unravel_index(seen.argmax(), seen.shape)
    assert np.hypot(row - 30, column - 20) < 15 and seen[5:55, 60:].mean() < 0.3


def test_a_picture_without_anything_is_salient_everywhere():
    blank = torch.full((3, 30, 40), 0.5)
    assert (saliency.saliency(blank, load_encoder("pocket")) == 1).all()


def test_the_foreground_is_the_thing_and_a_little_around_it():
    salient = np.zeros((60, 80))
    salient[15:45, 24:56] = 0.8
    salient[30:34, 30:34] = 0  # a hole
    salient[5, 5] = 0.9  # a speck
    found = saliency.foreground(salient, unit=0.5)
    assert found[16:44, 25:55].all() and not found[5, 5]
    assert found.sum() < 40 * 42


def test_the_threshold_splits_where_the_classes_are_tightest():
    values = np.concatenate([np.full(70, 0.2), np.full(30, 0.7)])[None]
    assert 0.2 < saliency.otsu(values) < 0.7


# ---- strokes


def test_start_points_are_drawn_without_replacement_by_their_chance():
    chance = np.zeros((5, 7))
    chance[1, 2:6] = [1, 1, 1, 50]
    luck = [torch.Generator().manual_seed(seed) for seed in range(40)]
    assert strokes.start_points(chance, 9, luck[0]).shape == (2, 4), "none twice, none without"
    assert set(strokes.start_points(chance, 9, luck[0])[0]) == {2, 3, 4, 5}
    firsts = [strokes.start_points(chance, 1, generator)[:, 0].tolist() for generator in luck]
    assert firsts.count([5, 1]) > 30


def test_there_is_nowhere_to_start_on_blank_paper():
    lines = grey_lines(np.zeros((30, 40)))
    drawing = strokes.candidates(lines, np.ones((30, 40)), 8, 1.0, 0.2, torch.Generator())
    assert drawing.paths == 0


def test_a_line_is_traced_both_ways_and_cut_around_its_start():
    strength = np.zeros((30, 40))
    strength[14:17, 5:36] = [[0.5], [1.0], [0.5]]
    whole, part = (
        strokes.traced(grey_lines(strength), np.array([[12.0], [15]]), longest)[0]
        for longest in (100, 10)
    )
    assert whole[:, 0].min() == pytest.approx(5, abs=1) and whole[:, 0].max() > 34
    assert np.abs(whole[:, 1] - 15).max() < 0.3
    assert len(part) == 11 and abs(part[:, 0].mean() - 12) < 1


def ring(radius=10.0, side=40):
    """A line that is a circle."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    away, angle = np.hypot(x, y), np.arctan2(y, x) + np.pi / 2
    strength = np.clip(1 - np.abs(away - radius) / 2, 0, 1)
    return lines.Lines(strength, strength, np.stack([np.cos(2 * angle), np.sin(2 * angle)]))


def test_a_line_that_comes_back_is_closed():
    line = strokes.traced(ring(), np.array([[29.0], [19]]), 200)[0]
    assert (line[0] == line[-1]).all()
    around = np.hypot(*np.diff(line, axis=0).T).sum()
    assert around == pytest.approx(2 * np.pi * 10, rel=0.06)


def test_a_line_ends_at_a_corner_and_where_it_fades():
    strength = np.ones((30, 40))
    strength[:, 30:] = 0.2
    bent = grey_lines(strength)
    bent.flow[0, :, :10] = -1  # upright on the left
    line = strokes.traced(bent, np.array([[20.0], [15]]), 100)[0]
    assert line[:, 0].min() > 8 and line[:, 0].max() < 31


def test_as_few_curves_as_keep_to_the_line():
    t = np.linspace(0, 2 * np.pi, 60)
    line = np.stack([30 * t / np.pi, np.zeros(60)], 1)
    assert len(strokes.fitted(line)) == 4
    circle = np.stack([20 * np.cos(t), 20 * np.sin(t)], 1)
    chain = strokes.fitted(circle)
    assert 3 <= (len(chain) - 1) // 3 <= 5
    assert np.abs(np.hypot(*one_line.points_on(chain).T) - 20).max() < strokes.TOLERANCE
    # A pixel's centre is half a unit from its corner.
    assert chain[0].tolist() == pytest.approx([20.5, 0.5], abs=0.7)


def test_lines_to_choose_from_lie_on_lines_and_not_on_each_other():
    found = ring()
    drawing = strokes.candidates(found, np.ones((40, 40)), 9, 1.0, 0.5, torch.Generator())
    assert drawing.paths == 1, "the whole circle has been passed"
    away = torch.linalg.vector_norm(drawing.points[::3] - 20, dim=1)
    assert (away - 10).abs().max() < 1


# ---- the strokes that count most


def test_the_best_stroke_comes_first_and_one_in_vain_not_at_all():
    short, long = straight(5, 10, 12, 10), straight(5, 20, 35, 20)
    vain, twice = straight(5, 5, 35, 5), straight(5, 20.5, 35, 20.5)
    wanted = render(black([short, long]))[0, 0] * -1 + 1
    drawing = black([short, vain, twice, long])
    assert strokes.best_first(drawing, wanted, 4).tolist() == [3, 0]
    assert strokes.best_first(drawing, wanted, 1).tolist() == [3]
    left = strokes.left_over(drawing.take(torch.tensor([3, 0])), wanted)
    assert left[0] == 1 and left[0] > left[1] > left[2] == pytest.approx(0, abs=1e-6)


def test_greedy_is_as_good_as_looking_at_every_stroke_every_time():
    """Gains are remembered from before; the choice is the one without a memory."""
    generator = torch.Generator().manual_seed(0)
    ends = torch.rand(30, 4, generator=generator) * torch.tensor([40, 30, 40, 30])
    drawing = black([straight(*row) for row in ends.tolist()])
    wanted = (1 - render(black([straight(*row) for row in (ends + 1)[:12].tolist()])))[0, 0]
    chosen = strokes.best_first(drawing, wanted, 8).tolist()
    ink, covers = torch.zeros_like(wanted), strokes.covers(drawing)
    for number in chosen:
        inks = torch.stack([strokes.over(ink, cover) for cover in covers])
        apart = ink_distance(inks, wanted[None])
        assert apart[number] == pytest.approx(apart.min().item(), rel=1e-3)
        ink = inks[number]


def test_the_first_strokes_are_a_better_sketch_than_any_others():
    """What is left after 0, 1, 2, ... strokes, beside 30 random orders of the same."""
    _, plan, chosen = drawn(strokes=16, steps=30, size=96)
    luck, paths = torch.Generator().manual_seed(0), chosen.drawing.paths
    orders = [torch.randperm(paths, generator=luck) for _ in range(30)]
    left = np.array([strokes.left_over(chosen.drawing.take(o), plan.target) for o in orders])
    ours = np.array(chosen.left)
    assert paths > 8 and ours[-1] == pytest.approx(left[0, -1], rel=1e-3)
    assert (ours <= left.min(0) + 1e-3).all(), "never worse than the luckiest"
    print(f"mean of the curve: {ours.mean():.3f}, random {left.mean():.3f}, "
          f"best of 30 {left.mean(1).min():.3f}")  # fmt: skip
    assert ours.mean() < 0.95 * left.mean(1).min() < 0.9 * left.mean()


# ---- the drawing


def test_more_strokes_and_more_steps_leave_less_ink_over():
    left = [drawn(strokes=count)[2].left[-1] for count in (4, 24)]
    given, plan = planned(strokes=4)
    first = next(draw.draw(given, plan))
    assert left[1] < left[0] < draw.choose(given, plan, first.drawing).left[-1] - 0.05


def test_every_step_has_one_frame_and_strokes_only_grow():
    frames = list(draw.draw(*planned(strokes=12, steps=7, tries=2)))
    assert [(frame.step, frame.steps) for frame in frames] == [(i, 7) for i in range(8)]
    counts = [torch.bincount(frame.drawing.picture).tolist() for frame in frames]
    assert counts[0] == [4, 4] and all(one <= 12 for one in counts[-1])
    tries = zip(*counts, strict=True)
    assert all(list(grown) == sorted(grown) for grown in tries)


@pytest.mark.parametrize("steps", [1, 2])
def test_there_may_be_fewer_steps_than_batches(steps):
    assert len(list(draw.draw(*planned(steps=steps)))) == steps + 1


def test_no_stroke_ever_leaves_the_picture():
    for frame in draw.draw(*planned(strokes=32, steps=9, stroke_width=8.0)):
        drawing = frame.drawing
        half = drawing.widths[drawing.path_of_point] / 2
        x, y = drawing.points.T
        assert (x >= half - 1e-4).all() and (x <= 64 - half + 1e-4).all()
        assert (y >= half - 1e-4).all() and (y <= 48 - half + 1e-4).all()


def test_widths_stay_near_the_pen_s():
    _, _, chosen = drawn(steps=30, stroke_width=4.0)
    widths = chosen.drawing.widths / (48 / 224)
    assert widths.min() >= 0.6 * 4 - 1e-4 and widths.max() <= 1.6 * 4 + 1e-4
    assert widths.unique().numel() > 1


def test_a_try_is_drawn_beside_others_as_it_is_alone():
    frames = [list(draw.draw(*planned(tries=tries)))[-1] for tries in (1, 3)]
    alone, first = (frame.drawing.split()[0] for frame in frames)
    assert torch.equal(alone.points, first.points) and torch.equal(alone.widths, first.widths)
    starts = [tuple(one.points[0].tolist()) for one in frames[1].drawing.split()]
    assert len(set(starts)) > 1


def test_the_judge_chooses_the_try_that_it_finds_most_like_the_picture():
    given, plan = planned(tries=3)
    *_, frame = draw.draw(given, plan)
    chosen = draw.choose(given, plan, frame.drawing)
    assert len(chosen.likeness) == 3 and chosen.picture == np.argmax(chosen.likeness)
    assert draw.guides(given, plan) == ["pocket", "judge"]
    assert draw.guides(settings(), plan) == ["pocket"]


# ---- a drawing to go on from


def sketched(folder: Path, drawing) -> Path:
    file = folder / "sketch.svg"
    file.write_text(to_svg(drawing, guides=["somebody"]))
    return file


def test_strokes_of_a_drawing_are_the_first_and_one_in_vain_goes(tmp_path):
    _, _, chosen = drawn(strokes=4)
    across = black([straight(0, 2, 64, 46)], width=64, height=48)
    both = join([across, chosen.drawing]).replace(picture=torch.zeros(5).long(), pictures=1)
    given, plan = planned(strokes=6, drawing=sketched(tmp_path, both))
    assert plan.begun.paths == 5 and (plan.begun.widths == plan.pen).all()
    first, *_, last = draw.draw(given, plan)
    apart = torch.cdist(both.points[::3], first.drawing.points).amin(1) < 0.01
    assert apart[2:].float().mean() > 0.7 and not apart[:2].any()
    assert 4 <= first.drawing.paths < last.drawing.paths <= 6
    assert draw.guides(given, plan) == ["somebody", "pocket"]


def test_a_drawing_comes_to_the_picture_s_canvas_and_its_outlines_are_strokes(tmp_path):
    corners = "M0 0 L40 0 L40 30 Z M5 5 L10 10"
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"><path d="{corners}"/></svg>'
    (tmp_path / "a.svg").write_text(svg)
    _, plan = planned(image=picture(tmp_path, square), size=80, drawing=tmp_path / "a.svg")
    shape, line = plan.begun.each_path()
    assert shape.contours[0][0].tolist() == shape.contours[0][-1].tolist() == [0, 0]
    assert line.contours[0][-1].tolist() == pytest.approx([20, 20])


def test_a_drawing_of_too_many_outlines_is_refused(tmp_path):
    file = sketched(tmp_path, black([straight(1, 1, 9, 9)] * 513))
    with pytest.raises(ValueError, match=r"drawing: sketch\.svg has 513 outlines, but at most 512"):
        planned(drawing=file)


# ---- inks


def test_strokes_have_the_ink_that_was_asked_for():
    *_, frame = draw.draw(*planned(ink="#1d3557"))
    wanted = torch.tensor([0x1D, 0x35, 0x57]) / 255
    torch.testing.assert_close(frame.drawing.colors[:, :3], wanted.expand(frame.drawing.paths, 3))
    _, _, chosen = drawn(ink="#1d3557")
    assert (chosen.drawing.colors[:, 3] == 1).all()
    torch.testing.assert_close(chosen.drawing.colors[0, :3], wanted)


def test_strokes_have_the_picture_s_colours_but_none_too_pale_to_see(tmp_path):
    def flags(pen):
        pen.rectangle((8, 15, 35, 44), fill="#c02020")
        pen.rectangle((48, 15, 71, 44), fill="#fff080")

    _, _, chosen = drawn(image=picture(tmp_path, flags, colour="#ffffff"), ink="picture")
    middle = torch.stack([path.contours[0].mean(0) for path in chosen.drawing.each_path()])
    red, yellow = (
        chosen.drawing.colors[side, :3] for side in (middle[:, 0] < 32, middle[:, 0] > 32)
    )
    assert len(red) and len(yellow)
    assert (red[:, 0] > 1.5 * red[:, 2]).all() and (yellow[:, 1] > 1.1 * yellow[:, 2]).all()
    luminance = chosen.drawing.colors[:, :3] @ torch.tensor([0.2126, 0.7152, 0.0722])
    assert luminance.max() <= inks.PALEST + 1e-4


# ---- masks


def ink_in(drawing, part) -> float:
    """The share of a drawing's ink that is in a part of the picture, by rows and columns."""
    ink = 1 - render(drawing)[0, 0]
    return (ink[part].sum() / ink.sum()).item()


def test_only_where_the_mask_is_white_is_anything_drawn(tmp_path):
    mask = Image.new("L", (80, 60), 0)
    mask.paste(255, (0, 0, 40, 60))
    mask.save(tmp_path / "mask.png")
    _, plan, chosen = drawn(mask=tmp_path / "mask.png", strokes=16)
    assert ink_in(chosen.drawing, np.s_[:, :34]) > 0.95
    assert plan.lines.ink[:, 33:].max() == 0 and (plan.picture[:, :, 33:] == 1).all()


def test_the_background_can_be_left_out(tmp_path):
    """A square in front of a wall with stripes."""

    def room(pen):
        for x in range(0, 80, 8):
            pen.line((x, 0, x, 59), fill="#d8d8d8", width=2)
        square(pen)

    file = picture(tmp_path, room, colour="#f0f0f0")
    shares = [ink_in(drawn(image=file, strokes=24, size=80, mask_background=leave)[2].drawing,
                     np.s_[11:49, 20:60]) for leave in (False, True)]  # fmt: skip
    assert shares[0] < 0.9 < 0.95 < shares[1]


@pytest.mark.parametrize(
    ("size", "colour", "words"),
    [
        ((80, 60), 0, "mask: mask.png is dark all over, and only what is white in it is drawn"),
        ((60, 80), 255, "mask: mask.png has other proportions than the image, 48 x 64 instead of"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(size, colour, words, tmp_path):
    Image.new("L", size, colour).save(tmp_path / "mask.png")
    with pytest.raises(ValueError, match=words):
        planned(mask=tmp_path / "mask.png")


def test_a_picture_in_which_nothing_stands_out_is_refused(tmp_path):
    file = picture(tmp_path, lambda pen: None, colour="#336699")
    with pytest.raises(ValueError, match=r"image: in a\.png nothing stands out that could be"):
        planned(image=file)


# ---- one line


def test_one_line_is_one_path_over_all_strokes():
    _, _, chosen = drawn(one_line=True, strokes=8, size=96, steps=20)
    assert chosen.drawing.paths == 1 and chosen.drawing.segments.item() > 8
    assert chosen.left[-1] < 0.75


def test_the_pen_goes_on_where_the_next_stroke_is_near_and_follows_lines():
    """Two strokes whose ends are joined by a detour of ink; the third is far."""
    ink = np.zeros((40, 60))
    ink[10, 5:20] = ink[10, 40:55] = 1
    ink[10:30, 20] = ink[30, 20:40] = ink[10:31, 40] = 1
    drawing = black(
        [straight(5, 10.5, 20, 10.5), straight(30, 38, 55, 38), straight(54, 10.5, 40, 10.5)],
        60,
        40,
    )
    line = one_line.points_on(one_line.one_line(drawing, ink).points)
    below = line[(line[:, 0] > 22) & (line[:, 0] < 38) & (line[:, 1] < 34)]
    assert len(below) and below[:, 1].min() > 20, "along the ink, not across the gap"
    far = np.flatnonzero(line[:, 1] > 36).min()
    assert (line[:far, 0] > 50).any(), "the near stroke comes before the far one"


def test_points_on_a_chain_are_on_its_curves():
    chain = torch.tensor([[0, 0], [0, 8], [8, 8], [8, 0], [8, -8], [16, -8], [16, 0]]).float()
    found = one_line.points_on(chain) + 0.5
    assert len(found) == 2 * (one_line.ON_CURVE - 1) + 1
    assert found[0].tolist() == [0, 0] and found[-1].tolist() == [16, 0]
    t = 3 / 7  # 3 t (1 - t) of each handle's height
    assert found[3, 1] == pytest.approx(8 * 3 * t * (1 - t))


# ---- encoders of other kinds


@pytest.fixture
def tiny_model(tiny_clip) -> str:
    return f"tiny/{tiny_clip / 'tiny.safetensors'}"


def test_an_open_clip_model_compares_its_layers_too(tiny_model):
    given, plan = planned(model=tiny_model, steps=3)
    assert plan.layers == [0, 0]
    *_, frame = draw.draw(given, plan)
    assert frame.terms.keys() == {"ink", "stiffness", "features"}
    assert frame.terms["features"].item() > 0
    assert draw.guides(given, plan) == ["tiny/tiny.safetensors"]


def test_layers_are_read_and_pocket_has_some_too():
    given, plan = planned(layers="1, -1", steps=2)
    assert plan.layers == [1, -1]
    *_, frame = draw.draw(given, plan)
    assert "features" in frame.terms
    assert planned()[1].layers == []


# ---- as a predictor


def command(output: Path, image: Path = TEA, **inputs) -> list[str]:
    inputs = {"strokes": 4, "steps": 3, "size": 48, "frame_every": 2, "model": "pocket", **inputs}
    line = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return ["sketch", "-i", f"image=@{image}", *line, "-o", str(output)]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path):
    for folder, seed in (("one", 3), ("two", 3), ("three", 4)):
        assert main(command(tmp_path / folder, seed=seed, strokes=8)) == 0
    one, two, three = (
        (tmp_path / folder / "drawing.svg").read_bytes() for folder in ("one", "two", "three")
    )
    assert one == two != three
    svg = tmp_path / "one" / "drawing.svg"
    drawing = from_svg(svg)
    assert (drawing.width, drawing.height) == (48, 36) and drawing.paths <= 8
    assert list(read_notes(svg).guides) == ["pocket", "judge"]
    trace = json.loads((tmp_path / "one" / "trace.json").read_text())
    assert trace["strokes"] == drawing.paths == len(trace["ink_left_after"]) - 1
    assert trace["measures"]["ink_left"] == trace["ink_left_after"][-1] < 1
    assert trace["measures"]["likeness"] == max(trace["tries"]) and len(trace["tries"]) == 3


def test_a_run_that_is_interrupted_hands_out_what_there_is(tmp_path):
    files = predict.results(settings(steps=12), 4, tmp_path, lambda *_: None)
    assert [next(files).name for _ in range(2)] == ["step-00000.png", "step-00004.png"]
    kept = [files.throw(KeyboardInterrupt()).name, *(file.name for file in files)]
    assert kept == ["drawing.svg", "drawing.png", "film.mp4", "strokes.mp4", "trace.json"]
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["ended"], trace["steps_done"]) == ("interrupted", 4)
    assert (trace["inputs"]["image"], trace["inputs"]["mask"]) == ("tea.webp", None)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"strokes": 3}, "strokes: 3 is below the least allowed value 4"),
        ({"strokes": 129}, "strokes: 129 is above the greatest allowed value 128"),
        ({"ink": "red"}, "ink: 'red' does not match"),
        ({"tries": 9}, "tries: 9 is above the greatest allowed value 8"),
        ({"layers": "two"}, "layers: 'two' is no list of numbers; write them with commas, such as"),
        ({"layers": "1,4"}, "layers: the encoder pocket has no layer 4; give numbers from 0"),
        ({"image": Path("nothing.png")}, "image: 'nothing.png' does not exist"),
    ],
)
def test_bad_input_is_one_sentence(inputs, words, tmp_path, capsys):
    assert main(command(tmp_path / "out", **inputs)) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["image", "mask"])
def test_a_file_that_is_no_picture_is_refused_by_the_name_of_its_input(name, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a pot of tea")
    inputs = {} if name == "image" else {"mask": f"@{tmp_path / 'a.txt'}"}
    image = tmp_path / "a.txt" if name == "image" else TEA
    assert main(command(tmp_path / "out", image, **inputs)) == 2
    error = capsys.readouterr().err
    assert f"{name}: a.txt is no JPEG, PNG or WebP file; save it as one of these" in error
    assert "Traceback" not in error
