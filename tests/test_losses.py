"""Losses: one value worked out by hand for each, and what all of them promise."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from clipdraw.drawing import Drawing, join
from clipdraw.loop import Scene
from clipdraw.renderers import render
from clipdraw.scribble import scribble
from clipdraw.views import RasterViews
from losses import (
    LOSSES,
    Calm,
    CentrePenalty,
    Crossing,
    FeatureDistance,
    Guidance,
    InkDistance,
    KeepInFrame,
    PictureDistance,
    ScoreDistillation,
    Similarity,
    StayWithin,
    Stiffness,
    StyleDistance,
    centre_penalty,
    keep_in_frame,
)
from losses.fields import Box, Circle, Outside
from losses.guidance import Branch
from losses.schedule import From
from losses.similarity import great_circle, negative_cosine
from losses.style import Colours, Layers, Patches

WORDS = {"red": (1, 0, 0), "green": (0, 1, 0), "yellow": (1, 1, 0), "white": (1, 1, 1)}


class Eye:
    """An encoder that knows colours by name and sees nothing else; of two layers, the first sees
    quarters and the second the whole."""

    name, size, depth = "eye", 8, 2
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def embed_text(self, texts):
        return F.normalize(torch.tensor([WORDS[text] for text in texts]).float())

    def embed_image(self, images):
        return F.normalize(images.mean((2, 3)))

    def features(self, images, layers):
        maps = [F.avg_pool2d(images, side) for side in (4, 8)]
        return self.embed_image(images), [maps[layer] for layer in layers]


class Middle(RasterViews):
    """The same look each time, away from the borders, which mix with paper."""

    def maps(self, generators, aspect):
        return torch.diag(torch.tensor([0.5, 0.5, 1])).expand(self.count * len(generators), 3, 3)


class Memory:
    """A prior that remembers one thing per word: paper of that colour. Without a word, grey."""

    picture_size = 8

    def embed_text(self, texts):
        return 2 * torch.tensor([WORDS[text] for text in texts]).float() - 1

    def denoise(self, pictures, sigma, text):
        clean = torch.zeros_like(pictures)
        return clean if text is None else clean + text[:, :, None, None]


def distillation(prior, prompt, negative, views, strength=3.0, **levels):
    guided = Guidance.to_prompt(prior, prompt, negative, strength)
    return ScoreDistillation(guided, views, **levels)


def look(scene):
    """Two equal views, eight pixels wide."""
    return F.interpolate(scene.picture, (8, 8), mode="area").repeat_interleave(2, dim=0)


def redness(picture):
    """A map of one feature."""
    return [picture[:1].flatten(1)]


def luck(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def stroke(*points, width=224, height=224):
    """One picture of one stroke."""
    return Drawing(
        points=torch.tensor(points).float(),
        segments=torch.tensor([(len(points) - 1) // 3]),
        widths=torch.tensor([8.0]),
        colors=torch.tensor([[0.1, 0.2, 0.3, 0.9]]),
        picture=torch.tensor([0]),
        width=width,
        height=height,
    )


def scene(drawing, picture=None, seeds=None, progress=0.0):
    if picture is None:
        picture = render(drawing, 16, 24, backend="reference")
    return Scene(drawing, picture, luck(*(seeds or range(drawing.pictures))), progress)


DOT = stroke(*[(112, 112)] * 4)
RED = torch.tensor([1.0, 0, 0])[None, :, None, None].expand(1, 3, 16, 24)
WHITE = torch.ones(1, 3, 16, 24)

# From left to right: d = 0, 75, 85, 100 from the centre, so relu(d - 75)^2 = 0, 0, 100, 625,
# in all 725, times 0.001 over one path.
AROUND = stroke((112, 112), (187, 112), (197, 112), (112, 212))
# 3 to the left and 4 above: 9 + 16; inside: 0; 2 to the right: 4; 1 below: 1; times 0.001.
ASTRAY = stroke((-3, -4), (5, 5), (22, 5), (10, 11), width=20, height=10)
# Two blocks of 2 x 2 pixels: 0, 1, 1, 0 has mean 1/2 and is right; 1, 1, 1, 1 is off by 1.
BLOCKS = torch.tensor([[0.0, 1, 1, 1], [1, 0, 1, 1]]).expand(1, 3, 2, 4)
HALVES = torch.tensor([[0.5, 0.0]]).expand(1, 3, 1, 2)
# A loop, then an arch: AB = (12, 9) and CD = (12, -9) are 15 long, and the sine between them is
# (12 * -9 - 9 * 12) / 225 = -0.96. In the loop BC = (-16, 0) turns left of AB, 9 * 16 = 144, and CD
# should not point right of it; in the arch all arms turn right.
LOOP_AND_ARCH = stroke((0, 0), (12, 9), (-4, 9), (8, 0), (20, 9), (24, 9), (36, 0))
# All points have moved by (1, 1), and the second by 3 more: two bends change, by -2 * 3 and by 3.
STRAIGHT, BENT = (
    stroke(*[(x, 0) for x in (0, 10, 20, 30)]),
    stroke((1, 1), (11, 4), (21, 1), (31, 1)),
)
# Yellow, where RED is drawn.
YELLOW = torch.tensor([1.0, 1, 0])[None, :, None, None].expand(1, 3, 4, 6)

# From there to DOT: r is 22.4, as far as the points went (13.44, 17.92); a tenth of that, squared;
# and 0.2 of green, squared.
BEFORE = DOT.replace(
    points=DOT.points - torch.tensor([13.44, 17.92]),
    widths=DOT.widths + 2.24,
    colors=DOT.colors + torch.tensor([0, 0.2, 0, 0]),
)

KNOWN = {
    "calm": (Calm(BEFORE), scene(DOT, WHITE), 1 + 0.01 + 0.04),
    "centre": (CentrePenalty(), scene(AROUND, WHITE), 0.725),
    "frame": (KeepInFrame(), scene(ASTRAY, WHITE), 0.03),
    # All but a disc of 80 around the middle: 80 and 5 too far inside, 6400 + 25, times 0.001.
    "within": (StayWithin(Outside(Circle((112, 112), 80))), scene(AROUND, WHITE), 6.425),
    # Every view is red all over, and should be yellow: of a layer's three channels one is off by 1,
    # and the cosine is 1 / sqrt(2).
    "features": (
        FeatureDistance(Eye(), YELLOW, Middle(2, 8), layers=[0, 1], semantic_weight=0.1),
        scene(DOT, RED),
        2 / 3 + 0.1 * (1 - 1 / math.sqrt(2)),
    ),
    # No ink is wanted. In full size 2 of 8 pixels have some. In half, each of two places sees six
    # pixels, of which two and one have ink: (1/9 + 1/36) / 2. Then one place sees their mean, 1/4,
    # twice.
    "ink": (InkDistance(torch.zeros(1, 2, 4)), scene(DOT, BLOCKS), 2 / 8 + 5 / 72 + 2 / 16),
    # 6^2 + 3^2
    "stiffness": (Stiffness(STRAIGHT), scene(BENT, WHITE), 45),
    # one of two cubics, 0.96
    "crossing": (Crossing(), scene(LOOP_AND_ARCH, WHITE), 0.48),
    # the mean of 0 and 1, squared
    "picture": (PictureDistance(HALVES), scene(DOT, BLOCKS), 0.5),
    # One feature, so each direction is it or its opposite. Of 8 places 2 have no red and 6 all of
    # it; half of the way from grey to white is 3/4: (2 * (3/4)^2 + 6 * (1/4)^2) / 8.
    "style": (
        StyleDistance([0.5 * WHITE[0], WHITE[0, :, :5, :7]], (0.5, 0.5), [redness]),
        scene(DOT, BLOCKS),
        0.1875,
    ),
    # Two views of red: -cos(red, red) + 0.3 cos(red, yellow) = -1 + 0.3 / sqrt(2) each.
    "similarity": (
        Similarity.to_prompt(Eye(), "red", "yellow", look),
        scene(DOT, RED),
        2 * (-1 + 0.3 / math.sqrt(2)),
    ),
    # White paper is x = (1, 1, 1). Guidance 3 asks for 0 + 3 ((1, -1, -1) - 0) = (3, -3, -3):
    # 4 + 16 + 16 = 36 a pixel, 64 pixels, two views, a half.
    "distillation": (
        distillation(Memory(), "red", "", look),
        scene(DOT, WHITE),
        36 * 64 * 2 / 2,
    ),
}

# The same losses as they are used.
USED = {
    "calm": Calm(BEFORE),
    "centre": CentrePenalty(threshold=10.0),
    "frame": KeepInFrame(margin=80.0),
    "crossing": Crossing(),
    "picture": PictureDistance(torch.rand(1, 3, 5, 7, generator=luck(0)[0])),
    "style": StyleDistance(
        [torch.rand(3, 9, 7, generator=luck(0)[0])], looks=[Colours([8]), Patches([8], side=3)]
    ),
    "within": StayWithin(Outside(Box(20, 20, 200, 180)), power=1.5),
    "features": FeatureDistance(
        Eye(), torch.rand(1, 3, 5, 7, generator=luck(0)[0]), RasterViews(3, 8), [-1, 0]
    ),
    "ink": InkDistance(torch.rand(1, 16, 24, generator=luck(0)[0])),
    "stiffness": Stiffness(),
    "similarity": Similarity.to_prompt(
        Eye(), "red | green:0.5", "white", RasterViews(3, 8), "great_circle"
    ),
    "distillation": distillation(Memory(), "red | green:0.5", "white", RasterViews(3, 8)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_is_worth_what_was_worked_out_by_hand(name):
    assert name in KNOWN, f"work out a value of {name} by hand and add it to KNOWN, and to USED"
    term, seen, value = KNOWN[name]
    assert type(term) is LOSSES[name] is type(USED[name])
    assert term(seen).tolist() == pytest.approx([value], rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_moves_control_points(name):
    drawing = scribble(6, luck(3)[0], width=200, height=120, stroke_width=20)
    drawing = drawing.replace(points=drawing.points.requires_grad_())
    (gradient,) = torch.autograd.grad(used(name, scene(drawing)).sum(), drawing.points)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


def used(name, seen):
    """A term to use; calm asks where these strokes were: here, nearer the middle."""
    term = USED[name]
    if name == "calm":
        before = seen.drawing.detach()
        term = replace(term, before=before.replace(points=before.points * 0.9 + 9))
    return term(seen)


@pytest.mark.parametrize("name", LOSSES)
def test_a_picture_costs_in_a_batch_what_it_costs_alone(name):
    drawings = [scribble(strokes, luck(strokes)[0]) for strokes in (4, 9, 2)]
    pictures = torch.rand(3, 3, 16, 24, generator=luck(0)[0])
    together = used(name, scene(join(drawings), pictures, seeds=(5, 6, 7)))
    alone = [
        used(name, scene(drawing, pictures[i : i + 1], seeds=(5 + i,)))
        for i, drawing in enumerate(drawings)
    ]
    assert torch.equal(together, torch.cat(alone))
    assert len(set(together.tolist())) == 3


@pytest.mark.parametrize("name", LOSSES)
def test_leaves_the_global_generator_alone(name):
    before = torch.get_rng_state()
    used(name, scene(scribble(4, luck(0)[0])))
    assert torch.equal(before, torch.get_rng_state())


def test_what_stays_costs_nothing_and_is_not_pulled_anywhere():
    drawing = scribble(4, luck(0)[0]).replace(fill_rules=torch.ones(4, dtype=torch.long))
    leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
    cost = Calm(drawing)(scene(drawing.replace(**leaves)))
    assert cost.item() == 0 and leaves.keys() >= {"fills"}
    for gradient in torch.autograd.grad(cost.sum(), list(leaves.values())):
        assert (gradient == 0).all()


def test_calm_counts_fills_as_it_counts_colours():
    fills = torch.tensor([[0.5, 0.5, 0.5, 1.0]])
    filled = DOT.replace(fill_rules=torch.tensor([1]), fills=fills)
    paler = filled.replace(fills=fills + torch.tensor([0.1, 0.1, 0.1, 0]))
    assert Calm(filled)(scene(paler, WHITE)).item() == pytest.approx(0.03)


# ---- geometry


@pytest.mark.parametrize("paths", [2_000, 20_000])
def test_clipdraws_random_start_costs_about_six_and_a_half(paths):
    assert centre_penalty(scribble(paths, luck(0)[0])).item() == pytest.approx(6.5, rel=0.1)


@pytest.mark.parametrize("name", ["centre", "frame"])
def test_more_of_the_same_strokes_cost_the_same(name):
    few = scribble(32, luck(1)[0])
    many = join([few] * 16).replace(picture=torch.zeros(512, dtype=torch.long), pictures=1)
    torch.testing.assert_close(USED[name](scene(many, WHITE)), USED[name](scene(few, WHITE)))


@pytest.mark.parametrize("power", [1, 2, 3.5])
def test_a_point_at_the_exact_centre_has_a_finite_gradient(power):
    points = torch.full((4, 2), 112.0, requires_grad=True)
    cost = centre_penalty(DOT.replace(points=points), threshold=0, power=power)
    (gradient,) = torch.autograd.grad(cost.sum(), points)
    assert torch.equal(gradient, torch.zeros(4, 2))


def test_the_centre_penalty_pulls_inwards_only_from_outside():
    points = AROUND.points.clone().requires_grad_()
    cost = centre_penalty(AROUND.replace(points=points))
    (gradient,) = torch.autograd.grad(cost.sum(), points)
    # 0.001 * 2 (d - 75) away from the centre
    expected = torch.tensor([[0, 0], [0, 0], [0.02, 0], [0, 0.05]])
    torch.testing.assert_close(gradient, expected)


def test_the_circle_is_given_in_canvas_units_and_by_default_follows_the_canvas():
    small = stroke((10, 5), (10, 5), (10, 5), (20, 5), width=20, height=10)
    # d = 10, and the circle's radius is 75/224 of the shorter side
    excess = 10 - 75 / 224 * 10
    assert centre_penalty(small).item() == pytest.approx(0.001 * excess**2)
    # relu(d - 2) with d = 8 from (12, 5) to the last point, and 2 to the others
    moved = centre_penalty(small, centre=(12, 5), threshold=2, power=1, weight=1)
    assert moved.item() == pytest.approx(6)


def test_a_margin_keeps_strokes_away_from_the_edge():
    # 1 from the left edge and the margin asks for 3: (3 - 1)^2
    near = stroke((1, 5), (10, 5), (10, 5), (10, 5), width=20, height=10)
    assert keep_in_frame(near, weight=1).item() == 0
    assert keep_in_frame(near, margin=3, weight=1).item() == 4


@pytest.mark.parametrize("name", ["calm", "centre", "frame", "crossing"])
def test_a_picture_without_strokes_costs_nothing(name):
    batch = scribble(3, luck(0)[0]).replace(picture=torch.tensor([1, 1, 1]), pictures=3)
    cost = used(name, scene(batch, WHITE.expand(3, -1, -1, -1)))
    assert (cost > 0).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("argument", "message"),
    [({"power": 0.5}, "power is 0.5, but"), ({"threshold": -1}, "threshold is -1, but")],
)
def test_a_penalty_without_a_gradient_is_refused(argument, message):
    with pytest.raises(ValueError, match=message):
        centre_penalty(DOT, **argument)


def knots(cubic, pieces=64):
    """How often a cubic crosses itself, seen as a polyline."""
    t = torch.linspace(0, 1, pieces + 1)[:, None]
    weights = torch.cat([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], dim=1)
    line = weights @ cubic

    def side(i, j):  # of each end of piece j, as seen along piece i
        along, to = line[i + 1] - line[i], line[j : j + 2] - line[i]
        return along[0] * to[:, 1] - along[1] * to[:, 0] > 0

    apart = [(i, j) for i in range(pieces) for j in range(i + 2, pieces)]
    return sum(int(side(i, j).unique().numel() == side(j, i).unique().numel() == 2)
               for i, j in apart)  # fmt: skip


@pytest.mark.parametrize("closed", [True, False])
def test_downhill_a_bow_tie_is_untied(closed):
    """Two wings; the first is a cubic that crosses itself, the second one is the way back."""
    tie = stroke((0, 0), (30, 14), (-14, 26), (16, 0), (16, -9), (0, -9), (0, 0))
    points = tie.points[: 6 if closed else 7].clone().requires_grad_()
    tie = tie.replace(points=points, closed=torch.tensor([closed]))
    assert knots(points[:4].detach()) == 1
    for _ in range(200):
        cost = Crossing()(scene(tie.replace(points=points), WHITE))
        (gradient,) = torch.autograd.grad(cost.sum(), points)
        points = (points - 20 * gradient).detach().requires_grad_()
    assert cost.item() == 0 and knots(points[:4].detach()) == 0


def test_arms_without_length_have_a_gradient_and_cost_nothing():
    points = DOT.points.clone().requires_grad_()
    cost = Crossing()(scene(DOT.replace(points=points), WHITE))
    (gradient,) = torch.autograd.grad(cost.sum(), points)
    assert cost.item() == 0 and torch.equal(gradient, torch.zeros(4, 2))


def test_the_last_cubic_of_a_closed_contour_ends_where_it_starts():
    loop = LOOP_AND_ARCH.points[[3, 4, 5, 0, 1, 2]]  # from (8, 0) back to (0, 0), and the loop
    loop[1:3] = torch.tensor([[8, -5], [0, -5]])
    closed = stroke((0, 0), *[(1, 1)] * 6).replace(points=loop, closed=torch.tensor([True]))
    assert Crossing()(scene(closed, WHITE)).item() == pytest.approx(0.48)


# ---- strokes that follow lines


def test_strokes_may_move_turn_and_stretch_but_not_crumple():
    wave = scribble(3, luck(5)[0])
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    stiff = Stiffness(wave)
    assert stiff(scene(wave, WHITE)).item() == 0
    shifted = wave.replace(points=wave.points + 30)
    assert stiff(scene(shifted, WHITE)).item() == pytest.approx(0, abs=1e-6)
    # A straight one has no bends to change.
    for points in (STRAIGHT.points @ turn, STRAIGHT.points * torch.tensor([1.5, 1])):
        moved = scene(STRAIGHT.replace(points=points), WHITE)
        assert Stiffness(STRAIGHT)(moved).item() == pytest.approx(0, abs=1e-6)
    shaken = wave.points + torch.randn(wave.points.shape, generator=luck(0)[0])
    assert stiff(scene(wave.replace(points=shaken), WHITE)).item() > 10


def test_bends_are_not_counted_from_one_stroke_to_the_next():
    apart = join([STRAIGHT, STRAIGHT.replace(points=STRAIGHT.points + 100)])
    apart = apart.replace(picture=torch.tensor([0, 0]), pictures=1)
    costs = Stiffness()(scene(apart, WHITE)), 2 * Stiffness()(scene(STRAIGHT, WHITE))
    assert torch.equal(*costs)


def test_a_line_is_felt_from_afar():
    """Both ends of a stroke that lies six pixels beside a line want to go there."""
    beside = stroke(*[(x, 14) for x in (5, 15, 25, 35)], width=40, height=30)
    points = beside.points.clone().requires_grad_()
    target = torch.zeros(1, 30, 40)
    target[:, 19:22, 5:36] = 1
    drawing = beside.replace(points=points, widths=torch.tensor([3.0]))
    drawing = drawing.replace(colors=torch.tensor([[0.0, 0, 0, 1]]))
    cost = InkDistance(target)(scene(drawing, render(drawing)))
    (gradient,) = torch.autograd.grad(cost.sum(), points)
    assert (gradient[[0, 3], 1] < 0).all()


def test_ink_is_compared_at_the_render_s_size():
    with pytest.raises(ValueError, match="target has 7 x 5 pixels, but .* with 24 x 16; give"):
        InkDistance(torch.zeros(1, 5, 7))(scene(DOT))


# ---- features


def test_features_are_seen_through_the_same_views():
    """What is drawn as it should be costs nothing, however it is looked at."""
    picture = torch.rand(1, 3, 16, 24, generator=luck(0)[0])
    same = FeatureDistance(Eye(), picture, RasterViews(4, 8), [0])
    assert same(scene(DOT, picture)).item() == pytest.approx(0, abs=1e-6)
    assert same(scene(DOT, picture.flip(-1))).item() > 1e-3


def test_views_of_another_size_than_the_encoder_s_are_refused():
    with pytest.raises(ValueError, match="views are 9 pixels wide, but the encoder eye looks at 8"):
        FeatureDistance(Eye(), YELLOW, RasterViews(2, 9), [0])


def test_a_target_for_each_picture_or_one_for_all():
    distance = FeatureDistance(Eye(), YELLOW.expand(2, -1, -1, -1), RasterViews(2, 8), [0])
    with pytest.raises(ValueError, match="target holds 2 pictures, but the drawing holds 3"):
        distance(scene(join([DOT] * 3), RED.expand(3, -1, -1, -1)))
    both = distance(scene(join([DOT, DOT]), torch.cat([RED, RED * 0])))
    assert both[0] < both[1]


# ---- pictures


def test_each_picture_has_its_own_target_or_all_share_one():
    drawing = join([DOT, DOT])
    pictures = torch.cat([RED[..., :2, :2], WHITE[..., :2, :2]])
    shared = PictureDistance(RED[..., :2, :2])(scene(drawing, pictures))
    # white is off by 1 in two channels of three
    assert shared.tolist() == pytest.approx([0, 2 / 3])
    own = PictureDistance(pictures)(scene(drawing, pictures))
    assert own.tolist() == [0, 0]
    with pytest.raises(ValueError, match="target holds 3 pictures, but the drawing holds 2"):
        PictureDistance(WHITE.expand(3, -1, -1, -1))(scene(drawing, pictures))


# ---- style


def random_picture(seed, height=11, width=13):
    return torch.rand(3, height, width, dtype=torch.float64, generator=luck(seed)[0])


def test_the_style_distance_is_what_optimal_assignment_costs():
    """Along each direction, the cheapest way from the values of one picture to the other's."""
    picture, style = random_picture(1), random_picture(2)
    term = StyleDistance([style], looks=[Patches([11], side=3)], directions=5)
    windows = [x.unfold(1, 3, 1).unfold(2, 3, 1).permute(0, 3, 4, 1, 2) for x in (picture, style)]
    patches = [(x - x.mean((1, 2), keepdim=True)).reshape(27, -1) for x in windows]
    directions = F.normalize(torch.randn(5, 27, generator=luck(0)[0]), dim=1).double()
    costs = []
    for direction in directions:
        x, y = (direction @ values for values in patches)
        apart = (x[:, None] - y).square()
        costs.append(apart[linear_sum_assignment(apart)].mean())
    cost = term(scene(DOT, picture[None]))
    assert cost.item() == pytest.approx(torch.stack(costs).mean().item(), rel=1e-6)


