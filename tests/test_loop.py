"""The loop shows what it scored, repeats itself bit for bit, and stops on numbers gone wrong."""

import pytest
import torch

from clipdraw import RasterViews, Scene, Weighted, optimise, render, scribble
from clipdraw.drawing import Path, assemble, join
from clipdraw.loop import Frame, NotFinite, Rates

SIZE = (32, 40)


def start(seed: int = 0, strokes: int = 12):
    return scribble(strokes, rng(seed), width=80, height=64)


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def darkness(scene: Scene) -> torch.Tensor:
    """Wants a grey page."""
    return (scene.picture - 0.4).square().mean((1, 2, 3))


def luck(scene: Scene) -> torch.Tensor:
    """A term whose views depend on each picture's generator."""
    views = RasterViews(2, 16)(scene)
    return views.square().mean((1, 2, 3)).reshape(len(scene.picture), -1).sum(1)


TERMS = {"darkness": Weighted(3.0, darkness), "luck": Weighted(0.5, luck)}


def run(drawing, seeds=(5,), steps=8, **options) -> list[Frame]:
    generators = [rng(seed) for seed in seeds]
    return list(optimise(drawing, TERMS, steps=steps, generators=generators, size=SIZE, **options))


def same(a, b) -> bool:
    return all(torch.equal(x, b.floats[name]) for name, x in a.floats.items())


def test_a_frame_shows_what_was_scored():
    for frame in run(start()):
        assert torch.equal(render(frame.drawing, *SIZE), frame.picture)
        scene = Scene(frame.drawing, frame.picture, [], 0.0)
        assert torch.equal(3.0 * darkness(scene), frame.terms["darkness"])


def test_steps_and_one_frames_from_the_start_to_the_finished_drawing():
    frames = run(start(), steps=8)
    assert [frame.step for frame in frames] == list(range(9))
    assert same(frames[0].drawing, start())
    assert frames[-1].terms["darkness"] < frames[0].terms["darkness"]


def test_the_same_seed_gives_the_same_bits_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    assert same(run(start())[-1].drawing, run(start())[-1].drawing)
    assert torch.equal(torch.get_rng_state(), before)
    assert not same(run(start(), seeds=(6,))[-1].drawing, run(start())[-1].drawing)


@pytest.mark.parametrize("rest", [0, 1, 3, 8])
def test_a_rest_changes_nothing(rest):
    frames = run(start(), steps=8)
    resumed = run(start(), seeds=(999,), steps=8, state=frames[rest].state)
    assert [frame.step for frame in resumed] == list(range(rest, 9))
    for a, b in zip(frames[rest:], resumed, strict=True):
        assert same(a.drawing, b.drawing)
        assert all(torch.equal(a.terms[name], b.terms[name]) for name in TERMS)


def test_a_picture_in_a_batch_is_the_picture_alone():
    together = run(join([start(0), start(1, strokes=5)]), seeds=(5, 6))[-1]
    for i, alone in enumerate([run(start(0), seeds=(5,)), run(start(1, strokes=5), seeds=(6,))]):
        assert same(together.drawing.split()[i], alone[-1].drawing)
        assert torch.equal(together.terms["luck"][i : i + 1], alone[-1].terms["luck"])


def test_widths_and_colours_are_clamped_and_points_are_free():
    wild = Rates(points=50.0, widths=50.0, colors=5.0)
    frames = run(start(), rates=wild, width_bounds=(1.0, 7.0))
    for frame in frames[1:]:
        assert frame.drawing.widths.min() >= 1.0
        assert frame.drawing.widths.max() <= 7.0
        assert frame.drawing.colors.min() >= 0.0
        assert frame.drawing.colors.max() <= 1.0
    assert frames[-1].drawing.points.max() > 80


def test_the_points_slow_down_on_time():
    rates = Rates(points=2.0, widths=0.3, colors=0.02)
    assert rates.at(0.49) == {"points": 2.0, "widths": 0.3, "colors": 0.02, "fills": 0.02}
    assert rates.at(0.5)["points"] == pytest.approx(0.8)
    assert rates.at(0.75)["points"] == pytest.approx(0.2)
    assert rates.at(1.0)["colors"] == 0.02


def test_colours_slow_down_where_they_are_asked_to():
    rates = Rates(points=2.0, colors=0.02, color_drops=((0.2, 0.5), (0.6, 0.1)))
    for name in ("colors", "fills"):
        slowing = [rates.at(progress)[name] for progress in (0.19, 0.2, 0.6, 1.0)]
        assert slowing == pytest.approx([0.02, 0.01, 0.002, 0.002])
    assert rates.at(0.2)["points"] == 2.0


def test_a_filled_shape_finds_a_disc():
    """Its outline and the colour of its fill move, and so does a hole; a rest changes nothing."""
    square = torch.tensor([[20.0, 15], [26, 15], [32, 15], [38, 15], [38, 21], [38, 27],
                           [38, 33], [32, 33], [26, 33], [20, 33], [20, 27], [20, 21]])  # fmt: skip
    hole = (square - torch.tensor([29.0, 24.0])).flip(0) / 4 + torch.tensor([29.0, 24.0])
    shape = Path([square, hole], [True, True], torch.tensor(0.0), fill=torch.full((4,), 0.5))
    drawing = assemble([shape], 60, 44)
    y, x = torch.meshgrid(torch.arange(44.0), torch.arange(60.0), indexing="ij")
    far = ((x - 32) ** 2 + (y - 20) ** 2).sqrt()
    target = torch.ones(1, 3, 44, 60)
    target[:, 1:, (far < 14) & (far > 6)] = 0.1

    def distance(scene):
        return (scene.picture - target).square().mean((1, 2, 3))

    def search(state=None):
        terms = {"distance": Weighted(1.0, distance)}
        rates = Rates(points=0.4, colors=0.02)
        return list(
            optimise(drawing, terms, steps=120, generators=[rng(0)], rates=rates, state=state)
        )

    frames = search()
    assert frames[-1].terms["distance"] < 0.05 * frames[0].terms["distance"]
    assert frames[-1].drawing.fills[0, 0] > 0.9
    assert frames[-1].drawing.fills[0, 1] < 0.3
    assert torch.equal(search(frames[60].state)[-1].drawing.points, frames[-1].drawing.points)


def test_a_bad_number_names_its_step_and_its_term():
    def breaks(scene):
        return darkness(scene) / (0.0 if scene.progress > 0.3 else 1.0)

    seen = []
    with pytest.raises(NotFinite, match="step 3: breaks is no longer a finite number"):
        for frame in optimise(
            start(), {"breaks": Weighted(1.0, breaks)}, steps=8, generators=[rng(0)], size=SIZE
        ):
            seen.append(frame.step)
    assert seen == [0, 1, 2]


def test_a_bad_gradient_is_noticed_too():
    def kink(scene):
        return scene.drawing.points.sub(scene.drawing.points.detach()).norm().sqrt().reshape(1)

    with pytest.raises(NotFinite, match="step 0: the gradient of the points"):
        list(optimise(start(), {"kink": Weighted(1.0, kink)}, steps=2, generators=[rng(0)]))


def test_a_state_of_another_drawing_is_refused():
    state = run(start(strokes=12))[2].state
    with pytest.raises(ValueError, match="this state belongs to another drawing: its points"):
        run(start(strokes=13), state=state)


def test_every_picture_needs_a_generator():
    with pytest.raises(ValueError, match="2 pictures need as many generators, got 1"):
        run(join([start(0), start(1)]), seeds=(5,))
