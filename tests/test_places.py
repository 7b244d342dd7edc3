"""Where strokes stay and what goes where, as people write it; and what they are told of slips."""

import json

import pytest
import torch
from PIL import Image

from losses.fields import Box, Circle, Outside, Polygon
from losses.scenes import Region, lay_over, zoom
from predictors.clipdraw.places import MASK_SIZE, Sheet, fields, regions, room

SHEET = Sheet(200.0, 100.0)


@pytest.fixture
def marked(tmp_path) -> Sheet:
    """A mask of 80 x 40: the left quarter red, the lower right green, else black."""
    picture = Image.new("RGB", (80, 40))
    picture.paste((255, 0, 0), (0, 0, 20, 40))
    picture.paste((0, 250, 4), (40, 30, 80, 40))
    picture.save(tmp_path / "marks.png")
    return Sheet.read(200.0, 100.0, tmp_path / "marks.png")


def test_places_are_fractions_of_the_canvas():
    box, hole, corner = fields(
        "box 0.1 0.2 0.9 1 | not circle 0.5 0.5 0.2 | polygon 0 0 1 0 0 1", SHEET
    )
    assert box == Box(20, 20, 180, 100)
    assert isinstance(hole, Outside) and hole.field == Circle((100, 50), 20)
    assert corner == Polygon([(0, 0), (200, 0), (0, 100)])
    assert fields("canvas", SHEET) == [Box(0, 0, 200, 100)]
    assert fields("  ", SHEET) == []


def test_a_mask_is_one_colour_of_a_picture(marked):
    red, all_but_green = fields("mask #ff0000 | not mask lime", marked)
    at = torch.tensor([[25.0, 50], [75, 50], [150, 90]])
    assert (red(at) < 0).tolist() == [True, False, False]
    assert (all_but_green(at) < 0).tolist() == [True, True, False]
    # The red ends at 50; one of the 512 pixels is 0.4 wide, and resampling softens a few.
    assert red(torch.tensor([[75.0, 50]])).item() == pytest.approx(25, abs=1)


def test_room_is_what_lies_in_all_places():
    places = fields("box 0 0 0.5 1 | not box 0 0 0.25 1", SHEET)
    assert room(places, SHEET, 2, 8).tolist() == [[False, False, True, True, *[False] * 4]] * 2
    assert room([], SHEET, 2, 3).all()


def test_regions_are_boxes_and_masks_with_prompts(marked):
    text = json.dumps(
        [
            {"box": [0, 0, 0.5, 1], "prompt": "a cat"},
            {"mask": "#00ff00", "prompt": "a moon | a star", "weight": 0.5},
        ]
    )
    cat, moon = regions(text, marked)
    assert (cat.text, cat.weight, cat.place.mask) == ("a cat", 1.0, None)
    assert (cat.place.left, cat.place.right) == (0.0, 0.5)
    assert moon.weight == 0.5
    box = (moon.place.left, moon.place.top, moon.place.right, moon.place.bottom)
    assert box == pytest.approx((0.5, 0.75, 1, 1), abs=4 / MASK_SIZE)
    assert regions("", marked) == []


def test_a_region_is_seen_as_if_it_were_all_and_around_its_mask_is_paper():
    mask = torch.zeros(2, 4)
    mask[1, 2] = 1
    place = Region(0.5, 0, 1, 1, mask)
    picture = torch.zeros(1, 3, 20, 40)
    seen = zoom(picture, place, (1.0, 0.5, 0.25))
    assert seen.shape == (1, 3, 20, 20)
    assert (seen[:, :, 10:, :10] == 0).all()
    assert seen[0, :, 2, 15].tolist() == [1.0, 0.5, 0.25]


