"""One trajectory as several decoders see it."""

import numpy as np
import pytest
import torch

from clipdraw.sheets import LINE
from journeys.decode import Decoder, embed
from journeys.grids import looks, page, storyboard
from losses import load_encoder


@pytest.fixture(scope="module")
def pocket():
    return load_encoder("pocket")


def differ(a: torch.Tensor, b: torch.Tensor) -> float:
    return (a.float() - b.float()).abs().mean().item()


def test_each_decoder_looks_at_each_row(pocket):
    rows = embed(pocket, ["a red heart", "a blue house", "a fish"])
    decoders = [Decoder(pocket, 0, steps=2), Decoder(pocket, 1, steps=2)]
    decoders.append(Decoder(pocket, 0, strength=8.0, steps=2))
    seen = list(looks(decoders, rows))
    assert [len(pictures) for pictures in seen] == [3, 3, 3]
    zero, one, strong = seen[0]
    # Another seed is another picture, another strength nearly the same one, another z neither.
    assert 0 < differ(zero, strong) < differ(zero, one)
    assert differ(zero, seen[1][0]) > differ(zero, strong)
    (wanted,) = decoders[0](rows[:1])
    assert differ(zero, 255 * wanted) < 1


def grey(shade: int) -> torch.Tensor:
    return torch.full((3, 6, 6), shade, dtype=torch.uint8)


def middles(sheet, columns: int, rows: int, side: int) -> list[list[int]]:
    """The shade in the middle of each picture."""
    pixels, height = np.asarray(sheet)[..., 0], side + LINE
    return [
        [int(pixels[j * height + side // 2, i * side + side // 2]) for i in range(columns)]
        for j in range(rows)
    ]


def test_a_page_enlarges_and_names_pictures():
    sheet = page([grey(x) for x in (10, 60, 110, 160, 210)], ["a", "b", "", "d", "e"], 3, 40)
    assert sheet.size == (120, 2 * (40 + LINE))
    assert middles(sheet, 3, 2, 40) == [[10, 60, 110], [160, 210, 255]]
    lines = np.asarray(sheet)[40 : 40 + LINE, :, 0]
    assert [(lines[:, x : x + 40] < 150).any() for x in (0, 40, 80)] == [True, True, False]


def test_a_storyboard_has_a_line_for_each_decoder():
    seen = [[grey(20 * frame), grey(20 * frame + 5)] for frame in range(9)]
    sheet = storyboard(seen, ["one", "two"], 3, 40)
    assert middles(sheet, 3, 2, 40) == [[0, 80, 160], [5, 85, 165]]
    assert storyboard(seen[:2], ["one", "two"], 7, 40).width == 80