def test_the_style_distance_has_the_right_gradient():
    style = random_picture(2)
    term = StyleDistance([style], looks=[Colours([6]), Patches([6], side=3)], directions=4)
    picture = random_picture(1, 9, 6)[None].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: term(scene(DOT, x)), picture)


@pytest.mark.parametrize("look", [Colours([8, 4]), Patches([8, 4], side=3), Layers(Eye(), (0, 1))])
def test_a_picture_has_its_own_style_and_shares_lead_from_one_to_the_other(look):
    one, other = torch.rand(3, 8, 12, generator=luck(1)[0]), torch.rand(3, 8, 12).square()

    def apart(picture, share):
        term = StyleDistance([one, other], (1 - share, share), [look])
        return term(scene(DOT, picture[None])).item()

    assert apart(one, 0.0) == pytest.approx(0, abs=1e-10) == apart(other, 1.0)
    assert 0 < apart(one, 0.3) < apart(one, 0.6) < apart(one, 1.0)


def test_where_things_are_is_no_part_of_their_style():
    style = torch.rand(3, 8, 12, generator=luck(1)[0])
    moved = style.roll((3, 5), (1, 2))
    term = StyleDistance([style], looks=[Colours([8])])
    assert term(scene(DOT, moved[None])).item() == pytest.approx(0, abs=1e-10)