def test_a_dream_lies_in_the_middle_of_its_region_and_later_ones_lie_on_top():
    sheet = torch.ones(3, 20, 40)
    grey, black = torch.full((3, 8, 8), 0.5), torch.zeros(3, 8, 8)
    # The upper half of a canvas twice as wide as high: its square is a quarter of the width.
    laid = lay_over([grey], [Region(0, 0, 1, 0.5)], sheet, 2.0)
    inked = (laid[0] < 1).nonzero()
    assert (inked.amin(0).tolist(), inked.amax(0).tolist()) == ([0, 15], [9, 24])
    both = lay_over([grey, black], [Region(0, 0, 1, 1), Region(0.25, 0, 0.5, 0.5)], sheet, 2.0)
    assert both[0, 5, 15] == 0 and both[0, 15, 15] == 0.5 and sheet.min() == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("box 0 0 1", "within has 'box 0 0 1'; write canvas, circle X Y RADIUS"),
        ("hexagon 1 2 3", "within has 'hexagon 1 2 3'; write canvas"),
        ("box 0 0 nan 1", "within has 'box 0 0 nan 1'"),
        ("canvas | ", "within has ''"),
        ("not", "within has ''"),
        ("polygon 0 0 1 1", "within has 'polygon 0 0 1 1'"),
        ("circle 0.5 0.5 0", "within has a circle of radius 0; give one above 0"),
        ("box 0.9 0 0.1 1", "within has a box from 0.9 0 to 0.1 1"),
        ("mask", "within speaks of a mask, but none was handed in"),
        (" | ".join(["canvas"] * 9), "within has 9 places, but at most 8"),
    ],
)
def test_a_place_that_cannot_be_read_is_one_sentence(text, words):
    with pytest.raises(ValueError) as error:
        fields(text, SHEET)
    assert str(error.value).startswith(words)


def test_a_mask_without_the_colour_is_told(marked):
    with pytest.raises(ValueError, match="^mask: blue marks nothing; strokes need some room in it"):
        fields("mask blue", marked)
    with pytest.raises(ValueError, match="^within has the colour 'mauvish'; write one such as"):
        fields("mask mauvish", marked)


def a_region(**changes) -> str:
    return json.dumps([{"box": [0, 0, 1, 1], "prompt": "a cat"} | changes])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{", "regions is no JSON ("),
        ("[" * 3000, "regions is no JSON ("),
        ("{}", "regions is no list of 1 to 8 regions"),
        ("[]", "regions is no list of 1 to 8 regions"),
        (json.dumps([{}] * 9), "regions is no list of 1 to 8 regions"),
        ('["a cat"]', 'regions: number 1 is "a cat"; it needs a prompt and a box or a mask'),
        (a_region(promt="x"), "regions: number 1 is {"),
        (a_region(mask="red"), "regions: number 1 needs either a box or a mask"),
        (a_region(prompt=" "), "regions: number 1: prompt is empty"),
        (a_region(weight=0), "regions: number 1 has the weight 0; give a number above 0"),
        (a_region(weight=True), "regions: number 1 has the weight true"),
        (a_region(box=[0, 0, 1]), "regions: number 1 has the box [0, 0, 1]; write [LEFT, TOP"),
        (a_region(box=[0, 0, 2, 1]), "regions: number 1 has the box [0, 0, 2, 1]"),
        (a_region(box=[0, 0, 0.01, 1]), "regions: number 1 covers less than 5% of a side"),
        (json.dumps([{"mask": "blue", "prompt": "x"}]), "regions: number 1 speaks of a mask, but"),
        (json.dumps([{"mask": 3, "prompt": "x"}]), "regions: number 1 has the mask 3"),
        (" " * 4001 + "[]", "regions is 4003 characters long"),
    ],
)  # fmt: skip
def test_a_region_that_cannot_be_read_is_one_sentence(text, words):
    with pytest.raises(ValueError) as error:
        regions(text, SHEET)
    assert str(error.value).startswith(words)
    assert "\n" not in str(error.value)


def test_a_region_of_a_colour_that_is_nowhere_is_told(marked):
    with pytest.raises(ValueError, match="regions: number 1: blue is nowhere in the mask"):
        regions(json.dumps([{"mask": "blue", "prompt": "x"}]), marked)
