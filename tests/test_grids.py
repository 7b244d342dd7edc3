"""Pictures beside each other, with their names."""

import numpy as np
from PIL import Image

from journeys.decode import Decoder, embed
from journeys.grids import LABEL, snapshots, tiles
from losses import load_encoder


def test_tiles_stand_row_by_row_with_their_labels_below():
    colours = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#00ffff"]
    pictures = [Image.new("RGB", (30, 30), colour) for colour in colours]
    sheet = tiles(pictures, ["1", "2", "3", "", "a label that is much too long"], 3, 50)
    height = 50 + round(LABEL * 50)
    assert sheet.size == (150, 2 * height)
    for number, picture in enumerate(pictures):
        corner = (number % 3 * 50, number // 3 * height)
        assert sheet.getpixel((corner[0] + 25, corner[1] + 25)) == picture.getpixel((0, 0))
    grey = np.asarray(sheet.convert("L"))
    inked = [
        (grey[top + 50 : top + height, left : left + 50] < 200).any()
        for top in (0, height)
        for left in (0, 50, 100)
    ]
    assert inked == [True, True, True, False, True, False]
    # The long one is cut, and does not reach into the next tile.
    assert (grey[height:, 100:] == 255).all()


def test_fewer_tiles_than_columns_make_a_narrow_sheet():
    assert tiles([Image.new("RGB", (8, 8))] * 2, ["", ""], 7, 20).width == 40


def test_the_same_trajectory_by_several_snapshots():
    pocket = load_encoder("pocket")
    rows = embed(pocket, ["a red heart", "a blue house"])
    decoders = {f"seed {seed}": Decoder(pocket, seed, steps=2) for seed in (0, 1, 0)}
    decoders["strong"] = Decoder(pocket, 0, strength=8.0, steps=2)
    first, second = snapshots(decoders, rows, 2, 48)
    height = 48 + round(LABEL * 48)
    assert first.size == second.size == (96, 2 * height)
    first, second = np.asarray(first, float), np.asarray(second, float)
    zero, one, strong = first[:48, :48], first[:48, 48:], first[height : height + 48, :48]
    # Another seed is another picture, another strength nearly the same one, another z neither.
    assert 0 < np.abs(zero - strong).mean() < np.abs(zero - one).mean()
    assert np.abs(zero - second[:48, :48]).mean() > np.abs(zero - strong).mean()
    (wanted,) = Decoder(pocket, 0, steps=2)(rows[:1])
    assert np.abs(zero / 255 - wanted.permute(1, 2, 0).numpy()).max() < 2 / 255