def test_many_places_are_looked_at_in_part():
    style = torch.rand(3, 40, 60, generator=luck(1)[0])
    all_of_it = StyleDistance([style], looks=[Colours([40])], directions=64)
    some = StyleDistance([style], looks=[Colours([40])], directions=64, places=800)
    pale = scene(DOT, 0.5 + style[None] / 2)
    assert some(pale).item() == pytest.approx(all_of_it(pale).item(), rel=0.2)


def test_styles_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"shares are \[0.5\] for 1 pictures; give one for each"):
        StyleDistance([WHITE[0]], (0.5,))
    with pytest.raises(ValueError, match="patches of 7 pixels in pictures of"):
        Patches([6])


# ---- similarity


def test_great_circle_is_half_the_squared_angle_and_finite_everywhere():
    east, north = torch.tensor([[1.0, 0]]), torch.tensor([[0.0, 1]])
    for other, angle in [(east, 0), (north, math.pi / 2), (-east, math.pi)]:
        image = other.clone().requires_grad_()
        distance = great_circle(image, east)
        assert distance.item() == pytest.approx(angle**2 / 2)
        assert torch.autograd.grad(distance.sum(), image)[0].isfinite().all()


def test_great_circle_is_the_usual_formula():
    a, b = F.normalize(torch.randn(2, 5, 16, generator=luck(0)[0], dtype=torch.float64), dim=-1)
    usual = 2 * torch.asin(torch.linalg.vector_norm(a[:, None] - b, dim=-1) / 2) ** 2
    torch.testing.assert_close(great_circle(a, b), usual)


