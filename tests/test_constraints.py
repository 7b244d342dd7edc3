"""What a drawing has to be after every step, and how colours become inks."""

import pytest
import torch

from clipdraw import Weighted, optimise, scribble
from clipdraw.colors import nearest, oklab
from clipdraw.constraints import HARD_FROM, Frozen, Palette
from clipdraw.drawing import Path, assemble, join

INKS = torch.tensor([[0.0, 0, 0], [0.9, 0.1, 0.1], [0.1, 0.2, 0.8]])


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def darkness(scene):
    return (scene.picture - 0.4).square().mean((1, 2, 3))


def run(drawing, constraints, steps=10, state=None):
    generators = [rng(i) for i in range(drawing.pictures)]
    return list(
        optimise(
            drawing, {"darkness": Weighted(3.0, darkness)}, steps=steps, generators=generators,
            size=(24, 32), constraints=constraints, state=state,
        )
    )  # fmt: skip


def start(seed=0, strokes=6):
    return scribble(strokes, rng(seed), width=64, height=48)


def test_frozen_paths_keep_their_bits_and_the_others_move():
    shape = Path([torch.rand(9, 2, generator=rng(3)) * 40], [True], torch.tensor(1.0),
                 fill=torch.full((4,), 0.5), fill_rule="evenodd")  # fmt: skip
    drawing = assemble([*start().each_path(), shape, shape], 64, 48)
    frozen = torch.tensor([True, False, False, True, False, False, True, False])
    last = run(drawing, [Frozen(frozen, drawing)])[-1].drawing
    for name, now in last.floats.items():
        rows = frozen[drawing.path_of_point] if name == "points" else frozen
        then = getattr(drawing, name)
        assert torch.equal(now[rows], then[rows]), name
    assert not torch.equal(last.points[~frozen[drawing.path_of_point]],
                           drawing.points[~frozen[drawing.path_of_point]])  # fmt: skip


def test_in_the_end_every_stroke_has_one_ink_and_is_opaque():
    frames = run(start(), [Palette(INKS)], steps=20)
    final = frames[-1].drawing.colors
    for color in final:
        assert color.tolist() in [[*ink, 1.0] for ink in INKS.tolist()]
    assert len(final.unique(dim=0)) > 1
    before = frames[int(HARD_FROM * 20) - 1].drawing.colors
    assert not torch.equal(before, final)


def test_on_the_way_colours_come_nearer_to_inks_and_do_not_jump():
    drawing = start(strokes=40)
    palette = Palette(INKS)

    def off(one):
        return (one.colors[:, :3] - INKS[nearest(one.colors[:, :3], INKS)]).norm(dim=1)

    assert torch.equal(palette(drawing, 0.1).colors, drawing.colors)
    soft = palette(drawing, 0.6)
    assert (off(soft) <= off(drawing)).all() and (off(soft) < off(drawing)).any()
    assert (soft.colors - drawing.colors).abs().max() < 0.05
    assert off(palette(drawing, HARD_FROM)).max() == 0


def test_fills_take_inks_too_and_points_are_left_alone():
    shape = Path([torch.rand(9, 2, generator=rng(3)) * 40], [True], torch.tensor(0.0),
                 fill=torch.tensor([0.8, 0.2, 0.2, 0.6]))  # fmt: skip
    drawing = assemble([shape], 64, 48)
    made = Palette(INKS)(drawing, 1.0)
    assert made.fills.tolist() == [[*INKS[1].tolist(), 1.0]]
    assert torch.equal(made.points, drawing.points)


def test_a_rest_changes_nothing_and_a_batch_is_its_pictures():
    drawing = start()
    constraints = [Palette(INKS), Frozen(torch.arange(6) == 2, drawing)]
    frames = run(drawing, constraints)
    resumed = run(drawing, constraints, state=frames[6].state)
    assert torch.equal(resumed[-1].drawing.colors, frames[-1].drawing.colors)
    together = run(join([start(0), start(1)]), [Palette(INKS)])[-1].drawing.split()
    for seed, one in enumerate(together):
        alone = run(start(seed), [Palette(INKS)])[-1].drawing
        assert torch.equal(one.colors, alone.colors)
        assert torch.equal(one.points, alone.points)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        # White and black by definition; red as the paper's own table of sRGB primaries has it.
        ((1.0, 1, 1), (1.0, 0, 0)),
        ((0.0, 0, 0), (0.0, 0, 0)),
        ((1.0, 0, 0), (0.62796, 0.22486, 0.12585)),
    ],
)
def test_oklab_is_what_its_author_says(rgb, lab):
    assert oklab(torch.tensor([rgb]))[0].tolist() == pytest.approx(lab, abs=2e-4)


def test_the_nearest_ink_is_the_one_that_looks_nearest():
    """A dark blue is nearer to black as numbers, and looks blue all the same."""
    colours = torch.tensor([[0.1, 0.1, 0.55], [0.75, 0.3, 0.25], [0.15, 0.15, 0.15]])
    assert nearest(colours, INKS).tolist() == [2, 1, 0]
    assert nearest(torch.tensor([[0.5, 0.5, 0.5]]), INKS[[0, 0]]).tolist() == [0]
