"""How the centre penalty came to be: Dom Baggott's "Constraining CLIPDraw" (Replicate, 2022).

Strokes strayed to the edges of the page, so he set out to punish distance from the centre. Every
test is one step of that walk: what was tried, and the lesson. `points` is [paths, points, 2].
"""

import math

import pytest
import torch

from clipdraw.drawing import Drawing, join
from clipdraw.scribble import scribble
from losses import centre_penalty

CENTRE = torch.tensor([112.0, 112.0])


def scattered(paths: int = 32) -> torch.Tensor:
    """Strokes of one segment, all over the page."""
    generator = torch.Generator().manual_seed(paths)
    return 224 * torch.rand(paths, 4, 2, generator=generator)


def distances(points: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(points - CENTRE, dim=-1)


def descend(start: torch.Tensor, cost, steps: int = 300) -> torch.Tensor:
    """What CLIPDraw's optimiser makes of a cost: Adam, one canvas unit a step."""
    points = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([points], lr=1.0)
    for _ in range(steps):
        optimiser.zero_grad()
        cost(points).backward()
        optimiser.step()
    return points.detach()


def drawing_of(start: torch.Tensor, penalty):
    """A cost that also wants the picture that `start` shows, as CLIP wants its own.

    A point anywhere on the page is 1/12 of the side squared from the middle, per axis and on
    average; so a picture that is lost entirely costs about 1, as it does with CLIP.
    """
    return lambda points: 12 * ((points - start) / 224).square().mean() + penalty(points)


# ---- 1 to 3: a number that the optimiser can follow


def test_1_a_list_of_numbers_cuts_the_graph():
    """Distances put into a new tensor: it runs, and changes nothing."""
    points = scattered().requires_grad_()
    loss = torch.tensor([math.dist(p.tolist(), CENTRE.tolist()) for p in points.view(-1, 2)]).sum()
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        loss.backward()
    # In the predictor nothing complained, because CLIP's loss beside it still had its graph.
    clip = points.square().mean()
    (with_it,) = torch.autograd.grad(clip + loss, points, retain_graph=True)
    (without,) = torch.autograd.grad(clip, points)
    assert torch.equal(with_it, without)


def stacked(points: torch.Tensor) -> torch.Tensor:
    """Point by point, with the graph kept."""
    return torch.stack([((p - CENTRE) ** 2).sum().sqrt() for p in points.reshape(-1, 2)]).sum()


def vectorised(points: torch.Tensor) -> torch.Tensor:
    """All points at once: subtract, square, sum along an axis, square root."""
    return ((points - CENTRE) ** 2).sum(-1).sqrt().sum()


def test_2_stack_mends_it():
    """torch.stack keeps the graph, and the gradient of a distance is a unit vector outwards."""
    points = scattered().requires_grad_()
    (gradient,) = torch.autograd.grad(stacked(points), points)
    torch.testing.assert_close(gradient, (points - CENTRE) / distances(points)[..., None])


def test_3_a_tensor_at_once_is_the_same_as_point_by_point():
    """Subtract the centre from the whole tensor: the same loss, the same gradient, no loop."""
    points = scattered().requires_grad_()
    slow, fast = stacked(points), vectorised(points)
    torch.testing.assert_close(slow, fast)
    torch.testing.assert_close(torch.autograd.grad(slow, points), torch.autograd.grad(fast, points))


# ---- 4: how much it may count


def test_4_without_scale_everything_becomes_a_blob():
    """CLIP's loss is of the order of 1, a sum of distances of the order of 10 000."""
    start = scattered()
    blob = descend(start, drawing_of(start, lambda p: distances(p).sum()))
    assert distances(blob).max() < 5 < 70 < distances(start).mean()


def test_4_scaled_down_the_drawing_survives():
    """0.001 / num_paths leaves CLIP its say, and still draws everything together."""
    start = scattered()
    weak = descend(start, drawing_of(start, lambda p: 0.001 / len(p) * distances(p).sum()))
    assert 0.7 * distances(start).mean() < distances(weak).mean() < distances(start).mean()


def test_4_the_weight_does_not_depend_on_the_number_of_paths():
    """A plain sum counts 512 paths 16 times as much as 32; divided by the paths, it does not."""
    few, many = distances(scattered(32)).sum(), distances(scattered(512)).sum()
    assert many.item() == pytest.approx(16 * few.item(), rel=0.1)

    parts = join([scribble(32, torch.Generator().manual_seed(seed)) for seed in range(16)])
    whole = parts.replace(picture=torch.zeros_like(parts.picture), pictures=1)
    assert whole.paths == 512
    assert centre_penalty(whole).item() == pytest.approx(centre_penalty(parts).mean().item())


# ---- 5 to 7: a circle to be free in


def test_5_a_threshold_squared_makes_a_doughnut():
    """(d - threshold)^2 punishes the inside as well: points are pushed out to the circle."""
    start = scattered()
    inside = distances(start) < 60
    ring = descend(start, lambda p: (distances(p) - 75).square().sum() / len(p))
    assert inside.any()
    assert distances(ring)[inside].min() > 70
    assert distances(ring).max() < 80


def test_6_relu_before_the_square_leaves_the_inside_alone():
    """Nothing inside the circle, quadratic outside: strays come back, the rest stays."""
    start = scattered()
    inside = distances(start) < 75
    calm = descend(start, lambda p: torch.relu(distances(p) - 75).square().sum() / len(p))
    assert torch.equal(calm[inside], start[inside])
    assert distances(calm).max() < 80


def test_6_nothing_jerks_at_the_edge():
    """ReLU squared is smooth once (C1): its slope grows from 0, where ReLU's own jumps to 1."""
    d = torch.tensor([74.0, 75.0, 75.001, 76.0], requires_grad=True)
    (squared,) = torch.autograd.grad(torch.relu(d - 75).square().sum(), d)
    torch.testing.assert_close(squared, torch.tensor([0, 0, 0.002, 2]), atol=1e-4, rtol=0)
    (plain,) = torch.autograd.grad(torch.relu(d - 75).sum(), d)
    assert plain.tolist() == [0, 0, 1, 1]


def test_7_maximum_is_relu_by_another_name():
    """torch.maximum(d - threshold, 0) gives the same numbers, and once squared the same slopes."""
    points = scattered().requires_grad_()
    excess = distances(points) - 75
    relu = torch.relu(excess).square().sum()
    maximum = torch.maximum(excess, torch.zeros(())).square().sum()
    assert torch.equal(relu, maximum)
    assert torch.equal(
        *(torch.autograd.grad(x, points, retain_graph=True)[0] for x in (relu, maximum))
    )


# ---- and what he did not meet, because no random point lies there


def test_8_at_the_exact_centre_the_square_root_of_a_sum_has_no_slope():
    """0 / 0: one such point, and the whole drawing is NaN after a step. vector_norm says 0."""
    point = CENTRE.clone().view(1, 1, 2).requires_grad_()
    root = torch.relu(((point - CENTRE) ** 2).sum(-1).sqrt() - 75).square().sum()
    (gradient,) = torch.autograd.grad(root, point)
    assert gradient.isnan().all()
    (gradient,) = torch.autograd.grad(torch.relu(distances(point) - 75).square().sum(), point)
    assert gradient.tolist() == [[[0, 0]]]

    drawing = scribble(3, torch.Generator().manual_seed(0))
    points = CENTRE.expand(len(drawing.points), 2).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(centre_penalty(drawing.replace(points=points)).sum(), points)
    assert torch.equal(gradient, torch.zeros_like(points))


def test_and_this_is_the_penalty():
    """The story's last formula, word by word, is `losses.centre_penalty`."""
    points = scattered(48)
    drawing = Drawing(
        points=points.view(-1, 2),
        segments=torch.ones(48, dtype=torch.long),
        widths=torch.ones(48),
        colors=torch.ones(48, 4),
        picture=torch.zeros(48, dtype=torch.long),
        width=224,
        height=224,
    )
    formula = 0.001 / 48 * torch.relu(distances(points) - 75).square().sum()
    torch.testing.assert_close(centre_penalty(drawing), formula[None])