def test_cosine_is_a_dot_product_of_unit_vectors():
    a, b = F.normalize(torch.randn(2, 5, 16, generator=luck(0)[0], dtype=torch.float64), dim=-1)
    torch.testing.assert_close(negative_cosine(a, b), -(a @ b.T))


def test_weights_of_prompts_add_up():
    def cost(prompt, negative=""):
        return Similarity.to_prompt(Eye(), prompt, negative, look)(scene(DOT, RED)).item()

    assert cost("red:2") == pytest.approx(2 * cost("red"))
    assert cost("red | yellow:0.5") == pytest.approx(cost("red") + 0.5 * cost("yellow"))
    assert cost("red", "yellow") == pytest.approx(cost("red") - 0.3 * cost("yellow"))
    assert cost("red", "yellow:2") == pytest.approx(cost("red") - 0.6 * cost("yellow"))


@pytest.mark.parametrize("distance", ["cosine", "great_circle"])
def test_a_negative_prompt_pushes_away(distance):
    def pull(negative):
        """How strongly descent makes a grey picture redder than it makes it greener."""
        picture = torch.full((1, 3, 8, 8), 0.5, requires_grad=True)
        term = Similarity.to_prompt(Eye(), "white", negative, look, distance)
        (gradient,) = torch.autograd.grad(term(scene(DOT, picture)).sum(), picture)
        return (gradient[0, 1] - gradient[0, 0]).mean().item()

    assert pull("") == pytest.approx(0, abs=1e-6)
    assert pull("red") < -1e-3
    assert pull("green") > 1e-3


