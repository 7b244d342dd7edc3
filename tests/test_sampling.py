"""Pictures in another size and through a map: what a GPU uses, beside PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F

from clipdraw import sampling


def pulled(function, pictures):
    """The result, and the gradient of a random mixture of it."""
    leaf = pictures.clone().requires_grad_()
    result = function(leaf)
    weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(1)).to(result)
    (gradient,) = torch.autograd.grad((result * weights).sum(), leaf)
    return result.detach(), gradient


def pictures(count, height, width):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, height, width, generator=generator, dtype=torch.float64)


def assert_agree(one, other, example):
    for mine, theirs in zip(pulled(one, example), pulled(other, example), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-12, rtol=0)


@pytest.mark.parametrize("mode", ["area", "bilinear"])
@pytest.mark.parametrize("size", [(9, 14), (5, 31), (40, 3), (20, 30), (1, 1)], ids=str)
def test_matrices_resize_as_interpolate_does(mode, size):
    assert_agree(
        lambda x: sampling.by_matrices(x, size, mode),
        lambda x: F.interpolate(x, size, mode=mode),
        pictures(2, 20, 30),
    )


def test_sampling_by_index_is_grid_sample():
    """Places on pixels, between them, across the border and far outside; three views of each."""
    generator = torch.Generator().manual_seed(2)
    places = 2.5 * torch.randn(6, 11, 7, 2, generator=generator, dtype=torch.float64)
    places[0, 0] = torch.tensor([-1 + 1 / 13, 1 - 1 / 8])
    places[1, 0] = torch.tensor([1.0, -1.0])
    assert_agree(
        lambda x: sampling.by_index(x, places),
        lambda x: F.grid_sample(x.repeat_interleave(3, dim=0), places, align_corners=False),
        pictures(2, 8, 13),
    )
