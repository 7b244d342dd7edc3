"""Views have the distributions of the transforms that CLIPDraw's notebook uses."""

import math

import pytest
import torch

from clipdraw import RasterViews, render, scribble
from clipdraw.drawing import join
from clipdraw.loop import Scene
from clipdraw.views import VectorViews, affine, homography, warp


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(pictures: torch.Tensor, *seeds: int) -> Scene:
    """One that shows these pictures, whatever is drawn."""
    return Scene(scribble(1, rng(0)), pictures, [rng(seed) for seed in seeds], 0.0)


def maps(views: RasterViews, aspect: float = 1.0, seed: int = 0) -> torch.Tensor:
    """The crops' affine maps alone."""
    draws = torch.rand(views.count, 30, generator=rng(seed)).double()
    return views._crops(draws[:, 8:], aspect)


def test_a_homography_takes_its_corners_to_the_square():
    corners = torch.tensor([[[-0.9, -0.7], [0.8, -1.0], [0.6, 0.9], [-1.0, 0.8]]]).double()
    there = torch.cat([corners, torch.ones(1, 4, 1)], dim=2) @ homography(corners).transpose(1, 2)
    square = torch.tensor([[[-1.0, -1], [1, -1], [1, 1], [-1, 1]]]).double()
    assert torch.allclose(there[..., :2] / there[..., 2:], square, atol=1e-12)


def test_the_identity_shows_the_picture_itself():
    picture = torch.rand(2, 3, 20, 20, generator=rng(0))
    assert torch.allclose(warp(picture, torch.eye(3).expand(2, 3, 3), 20), picture, atol=1e-5)


def test_what_lies_outside_is_white():
    away = torch.eye(3)[None] + torch.tensor([[[0.0, 0, 3], [0, 0, 0], [0, 0, 0]]])
    assert torch.equal(warp(torch.zeros(1, 3, 8, 8), away, 8), torch.ones(1, 3, 8, 8))


# On a canvas of 3 to 2 few crops of at most 4 to 3 fit; one that does not is cut.
@pytest.mark.parametrize(("aspect", "least"), [(1.0, 0.69), (1.5, 0.5)])
def test_crops_keep_their_share_of_the_area_and_stay_inside(aspect, least):
    crops = maps(RasterViews(5000, 8), aspect)
    wide, tall = crops[:, 0, 0], crops[:, 1, 1]
    area = wide * tall
    assert least < area.min() and area.max() < 0.91
    assert (crops[:, 0, 2].abs() <= 1 - wide + 1e-9).all()
    assert (crops[:, 1, 2].abs() <= 1 - tall + 1e-9).all()
    ratio = (wide / tall * aspect).log()
    whole = tall < 1
    assert ratio[whole].abs().max() <= math.log(4 / 3) + 1e-9


def test_corners_move_inwards_by_half_of_half_the_side_at_most():
    moved = RasterViews(5000, 8)._corners(torch.rand(5000, 8, generator=rng(0)).double()).abs()
    assert 0.5 <= moved.min() < 0.501
    assert 0.999 < moved.max() <= 1.0
    assert moved.mean() == pytest.approx(0.75, abs=0.005)


def test_views_of_a_picture_do_not_depend_on_its_neighbours():
    pictures = torch.rand(2, 3, 24, 30, generator=rng(0))
    views = RasterViews(3, 16)
    together = views(scene(pictures, 1, 2))
    assert together.shape == (6, 3, 16, 16)
    assert torch.equal(together[:3], views(scene(pictures[:1], 1)))
    assert torch.equal(together[3:], views(scene(pictures[1:], 2)))


def test_gradients_reach_the_picture():
    picture = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    RasterViews(4, 16)(scene(picture, 0)).sum().backward()
    assert (picture.grad > 0).float().mean() > 0.5


def test_vector_views_see_what_raster_views_see():
    """But for perspective, the blur of a warp, and what lies beyond the picture's edge."""
    made = scribble(30, rng(0), width=150, height=100, stroke_width=6.0)
    middle = torch.tensor([75.0, 50.0])
    made = made.replace(points=middle + (made.points - middle) / 3)
    picture = render(made, 400, 600)
    raster = RasterViews(6, 64, distortion=0.0, scale=(0.3, 1.0))
    looks = raster(Scene(made, picture, [rng(3)], 0.0))
    drawn = VectorViews(raster)(Scene(made, picture, [rng(3)], 0.0))
    assert drawn.shape == looks.shape
    assert -10 * (drawn - looks).square().mean().log10() > 30
    blank = VectorViews(raster)(Scene(made, picture, [rng(4)], 0.0))
    assert -10 * (blank - looks).square().mean().log10() < 20


def test_the_middle_of_a_view_is_where_perspective_puts_it():
    raster = RasterViews(50, 64)
    maps = raster.maps([rng(0)], 1.5)
    transforms = affine(maps, 150.0, 100.0)
    for projective, transform in zip(maps, transforms, strict=True):
        for offset in (torch.zeros(2), torch.tensor([1e-4, 0.0]), torch.tensor([0.0, 1e-4])):
            seen = projective @ torch.tensor([*offset.tolist(), 1.0]).double()
            where = (seen[:2] / seen[2] + 1) / 2 * torch.tensor([150.0, 100.0])
            back = transform @ torch.tensor([*where.tolist(), 1.0]).double()
            wanted = (offset + 1) / 2 * torch.tensor([150.0, 100.0])
            assert torch.allclose(back, wanted.double(), atol=1e-5)


def test_vector_views_of_a_batch_are_those_of_each_alone():
    drawings = [scribble(8, rng(s)) for s in (5, 6)]
    views = VectorViews(RasterViews(3, 32))
    blank = torch.ones(2, 3, 8, 8)
    together = views(Scene(join(drawings), blank, [rng(1), rng(2)], 0.0))
    for i, drawing in enumerate(drawings):
        alone = views(Scene(drawing, blank[:1], [rng(i + 1)], 0.0))
        assert torch.equal(alone, together[3 * i : 3 * i + 3])