def test_an_unknown_distance_is_refused():
    with pytest.raises(ValueError, match="unknown distance 'euclid'; choose one of cosine"):
        Similarity.to_prompt(Eye(), "red", "", look, "euclid")


# ---- score distillation


def test_a_picture_that_the_prior_expects_is_left_alone():
    term = distillation(Memory(), "white", "", look, strength=1)
    assert term(scene(DOT, WHITE)).item() == 0


def test_score_distillation_pulls_towards_the_prediction():
    picture = torch.rand(1, 3, 8, 8, generator=luck(0)[0]).requires_grad_()
    term = distillation(Memory(), "red", "", look, strength=1)
    (gradient,) = torch.autograd.grad(term(scene(DOT, picture)).sum(), picture)
    # two views of x = 2 picture - 1, each with the gradient x - target, and dx = 2 dpicture
    target = torch.tensor([1.0, -1, -1])[:, None, None]
    torch.testing.assert_close(gradient, 2 * 2 * (2 * picture.detach() - 1 - target))


def test_no_gradient_flows_through_the_prior():
    class Proud(Memory):
        def denoise(self, pictures, sigma, text):
            assert not torch.is_grad_enabled()
            assert not pictures.requires_grad
            return super().denoise(pictures, sigma, text)

    picture = WHITE.clone().requires_grad_()
    term = distillation(Proud(), "red", "green", look)
    assert term(scene(DOT, picture)).requires_grad


