"""The way from one drawing to another: who becomes whom, and nothing jumps."""

import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from clipdraw import from_svg, render, scribble
from clipdraw.drawing import assemble
from clipdraw.matching import Shape, assigned, paired_contours, paired_shapes, shapes, ways
from clipdraw.morph import between, heaviest, mixed
from clipdraw.outlines import area
from tests.scenes import BLUE, RED, SCENES, WAVE, disc, polygon, shape, strokes
from tests.scenes import shapes as drawn

ICONS = Path(__file__).parent / "data/icons"
SINGLE = {name: scene for name, scene in SCENES.items() if scene.pictures == 1}
BLACK = (0.0, 0.0, 0.0, 1.0)


def icon(name: str):
    with warnings.catch_warnings(action="ignore"):
        return from_svg(ICONS / f"{name}.svg")


def line(start, end, width=4.0, color=RED):
    """A straight stroke."""
    points = np.linspace(start, end, 4)
    return [tuple(p) for p in points], width, color


def square(left, top, side, color):
    right, bottom = left + side, top + side
    corners = polygon((left, top), (right, top), (right, bottom), (left, bottom))
    return shape(corners, fill=color)


def seen(drawing, height=28, width=40):
    return render(drawing, height, width, background=None)[0]


# ---- what is the same all the way


