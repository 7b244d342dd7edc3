"""Signed distances of places, worked out by hand and held to each other."""

import pytest
import torch

from losses.fields import Box, Circle, Mask, Outside, Polygon

SQUARE = [(2.0, 1.0), (8.0, 1.0), (8.0, 5.0), (2.0, 5.0)]
# An L: the upper right quarter is missing.
BENT = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (8.0, 4.0), (8.0, 8.0), (0.0, 8.0)]


def at(*points) -> torch.Tensor:
    return torch.tensor(points, dtype=torch.float64)


def spread(count: int = 200) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 14 * torch.rand(count, 2, generator=generator, dtype=torch.float64) - 2


def pixels(field, rows=80, columns=120, width=12.0, height=8.0) -> torch.Tensor:
    y = (torch.arange(rows) + 0.5) * height / rows
    x = (torch.arange(columns) + 0.5) * width / columns
    centres = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).view(-1, 2)
    return (field(centres) < 0).view(rows, columns)


@pytest.mark.parametrize(
    ("field", "points", "distances"),
    [
        # 3-4-5 from the centre; the centre; on the border.
        (Circle((1, 2), 2), at((4, 6), (1, 2), (3, 2)), [3, -2, 0]),
        # Left by 3 and above by 4; 1 from the lower edge inside; right by 2; a corner.
        (Box(2, 1, 8, 5), at((-1, -3), (5, 4), (10, 3), (8, 5)), [5, -1, 2, 0]),
        (Polygon(SQUARE), at((-1, -3), (5, 4), (10, 3), (8, 5)), [5, -1, 2, 0]),
        # In the missing quarter, 3 right of the one edge and 1 above the other; in the lower arm.
        (Polygon(BENT), at((7, 3), (7, 7), (2, 1)), [1, -1, -1]),
        (Outside(Circle((1, 2), 2)), at((4, 6), (1, 2)), [-3, 2]),
    ],
)
def test_distances_worked_out_by_hand(field, points, distances):
    assert field(points).tolist() == pytest.approx(distances, abs=1e-12)


def test_a_polygon_of_four_corners_is_a_box_whichever_way_round():
    box = Box(2, 1, 8, 5)(spread())
    for corners in (SQUARE, SQUARE[::-1]):
        torch.testing.assert_close(Polygon(corners)(spread()), box)


INSET = Polygon([(1.0, 1.0), (5.0, 1.0), (5.0, 4.0), (11.0, 4.0), (11.0, 7.0), (1.0, 7.0)])


@pytest.mark.parametrize("field", [Circle((6, 4), 2.5), Box(3, 2, 9, 5), INSET])
def test_a_mask_knows_the_distances_of_what_it_shows(field):
    """Within a tenth of a unit, which is a pixel."""
    on_canvas = spread().clamp(min=0.1).minimum(at(11.9, 7.9))
    mask = Mask.of(pixels(field), 12.0, 8.0)
    assert (mask(on_canvas) - field(on_canvas)).abs().max() < 0.1


def test_beyond_the_canvas_a_mask_leads_back_to_it():
    mask = Mask.of(pixels(Circle((6, 4), 2)), 12.0, 8.0)
    corner, far = mask(at((0, 0), (-3, -4)))
    assert far - corner == pytest.approx(5)


def test_a_mask_stretches_over_the_canvas():
    """Four by two pixels on a canvas of 40 x 10: the left half, whose border is at 20."""
    mask = Mask.of(torch.tensor([[True, True, False, False]] * 2), 40.0, 10.0)
    # Pixels are 10 x 5, so half of the smaller side is taken for the way to the border.
    assert mask(at((15, 5), (25, 5))).tolist() == pytest.approx([-7.5, 7.5])
    assert mask(at((20, 5))).item() == pytest.approx(0)


@pytest.mark.parametrize(
    "field", [Circle((6, 4), 2), Box(3, 2, 9, 5), Polygon(BENT), Outside(Polygon(BENT)),
              Mask.of(pixels(Circle((6, 4), 2)), 12.0, 8.0)],
)  # fmt: skip
def test_the_gradient_points_away_from_the_place_and_is_finite_everywhere(field):
    points = torch.cat([spread(), at((6, 4), (2, 2), (8, 4), (3, 2))]).requires_grad_()
    (gradient,) = torch.autograd.grad(field(points).sum(), points)
    assert gradient.isfinite().all()
    outside = field(points.detach()) > 0.3
    step = points.detach() - 0.05 * gradient
    assert (field(step)[outside] < field(points.detach())[outside]).all()


@pytest.mark.parametrize(("value", "words"), [(True, "marks all"), (False, "marks nothing")])
def test_a_mask_without_a_border_is_refused(value, words):
    with pytest.raises(ValueError, match=words):
        Mask.of(torch.full((3, 4), value), 4.0, 3.0)