def guided(prompt, negative, strength):
    """The colour that guidance asks for, between -1 and 1."""
    guidance = Guidance.to_prompt(Memory(), prompt, negative, strength)
    return guidance.denoise(torch.zeros(1, 3, 8, 8), torch.ones(1))[0, :, 0, 0].tolist()


def test_guidance_leads_away_from_the_negative_prompt():
    # u = green = (-1, 1, -1); u + 2 (red - u) = (-1, 1, -1) + 2 (2, -2, 0)
    assert guided("red", "green", strength=2) == [3, -3, -1]
    # u = (3 green + white) / 4 = (-1/2, 1, -1/2); at guidance 0 nothing else is asked for
    assert guided("red", "green:3 | white", strength=0) == [-0.5, 1, -0.5]


def test_guidance_adds_up_over_several_texts():
    # grey is 0; 2 (red + green / 2) = 2 ((1, -1, -1) + (-1, 1, -1) / 2)
    assert guided("red | green:0.5", "", strength=2) == [1, -1, -3]


def test_noise_levels_fall_over_the_run():
    class Noted(Memory):
        def __init__(self):
            self.sigmas, self.noises = [], []

        def denoise(self, pictures, sigma, text):
            if text is None:
                self.sigmas.append(sigma)
                self.noises.append(pictures - 1)  # of white paper, x = 1
            return super().denoise(pictures, sigma, text)

    prior = Noted()
    views = RasterViews(500, 8)
    term = distillation(prior, "red", "", views, sigma_min=0.5, sigma_max=8)
    for progress in (0.0, 0.5, 1.0):
        term(scene(DOT, WHITE, progress=progress))
    start, middle, end = prior.sigmas
    # even in the logarithm: half of the levels lie below the geometric mean, 2
    assert start.min() >= 0.5 and 7 < start.max() <= 8
    assert (start < 2).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert 1.9 < middle.max() <= 2
    assert end.tolist() == pytest.approx([0.5] * 500)
    for sigma, noise in zip(prior.sigmas, prior.noises, strict=True):
        unit = noise / sigma[:, None, None, None]
        assert unit.std().item() == pytest.approx(1, abs=0.01)
        assert unit.mean().item() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("levels", [(0, 5), (5, 0.5)])
