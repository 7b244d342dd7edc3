"""The predictor `vectorize`: it comes close, with shapes where they are missing, none in vain."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clipdraw import from_svg, render, to_svg
from clipdraw.drawing import join
from predictors import outputs
from predictors.pictures import rgb
from predictors.vectorize import draw, predict, regions
from scripts import bench_vectorize
from scripts.predict import main
from tests import tiny

K = 0.5523  # how far the handles of a quarter of a circle reach, for a radius of 1
BOAT = Path(predict.__file__).parent / "boat.webp"


@pytest.fixture(autouse=True)
def small_films(monkeypatch):
    for name, value in tiny.SMALL_FILMS.items():
        monkeypatch.setattr(outputs, name, value)


def settings(**changes) -> draw.Settings:
    return draw.Settings(**{"image": BOAT, "shapes": 16, "steps": 60, "size": 48, **changes})


def drawn(given: draw.Settings):
    """The plan and the drawing as it is handed out."""
    plan = draw.plan(given)
    *_, frame = draw.draw(given, plan)
    plan = draw.on_best_paper(given, plan, frame.drawing)
    return plan, draw.finished(given, plan, frame.drawing)


# A circle of radius 1 in four cubics.
CIRCLE = torch.tensor([
    (1, 0), (1, K), (K, 1), (0, 1), (-K, 1), (-1, K),
    (-1, 0), (-1, -K), (-K, -1), (0, -1), (K, -1), (1, -K),
])  # fmt: skip


def discs(*rows, width=40, height=30):
    """A drawing of discs: (x, y, radius), and a colour each."""
    outlines = torch.stack([radius * CIRCLE + torch.tensor([x, y]) for (x, y, radius), _ in rows])
    colours = torch.tensor([colour for _, colour in rows])
    return regions.filled(outlines.float(), colours, width, height)


def asked(drawing, folder: Path, **changes) -> draw.Settings:
    """Settings that ask for what a drawing looks like."""
    picture = render(drawing)[0]
    outputs.save_png(picture, folder / "a.png")
    size = int(max(drawing.width, drawing.height))
    return settings(image=folder / "a.png", size=size, background="#ffffff", **changes)


def command(output: Path, image: Path = BOAT, **inputs) -> list[str]:
    inputs = {"shapes": 8, "steps": 6, "size": 32, "frame_every": 2, **inputs}
    line = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return ["vectorize", "-i", f"image=@{image}", *line, "-o", str(output)]


# ---- how close it comes


def test_more_shapes_come_closer():
    close = [draw.decibels(*drawn(settings(shapes=shapes))) for shapes in (1, 8, 32)]
    assert close[0] + 3 < close[1] < close[2] - 3
    assert close[2] > 24


def test_more_steps_come_closer():
    given = settings()
    plan = draw.plan(given)
    frames = [frame.drawing for frame in draw.draw(given, plan)]
    close = [draw.decibels(plan, frames[step]) for step in (0, 36, 60)]
    assert close[0] + 3 < close[1] < close[2] - 1


def test_two_flat_colours_are_found_nearly_exactly(tmp_path):
    red = (0.8, 0.2, 0.1)
    given = asked(discs(((17, 12, 9), red)), tmp_path, shapes=8, steps=200)
    plan, drawing = drawn(given)
    assert draw.decibels(plan, drawing) > 40
    assert drawing.paths <= 3
    middle = render(drawing, background=plan.paper)[0, :, 12, 17]
    assert (middle - torch.tensor(red)).abs().max() < 0.02


def test_a_blank_picture_needs_no_shapes(tmp_path):
    Image.new("RGB", (40, 30), "#336699").save(tmp_path / "a.png")
    plan, drawing = drawn(settings(image=tmp_path / "a.png", steps=8, shapes=8))
    assert drawing.paths == 0 and draw.decibels(plan, drawing) == 100


def test_every_step_has_one_frame_and_shapes_only_grow():
    given = settings(steps=9)
    frames = list(draw.draw(given, draw.plan(given)))
    assert [(frame.step, frame.steps) for frame in frames] == [(i, 9) for i in range(10)]
    assert frames[0].drawing.paths == 1 and frames[-1].drawing.paths == 16
    assert (frames[-1].picture.shape, frames[0].picture.shape) == ((1, 3, 36, 48), (1, 3, 18, 24))


def test_outlines_have_as_many_curves_as_asked_for():
    _, drawing = drawn(settings(segments=7, steps=6))
    assert drawing.closed.all() and (drawing.segments == 7).all()


# ---- the plan


@pytest.mark.parametrize(
    ("shapes", "counts"), [(1, [1]), (8, [1, 2, 4, 8]), (11, [1, 2, 4, 8, 11])]
)
def test_batches_double_and_the_last_takes_the_rest(shapes, counts):
    parts = draw.batches(shapes, 100, 30, 41)
    assert [batch.shapes for batch in parts] == counts
    assert sum(batch.steps for batch in parts) == 100
    assert parts[-1].size == (30, 41)
    assert all(batch.size == (15, 20) for batch in parts[:-2])


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_there_may_be_fewer_steps_than_batches(steps):
    assert sum(batch.steps for batch in draw.batches(256, steps, 30, 40)) == steps


def test_the_paper_is_the_border_s_colour_unless_another_is_asked_for(tmp_path):
    image = Image.new("RGB", (32, 24), "#204060")
    image.paste("#ffffff", (8, 8, 24, 16))
    image.save(tmp_path / "a.png")
    for colour, red in ((None, 0x20), ("#ff0000", 0xFF)):
        plan = draw.plan(settings(image=tmp_path / "a.png", background=colour))
        assert round(plan.paper[0] * 255) == red


# ---- regions


def test_pixels_are_in_one_region_where_they_agree_and_hang_together():
    kinds = torch.tensor([
        [1, 1, 0, 2],
        [0, 1, 0, 2],
        [1, 0, 0, 0],
    ])[None]  # fmt: skip
    found = regions.components(torch.cat([kinds, torch.zeros_like(kinds)])).view(3, 4)
    assert found.tolist() == [[0, 0, 1, 2], [3, 0, 1, 2], [4, 1, 1, 1]]


def test_a_spiral_is_one_region():
    """As far from one end to the other as pixels go."""
    kinds = torch.zeros(31, 31, dtype=torch.int64)
    x, y, dx, dy = 0, 0, 1, 0
    kinds[0, 0] = 1
    for _ in range(480):
        ahead = (y + 2 * dy, x + 2 * dx)
        blocked = not (0 <= y + dy < 31 and 0 <= x + dx < 31)
        if blocked or (0 <= min(ahead) and max(ahead) < 31 and kinds[ahead]):
            dx, dy = -dy, dx
        x, y = x + dx, y + dy
        kinds[y, x] = 1
    found = regions.components(kinds[None]).view(31, 31)
    assert len(found[kinds == 1].unique()) == 1 and len(found.unique()) >= 2


Y, X = np.mgrid[:60, :80] + 0.5
DISC = np.hypot(X - 40, Y - 30) < 20
FORMS = {
    "a disc": (DISC, 4, 0.95),
    "a bent one": (DISC & ((X < 34) | (Y < 24)), 8, 0.87),
    "a crescent": (DISC & (np.hypot(X - 50, Y - 30) >= 18), 8, 0.85),
    "a disc with a tail": (DISC | ((abs(Y - 30) < 1.5) & (X > 40)), 4, 0.9),
    "a hair": (abs(Y - X / 2) < 1.5, 4, 0.4),
    "a pixel": ((X == 4.5) & (Y == 2.5), 2, 0.4),
}


@pytest.mark.parametrize("form", FORMS)
def test_outlines_go_round_regions(form):
    """They have most of their area in common with them, but for what is narrow."""
    region, segments, common = FORMS[form]
    points = torch.tensor(regions.outline(region, segments), dtype=torch.float32)
    assert points.shape == (3 * segments, 2)
    inside = 1 - render(regions.filled(points[None], torch.zeros(1, 3), 80, 60))[0, 0].numpy()
    assert np.minimum(inside, region).sum() / np.maximum(inside, region).sum() > common


def test_an_outline_covers_holes():
    holed = DISC & (abs(X - 40) + abs(Y - 30) > 5)
    assert regions.outline(holed, 6).tolist() == regions.outline(DISC, 6).tolist()


def test_grain_does_not_tear_regions_up():
    generator = torch.Generator().manual_seed(0)
    target = torch.ones(3, 60, 80)
    target[:, DISC] = 0.4
    target += 0.08 * torch.randn(target.shape, generator=generator)
    found = regions.regions(target, torch.ones_like(target), 1, 0.2)
    assert (found.of == found.best[0])[DISC].mean() > 0.85


def test_regions_are_as_coarse_as_gains_most():
    """A slope from white to grey, which a fine step would cut into strips."""
    target = torch.ones(3, 60, 80)
    target[:, 20:40] -= torch.linspace(0.1, 0.4, 80)
    gains = {step: regions.regions(target, torch.ones_like(target), 1, step).gain
             for step in regions.STEPS}  # fmt: skip
    assert gains[0.3] > 1.5 * gains[0.1]
    width = regions.shapes_where_missing(target, torch.ones_like(target), 1, 4).points[:, 0]
    assert width.max() - width.min() > 40


def test_shapes_start_over_the_regions_that_gain_most():
    """A large faint one, a small strong one, and one that is neither, which has to wait."""
    now, target = torch.ones(3, 60, 80), torch.ones(3, 60, 80)
    target[:, 10:40, 10:50] = torch.tensor([0.7, 0.7, 0.2])[:, None, None]
    target[:, 45:55, 60:70] = 0.0
    target[:, 50:54, 10:20] = 0.6
    found = regions.shapes_where_missing(target, now, 2, segments=4)
    large, small = found.points.view(2, 12, 2)
    torch.testing.assert_close(large.mean(0), torch.tensor([30.0, 25.0]), atol=0.5, rtol=0)
    torch.testing.assert_close(small.mean(0), torch.tensor([65.0, 50.0]), atol=0.5, rtol=0)
    assert (large.amax(0) - large.amin(0)).tolist() == pytest.approx([40, 30], abs=7)
    torch.testing.assert_close(
        found.fills[0], torch.tensor([0.7, 0.7, 0.2, 1.0]), atol=0.02, rtol=0
    )
    torch.testing.assert_close(found.fills[1], torch.tensor([0.0, 0, 0, 1]), atol=0.02, rtol=0)


def test_a_region_that_is_as_it_should_be_gets_no_shape():
    now, target = torch.zeros(3, 20, 30), torch.zeros(3, 20, 30)
    target[1, 3, 4] = 1.0
    found = regions.shapes_where_missing(target, now, 1, segments=4)
    assert found.points.mean(0).tolist() == pytest.approx([4.5, 3.5])
    assert regions.shapes_where_missing(target, now, 9, segments=4).paths == 1
    assert regions.shapes_where_missing(target, target, 9, segments=4).paths == 0


# ---- dead shapes

BLUE, RED = (0.1, 0.2, 0.8), (0.9, 0.1, 0.1)
SEEN = discs(((20, 15, 9), BLUE))
DEAD = {
    "hidden": (discs(((20, 15, 5), RED)), SEEN),
    "transparent": (SEEN, discs(((8, 8, 6), RED))),
    "tiny": (SEEN, discs(((8, 8, 0.1), RED))),
    "off the canvas": (SEEN, discs(((60, 8, 6), RED))),
}


@pytest.mark.parametrize("kind", DEAD)
def test_a_dead_shape_is_left_out_and_another_takes_its_place(kind, tmp_path):
    given = asked(discs(((20, 15, 9), BLUE), ((33, 25, 4), RED)), tmp_path)
    plan = draw.plan(given)
    both = join(DEAD[kind])
    both = both.replace(picture=torch.zeros(2, dtype=torch.int64), pictures=1)
    if kind == "transparent":
        both.fills[1, 3] = 0.0003
    showing = draw.visible(both, plan) > draw.DEAD
    assert showing.tolist() == [kind != "hidden", kind == "hidden"]
    kept = draw.finished(given, plan, both)
    assert torch.allclose(kept.fills, SEEN.fills, atol=0.01)
    again = draw.grown(both, 2, 4, plan)
    assert again.paths == 2 and again.fills[1, :3].tolist() == pytest.approx(RED, abs=0.05)
    middle = again.points[12:].mean(0).tolist()
    assert middle == pytest.approx([33, 25], abs=1)


def test_what_shows_is_the_share_of_the_canvas():
    half = discs(((20, 15, 5), RED), ((20, 15, 2), BLUE))
    half.fills[:, 3] = torch.tensor([1.0, 0.5])
    plan = draw.plan(settings(background="#ffffff"))
    inner, disc = 0.5 * torch.pi * 4, torch.pi * 25
    shown = draw.visible(half, plan) * 40 * 30
    assert shown.tolist() == pytest.approx([disc - inner, inner], rel=0.01)


# ---- paper


def on_paper(ground: str, folder: Path, **changes):
    """The plan for a blue disc on a ground whose border is white, with the best paper for it."""
    picture = torch.ones(3, 30, 40)
    picture[:, 1:-1, 1:-1] = render(SEEN, background=rgb(ground))[0, :, 1:-1, 1:-1]
    outputs.save_png(picture, folder / "a.png")
    given = settings(image=folder / "a.png", size=40, **changes)
    plan = draw.plan(given)
    return plan, draw.on_best_paper(given, plan, SEEN)


def test_the_paper_becomes_what_comes_closest(tmp_path):
    before, after = on_paper("#d0e0f0", tmp_path)
    assert before.paper == (1, 1, 1)
    # Outside of the disc a seventh of the pixels are the border's.
    shown = 40 * 30 - math.pi * 81
    white = (40 * 30 - 38 * 28) / shown
    expected = [white + (1 - white) * level / 255 for level in (0xD0, 0xE0, 0xF0)]
    assert after.paper == pytest.approx(expected, abs=0.003)
    assert after.paper == pytest.approx([round(255 * x) / 255 for x in after.paper], abs=1e-6)


def test_paper_that_nearly_fits_stays(tmp_path):
    before, after = on_paper("#fefefe", tmp_path)
    assert after is before


def test_paper_that_was_asked_for_stays(tmp_path):
    before, after = on_paper("#d0e0f0", tmp_path, background="#ffffff")
    assert after is before


def test_paper_that_nothing_shows_of_stays(tmp_path):
    given = asked(discs(((20, 15, 90), BLUE)), tmp_path)
    given = replace(given, background=None)
    plan = draw.plan(given)
    assert draw.on_best_paper(given, plan, discs(((20, 15, 90), BLUE))) is plan


# ---- simpler


def test_simplifying_gives_up_as_many_decibels_as_it_may():
    given = settings(simplify=0.0)
    plan = draw.plan(given)
    *_, frame = draw.draw(given, plan)
    sizes, close = [], []
    for simplify in (0.0, 0.2, 3.0):
        drawing = draw.finished(settings(simplify=simplify), plan, frame.drawing)
        sizes.append(len(to_svg(drawing)))
        close.append(draw.decibels(plan, drawing))
        assert close[-1] >= draw.decibels(plan, frame.drawing) - simplify - 0.01
    assert sizes[0] > 1.1 * sizes[1] and sizes[1] > 1.1 * sizes[2]
    assert close[0] > close[1] > close[2]


def test_a_shape_that_adds_nothing_is_left_out(tmp_path):
    """Blue on blue shows, but nobody sees it."""
    given = asked(SEEN, tmp_path, simplify=0.0)
    twice = discs(((20, 15, 9), BLUE), ((20, 15, 5), BLUE))
    plan = draw.plan(given)
    assert (draw.visible(twice, plan) > draw.DEAD).all()
    assert draw.finished(given, plan, twice).paths == 1


# ---- as a predictor


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        assert main(command(tmp_path / folder)) == 0
    one, two = ((tmp_path / folder / "drawing.svg").read_bytes() for folder in ("one", "two"))
    assert one == two
    drawing = from_svg(tmp_path / "one" / "drawing.svg")
    assert (drawing.width, drawing.height) == (32, 24) and 1 <= drawing.paths <= 8
    trace = json.loads((tmp_path / "one" / "trace.json").read_text())
    assert trace["shapes"] == drawing.paths and trace["measures"]["decibels"] > 10


def test_a_run_that_is_interrupted_hands_out_what_there_is(tmp_path):
    files = predict.results(settings(steps=12), 4, tmp_path, lambda *_: None)
    assert [next(files).name for _ in range(2)] == ["step-00000.png", "step-00004.png"]
    kept = [files.throw(KeyboardInterrupt()).name, *(file.name for file in files)]
    assert kept == ["drawing.svg", "drawing.png", "film.mp4", "strokes.mp4", "trace.json"]
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["ended"], trace["steps_done"]) == ("interrupted", 4)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"shapes": 7}, "shapes: 7 is below the least allowed value 8"),
        ({"shapes": 513}, "shapes: 513 is above the greatest allowed value 512"),
        ({"segments": 1}, "segments: 1 is below the least allowed value 2"),
        ({"simplify": -1}, "simplify: -1.0 is below the least allowed value 0"),
        ({"background": "red"}, "background: 'red' does not match"),
        ({"image": Path("nothing.png")}, "image: 'nothing.png' does not exist"),
    ],
)
def test_bad_input_is_one_sentence(inputs, words, tmp_path, capsys):
    assert main(command(tmp_path / "out", **inputs)) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_picture_is_refused_by_the_name_of_its_input(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a boat")
    assert main(command(tmp_path / "out", tmp_path / "a.txt")) == 2
    assert "image: a.txt is no JPEG, PNG or WebP file" in capsys.readouterr().err


# ---- the bench


def result(psnr: float, size: int) -> bench_vectorize.Result:
    return bench_vectorize.Result(Image.new("RGB", (1, 1)), 1, psnr, 0.5, size, 1.0)


def test_a_rival_is_the_closest_in_as_many_bytes_and_the_shortest_that_is_as_close():
    ours = result(25.0, 100)
    theirs = [
        result(20.0, 90),
        result(22.0, 100),
        result(24.0, 101),
        result(26.0, 500),
        result(27.0, 900),
    ]
    assert bench_vectorize.rivals(ours, theirs) == (theirs[1], theirs[3])
    assert bench_vectorize.rivals(ours, theirs[2:3]) == (None, None)


def test_what_only_the_bench_needs_is_named():
    with pytest.raises(ImportError, match="pip install resvg_py scikit-image vtracer"):
        bench_vectorize.package("no_such_package_here")