@pytest.mark.parametrize("name", SINGLE)
def test_shapes_look_like_the_drawing(name):
    scene = SINGLE[name]
    again = assemble([s.drawn() for s in shapes(scene)], scene.width, scene.height)
    torch.testing.assert_close(
        seen(again.to(torch.float64)), seen(scene.to(torch.float64)), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(
    ("name", "count"),
    [("bootstrap-quote", 2), ("mdi-phone-ring", 4), ("noto-letter-o", 1), ("lucide-unlink-2", 2)],
)
def test_contours_that_do_not_touch_are_shapes_of_their_own(name, count):
    assert len(shapes(icon(name))) == count


def test_what_is_filled_has_closed_contours_alone():
    both = shape(WAVE, fill=RED, color=BLUE, width=1.2, closed=False)
    fill, stroke = shapes(drawn(both))
    assert fill.path.closed == [True] and fill.path.color is None
    assert stroke.path.closed == [False] and stroke.path.fill is None


def test_closed_contours_go_round_as_the_clock_does_but_for_holes():
    ring = shape(disc(20, 14, 11)[::-1], disc(21, 13, 6), fill=RED)
    (found,) = shapes(drawn(ring))
    assert [area(chain) > 0 for chain in found.chains] == [True, False]


# ---- who becomes whom


def test_a_way_is_that_of_the_points():
    there = strokes(line((3, 3), (23, 3)), line((33, 8), (6, 8)))
    one, other = (s.loops for s in shapes(there))
    assert ways(one, one + (3 + 4j)).item() == pytest.approx(25, abs=1e-6)
    # Even if it is drawn the other way round; from 3..23 to 6..33 it is 3 on the left, 10 on the
    # right and evenly in between, in x, and 5 in y.
    assert ways(one, other).item() == pytest.approx((3**2 + 3 * 10 + 10**2) / 3 + 25, abs=0.2)


def test_pairs_cost_least_in_all():
    cost = np.array([[1.0, 2.0], [2.0, 9.0]])
    assert assigned(cost, np.full(2, 50.0), np.full(2, 50.0)).tolist() == [[0, 1], [1, 0]]


def test_who_is_cheaper_alone_stays_alone():
    """The second pair costs 9, and 4 + 4 if both stay alone."""
    cost = np.array([[1.0, 20.0], [20.0, 9.0]])
    assert assigned(cost, np.full(2, 4.0), np.full(2, 4.0)).tolist() == [[0, 0]]
    assert len(assigned(cost, np.full(2, 5.0), np.full(2, 5.0))) == 2


def test_one_pair_is_made_in_any_case():
    cost = np.array([[30.0, 20.0], [40.0, 50.0]])
    assert assigned(cost, np.zeros(2), np.zeros(2)).tolist() == [[0, 1]]


def test_alone_and_paired_cost_as_little_as_any_choice():
    """Against all choices of three by four, whatever they cost alone."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        cost, leaving, arriving = (
            rng.uniform(0, 9, (3, 4)),
            rng.uniform(0, 5, 3),
            rng.uniform(0, 5, 4),
        )

        def price(pairs, cost=cost, leaving=leaving, arriving=arriving):
            rows, columns = np.array(pairs, int).reshape(-1, 2).T
            alone = leaving.sum() - leaving[rows].sum() + arriving.sum() - arriving[columns].sum()
            return cost[rows, columns].sum() + alone

        choices = [
            list(zip(rows, columns, strict=True))
            for count in range(1, 4)
            for rows in itertools.combinations(range(3), count)
            for columns in itertools.permutations(range(4), count)
        ]
        best = min(price(choice) for choice in choices)
        assert price(assigned(cost, leaving, arriving)) == pytest.approx(best)


def test_near_ones_become_each_other_and_colour_decides_between_equals():
    one = shapes(drawn(square(2, 2, 5, RED), square(30, 2, 5, BLUE), square(16, 20, 5, RED)))
    other = shapes(drawn(square(16, 19, 5, RED), square(29, 3, 5, BLUE), square(3, 3, 5, RED)))
    assert paired_shapes(one, other, 28).tolist() == [[0, 2], [1, 1], [2, 0]]
    middle = shapes(drawn(square(16, 2, 5, BLUE), square(16, 2, 5, RED)))
    assert paired_shapes(one[:2], middle, 60).tolist() == [[0, 1], [1, 0]]


def test_what_would_have_to_go_too_far_stays_alone():
    one = shapes(drawn(square(2, 2, 4, RED), square(20, 2, 4, RED)))
    other = shapes(drawn(square(2, 3, 4, RED), square(20, 22, 4, RED)))
    # 20 units are more than 0.4 of the shorter side, 28, and less than that of 60.
    assert paired_shapes(one, other, 28).tolist() == [[0, 0]]
    assert paired_shapes(one, other, 60).tolist() == [[0, 0], [1, 1]]


def test_a_hole_becomes_a_hole():
    """The disc is as large as the hole, and still becomes what is around it."""
    ring = Shape.of(shape(disc(20, 14, 11), disc(20, 14, 6)[::-1], fill=RED))
    disc_alone = Shape.of(shape(disc(20, 14, 6), fill=RED))
    assert paired_contours(ring, disc_alone).tolist() == [[0, 0]]
    moved = Shape.of(shape(disc(22, 14, 7)[::-1], disc(21, 14, 12), fill=RED))
    assert sorted(paired_contours(ring, moved).tolist()) == [[0, 1], [1, 0]]


# ---- the ends


NEXT = [*itertools.pairwise(SINGLE), (list(SINGLE)[-1], next(iter(SINGLE)))]


@pytest.mark.parametrize(("one", "other"), NEXT)
def test_the_ends_are_the_drawings_and_nothing_jumps_there(one, other):
    first, last = SINGLE[one], SINGLE[other]
    morph = between(first, last)
    assert morph(0.0) is not morph(1.0)
    assert torch.equal(seen(morph(0)), seen(first.detach()))
    fitted = last.to(first.points.dtype).fitted(first.width, first.height)
    assert torch.equal(seen(morph(1)), seen(fitted))
    for end, near in ((0, 1e-6), (1, 1 - 1e-6)):
        # What was split is sampled anew, two copies are not quite opaque, and a shape that is
        # just a point is half a dot.
        gap = (seen(morph(end)) - seen(morph(near))).abs()
        assert gap.max() < 0.51 and gap.mean() < 1.5e-3


ICON_PAIRS = [
    ("lucide-fish-symbol", "mdi-cloud"), ("mdi-domain", "mdi-phone-ring"),
    ("bootstrap-quote", "noto-letter-o"), ("noto-egg", "noto-grimacing-face"),
    ("noto-page-facing-up", "lucide-unlink-2"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), ICON_PAIRS)
def test_icons_go_smoothly_all_the_way(one, other):
    morph = between(icon(one), icon(other))
    times = [0, 1e-6, *np.linspace(0, 1, 41)[1:-1], 1 - 1e-6, 1]
    film = torch.stack([seen(morph(float(t)), 48, 48) for t in times])
    steps = film.diff(dim=0).abs().mean((1, 2, 3))
    assert steps[1:-1].max() < 0.04
    assert max(steps[0], steps[-1]) < 1e-3


def test_other_types_and_canvases_are_brought_together():
    one, other = scribble(3, torch.Generator().manual_seed(0), width=40, height=28), SCENES["disc"]
    other = other.fitted(80, 28)
    morph = between(one, other)
    assert {morph(t).points.dtype for t in (0, 0.5, 1)} == {torch.float32}
    assert {(morph(t).width, morph(t).height) for t in (0, 0.5, 1)} == {(40.0, 28.0)}
    middle = morph(1).points.mean(0)
    expected = other.points.mean(0).float() / 2 + torch.tensor([0, 7])
    torch.testing.assert_close(middle, expected)


# ---- on the way


def test_half_way_is_half_way():
    one, other = drawn(square(2, 3, 8, RED)), drawn(square(12, 7, 12, BLUE))
    middle = between(one, other)(0.5)
    corners = middle.points[::3]
    torch.testing.assert_close(
        corners, torch.tensor([[7, 5], [17, 5], [17, 15], [7, 15]], dtype=torch.float64)
    )
    expected = mixed(one.fills, other.fills, torch.tensor([0.5], dtype=torch.float64))
    torch.testing.assert_close(middle.fills, expected)


def test_a_stroke_keeps_its_length_as_it_turns():
    morph = between(strokes(line((10, 14), (30, 14))), strokes(line((20, 4), (20, 24))))
    for t in (0.25, 0.5, 0.75):
        points = morph(t).points
        assert torch.linalg.vector_norm(points[-1] - points[0]) == pytest.approx(20)
    way = morph(0.5).points
    assert (way[-1] - way[0]).abs().tolist() == pytest.approx([20 * 0.5**0.5] * 2)


def test_strokes_change_their_width_evenly():
    morph = between(strokes(line((5, 5), (30, 5), 2.0)), strokes(line((5, 9), (30, 9), 6.0)))
    assert [morph(t).widths.item() for t in (0.25, 0.75)] == pytest.approx([3, 5])


@pytest.mark.parametrize(
    ("one", "other", "middle"),
    [
        ((1, 0, 0, 1), (0, 0, 1, 1), (0.75, 0, 0.25, 1)),
        # A clear colour has no say in what is seen.
        ((1, 0, 0, 1), (0, 0, 1, 0), (1, 0, 0, 0.75)),
        # (3/4 * 0.4 red + 1/4 * 0.8 blue) / 0.5
        ((1, 0, 0, 0.4), (0, 0, 1, 0.8), (0.6, 0, 0.4, 0.5)),
        ((1, 0, 0, 0), (0, 0, 1, 0), (0.75, 0, 0.25, 0)),
    ],
)
def test_colours_are_mixed_by_their_opacity(one, other, middle):
    found = mixed(
        torch.tensor([one]).double(), torch.tensor([other]).double(), torch.tensor([0.25]).double()
    )
    assert found[0].tolist() == pytest.approx(middle)


def test_a_filled_shape_becomes_a_stroke_by_getting_thin():
    fill, stroke = drawn(square(10, 4, 16, RED)), strokes(line((6, 14), (34, 14), 6.0, BLUE))
    morph = between(fill, stroke)
    inks = [float(seen(morph(t))[3].sum()) for t in np.linspace(0, 1, 9)]
    assert 130 < min(inks) and max(inks) < 300


def test_what_has_no_partner_grows_out_of_ink_in_its_colour():
    one = drawn(square(2, 2, 10, RED))
    other = drawn(square(2, 2, 10, RED), square(30, 18, 4, BLUE))
    early = between(one, other)(0.01)
    assert early.paths == 2
    new = early.points[-12:]
    assert new.amax() < 13 and (new.amax(0) - new.amin(0)).max() < 0.2
    assert early.fills[1].tolist() == pytest.approx([*RED[:3], BLUE[3]], abs=0.03)
    late = between(other, one)(0.99)
    torch.testing.assert_close(seen(late), seen(early), atol=1e-6, rtol=0)


def test_something_comes_from_nothing():
    nothing, something = SCENES["nothing"], SCENES["overlapping"]
    ink = [float(seen(between(nothing, something)(t))[3].mean()) for t in (0, 0.2, 0.6, 1)]
    assert ink[0] == 0 and ink == sorted(ink) and len(set(ink)) == 4


# ---- the painter's order


@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_a_change_of_order_is_a_fade(alpha):
    """Two squares that stay where they are, and change places in the order."""
    red, blue = square(8, 4, 16, (1, 0, 0, alpha)), square(16, 8, 16, (0, 0, 1, alpha))
    morph = between(drawn(red, blue), drawn(blue, red))
    film = torch.stack([seen(morph(float(t))) for t in np.linspace(0, 1, 65)])
    # Where only one of them is, nothing is seen of the change; at its end it is the other drawing.
    torch.testing.assert_close(film[:, 3, 6, 12], film[:1, 3, 6, 12].expand(65), atol=0.005, rtol=0)
    both = film[:, 0, 14, 20]
    assert both[0] == pytest.approx(alpha * (1 - alpha)) and both[-1] == pytest.approx(alpha)
    assert (both.diff() > -0.005).all()
    assert both.diff().max() < 0.1


def test_the_largest_stay_where_they_are():
    large, small = square(2, 2, 24, BLACK), [square(x, 8, 5, RED) for x in (4, 11, 18)]
    morph = between(drawn(large, *small), drawn(*small, large))
    middle = morph(0.5)
    # Three are there twice, below the large one and above.
    assert middle.paths == 7 and middle.points[3 * 12].tolist() == [2, 2]


def test_an_order_that_stays_needs_no_copies():
    one, other = SCENES["random"], SCENES["random"].replace(points=SCENES["random"].points + 1)
    assert between(one, other)(0.5).paths == one.paths


def test_a_fill_by_another_rule_fades_in():
    star = SCENES["star, nonzero"], SCENES["star, evenodd"]
    film = torch.stack([seen(between(*star)(float(t)))[3] for t in np.linspace(0, 1, 33)])
    heart = film[:, 14, 20]
    assert heart[0] == pytest.approx(BLUE[3]) and heart[-1] == 0
    assert heart.diff().abs().max() < 0.1


def test_the_heaviest_that_rise_are_found():
    rng = np.random.default_rng(1)
    for _ in range(20):
        values, weights = rng.permutation(7).tolist(), rng.uniform(1, 9, 7).tolist()
        rising = [
            chosen
            for count in range(8)
            for chosen in itertools.combinations(range(7), count)
            if [values[i] for i in chosen] == sorted(values[i] for i in chosen)
        ]
        best = max(rising, key=lambda chosen: sum(weights[i] for i in chosen))
        assert heaviest(values, weights) == list(best)
    assert heaviest([], []) == []


# ---- refused


def test_a_batch_is_refused():
    with pytest.raises(ValueError, match="between single pictures, got 4; split"):
        between(SCENES["two pictures"], SCENES["disc"])


@pytest.mark.parametrize("t", [-0.1, 1.001, float("nan")])
def test_a_time_outside_of_the_way_is_refused(t):
    with pytest.raises(ValueError, match="give a fraction of the way, from 0 to 1"):
        between(SCENES["disc"], SCENES["sliver"])(t)