def test_impossible_noise_levels_are_refused(levels):
    low, high = levels
    with pytest.raises(ValueError, match="give 0 < sigma_min <= sigma_max"):
        distillation(Memory(), "red", "", look, sigma_min=low, sigma_max=high)


def test_negative_prompts_that_cancel_are_refused():
    with pytest.raises(ValueError, match="negative_prompt has weights"):
        Guidance.to_prompt(Memory(), "red", "green:-1 | white")
    with pytest.raises(ValueError, match="negative_prompt has weights"):
        Guidance(Memory(), Branch(None, torch.ones(1)), Branch(None, torch.zeros(1)))


@pytest.mark.parametrize(
    ("term", "judge"), [(Similarity.to_prompt, Eye()), (distillation, Memory())]
)
def test_views_of_another_size_are_refused(term, judge):
    six_wide = term(judge, "red", "", RasterViews(1, 6))
    with pytest.raises(ValueError, match=r"views are 6 pixels wide, but the .* looks at 8"):
        six_wide(scene(DOT, WHITE))


def test_a_term_that_joins_in_late_costs_nothing_before_and_starts_from_its_own_beginning():
    heard = []

    def term(seen):
        heard.append(seen.progress)
        return seen.drawing.widths.sum().reshape(1)

    late = From(0.6, term)
    drawing = stroke((1, 1), (2, 2), (3, 3), (4, 4))
    costs = [late(scene(drawing, progress=p)).item() for p in (0.0, 0.59, 0.6, 0.8, 1.0)]
    assert costs == [0, 0, 8, 8, 8]
    assert heard == pytest.approx([0.0, 0.5, 1.0])


def test_a_term_joins_in_during_the_run():
    with pytest.raises(ValueError, match=r"start is 1\.0; give a fraction of the run"):
        From(1.0, look)
