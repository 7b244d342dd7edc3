"""One trajectory as several decoders see it."""

import numpy as np
import pytest

from clipdraw.sheets import LINE
from journeys.decode import Decoder, embed
from journeys.grids import enlarged, film, sheet
from losses import load_encoder

SIDE = 48
HEIGHT = SIDE + LINE


@pytest.fixture(scope="module")
def pocket():
    return load_encoder("pocket")


def tile(page, column: int, row: int = 0) -> np.ndarray:
    """The picture of one tile, in [0, 1]."""
    left, top = column * SIDE, row * HEIGHT
    return np.asarray(page, float)[top : top + SIDE, left : left + SIDE] / 255


def differ(a: np.ndarray, b: np.ndarray) -> float:
    return np.abs(a - b).mean()


def test_a_film_has_a_tile_for_each_snapshot(pocket):
    rows = embed(pocket, ["a red heart", "a blue house", "a fish"])
    decoders = {f"seed {seed}": Decoder(pocket, seed, steps=2) for seed in (0, 1)}
    decoders["strong"] = Decoder(pocket, 0, strength=8.0, steps=2)
    pages = list(film(decoders, rows, 2, SIDE))
    assert [page.size for page in pages] == [(2 * SIDE, 2 * HEIGHT)] * 3
    zero, one, strong = tile(pages[0], 0), tile(pages[0], 1), tile(pages[0], 0, 1)
    # Another seed is another picture, another strength nearly the same one, another z neither.
    assert 0 < differ(zero, strong) < differ(zero, one)
    assert differ(zero, tile(pages[1], 0)) > differ(zero, strong)
    (wanted,) = decoders["seed 0"](rows[:1])
    assert np.abs(tile(pages[0], 0) - wanted.permute(1, 2, 0).numpy()).max() < 2 / 255
    # Under each stands its name.
    assert all((np.asarray(pages[0])[SIDE:HEIGHT, x : x + SIDE] < 150).any() for x in (0, SIDE))


def test_a_sheet_has_a_line_for_each_snapshot(pocket):
    rows = np.repeat(embed(pocket, ["a red heart", "a fish", "a boat"]), [5, 4, 1], axis=0)
    decoders = {f"seed {seed}": Decoder(pocket, seed, steps=2) for seed in (0, 1)}
    page = sheet(decoders, rows, 3, SIDE)
    assert page.size == (3 * SIDE, 2 * HEIGHT)
    for line, decoder in enumerate(decoders.values()):
        for column, picture in enumerate(decoder(rows[[0, 4, 9]])):
            assert differ(tile(page, column, line), picture.permute(1, 2, 0).numpy()) < 1e-2
    assert sheet(decoders, rows[:2], 7, SIDE).width == 2 * SIDE


def test_a_picture_is_enlarged_for_people(pocket):
    (picture,) = Decoder(pocket, steps=2)(embed(pocket, ["a red heart"]))
    large = enlarged(picture, 3 * SIDE)
    assert large.shape == (3, 3 * SIDE, 3 * SIDE)
    assert 0 <= large.min() and large.max() <= 1
    assert (large[:, 1::3, 1::3] - picture).abs().max() < 0.02
