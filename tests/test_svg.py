"""SVG keeps what a drawing holds; of other programs' files we read what a drawing can hold."""

import io
import warnings
from itertools import cycle, islice
from pathlib import Path as File

import pytest
import resvg_py
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor
from torch import Tensor

from clipdraw import from_svg, render, scribble, svg, svg_reader, svg_style, to_svg
from clipdraw.drawing import Drawing, Path, assemble, join
from clipdraw.svg_reader import Notes, read_notes

ICONS = sorted((File(__file__).parent / "data/icons").glob("*.svg"))


def strokes(count: int = 20) -> Drawing:
    generator = torch.Generator().manual_seed(0)
    made = scribble(count, generator, width=120, height=90.5)
    return made.replace(widths=0.3 + 9 * torch.rand(count, generator=generator))


def ring(x: float, y: float, radius: float, points: int = 6) -> Tensor:
    """Around a point; every third lies on the curve, and the last segment leads back."""
    angle = torch.linspace(0, 2 * torch.pi, points + 1)[:-1]
    return torch.tensor([x, y]) + radius * torch.stack([angle.cos(), angle.sin()], dim=1)


def everything() -> Drawing:
    """Open and closed, filled, stroked and both, with holes by either rule."""
    red, blue = torch.tensor([0.812345, 0.1, 0.05, 1.0]), torch.tensor([0.0, 0.3, 0.9, 0.612345])
    zero = torch.tensor(0.0)
    holed = [ring(30, 30, 25, 12), ring(34, 30, 12, 9)]
    paths = [
        Path(contours=[ring(60, 45, 40)], closed=[True], width=zero, fill=blue),
        Path(contours=holed, closed=[True, True], width=zero, fill=red, fill_rule="evenodd"),
        Path(
            contours=[holed[0] + 55, holed[1].flip(0) + 55],
            closed=[True, True],
            width=torch.tensor(2.5),
            color=blue,
            fill=red,
        ),
        Path(contours=[ring(90, 20, 15, 7)], closed=[False], width=zero, fill=blue),
        Path(
            contours=[ring(20, 70, 15, 3), ring(40, 70, 15, 4)],
            closed=[True, False],
            width=torch.tensor(3.0),
            color=red,
        ),
    ]
    return assemble(paths, 120, 90)


def theirs(text: str, width: int, finer: int = 1) -> Tensor:
    """resvg's picture `[3, height, width]` of a file, rendered finer and averaged."""
    png = resvg_py.svg_to_bytes(svg_string=text, width=width * finer, background="white", dpi=96)
    image = Image.open(io.BytesIO(bytes(png))).convert("RGB")
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    pixels = pixels.reshape(image.height, image.width, 3).permute(2, 0, 1) / 255
    return torch.nn.functional.avg_pool2d(pixels, finer)


def psnr(one: Tensor, other: Tensor) -> float:
    return -10 * (one - other).square().mean().clamp(min=1e-10).log10().item()


def kept(made: Drawing, folder: File) -> Drawing:
    """A drawing after it was written and read, compared on the way."""
    file = folder / "a.svg"
    file.write_text(to_svg(made))
    again = from_svg(file)
    assert (again.width, again.height) == (made.width, made.height)
    for name in ("segments", "closed", "path", "stroked", "fill_rules"):
        assert torch.equal(getattr(again, name), getattr(made, name)), name
    assert (again.points - made.points).abs().max() <= 1e-4
    for a, b in zip(again.each_path(), made.each_path(), strict=True):
        if b.color is not None:
            assert (a.width - b.width).abs() <= 1e-4
            assert (a.color - b.color).abs().max() <= 1e-5
        if b.fill is not None:
            assert (a.fill - b.fill).abs().max() <= 1e-5
    # And a second trip changes nothing at all.
    assert to_svg(again) == to_svg(made)
    return again


# --- Ours: written and read back ------------------------------------------------------------------


@pytest.mark.parametrize("made", [strokes(), everything()], ids=["strokes", "everything"])
def test_nothing_is_lost_on_the_way_out_and_in(made, tmp_path):
    kept(made, tmp_path)


unit = st.floats(0, 1, width=32)
colors = st.none() | st.tuples(unit, unit, unit, unit)
coordinates = st.floats(-1000, 1000, width=32)
# Segments of each contour and whether it is closed, stroke, width, fill and rule.
contours = st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=3)
recipes = st.tuples(contours, colors, unit, colors, st.sampled_from(["nonzero", "evenodd"]))


@given(
    recipe=st.lists(recipes, min_size=1, max_size=3),
    points=st.lists(coordinates, min_size=1, max_size=20),
)
def test_no_drawing_loses_anything(recipe, points, tmp_path_factory):
    supply = cycle(points)
    paths = []
    for shapes, color, width, fill, rule in recipe:
        if color is None and fill is None:
            continue  # is written, but a reader sees nothing to keep
        rows = [3 * segments + (not closed) for segments, closed in shapes]
        paths.append(
            Path(
                contours=[torch.tensor(list(islice(supply, 2 * n))).reshape(n, 2) for n in rows],
                closed=[closed for _, closed in shapes],
                width=torch.tensor(10 * width),
                color=None if color is None else torch.tensor(color),
                fill=None if fill is None else torch.tensor(fill),
                fill_rule=rule,
            )
        )
    if paths:
        kept(assemble(paths, 100, 60), tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("background", [(1.0, 1.0, 1.0), (0.2, 0.4, 0.3)])
@pytest.mark.parametrize("made", [strokes(), everything()], ids=["strokes", "everything"])
def test_another_program_draws_the_same_picture(made, background):
    made = made.replace(height=90.0)
    ours = render(made, 360, 480, background=background)[0]
    assert psnr(ours, theirs(to_svg(made, background=background), 480)) > 40


POINTS = torch.tensor([[1.0, 2], [3, 4], [5, 6], [7, 8.25]])
WIDTH = torch.tensor(1.5)


@pytest.mark.parametrize(
    ("color", "written"),
    [
        ([1, 0.5, 0, 0.25], 'stroke="rgb(100%,50%,0%)" stroke-opacity="0.25" '),
        ([0.2, 1, 0, 1], 'stroke="#33ff00" '),
        ([0.2001, 1, 0, 1], 'stroke="rgb(20.01%,100%,0%)" '),
        ([1.2, -1, 0, 1], 'stroke="rgb(120%,-100%,0%)" '),
    ],
)
def test_colours_are_as_short_as_they_can_be_without_loss(color, written, tmp_path):
    made = assemble([Path([POINTS], [False], WIDTH, torch.tensor(color))], 10, 10)
    assert f'<path d="M1 2c2 2 4 4 6 6.25" {written}stroke-width="1.5" />' in to_svg(made)


def test_a_fill_needs_no_word_of_strokes():
    fill = torch.tensor([0, 0, 1, 1.0])
    made = assemble([Path([POINTS[:3]], [True], WIDTH, fill=fill)], 10, 10)
    text = to_svg(made)
    assert '<path d="M1 2c2 2 4 4 0 0Z" fill="#0000ff" />' in text and "stroke" not in text


def test_rounding_does_not_add_up_along_a_path(tmp_path):
    """Each number is within half of 1e-4 of what it was, wherever in a path it stands."""
    generator = torch.Generator().manual_seed(0)
    points = 200 * torch.rand((3 * 2000 + 1, 2), generator=generator) - 50
    made = assemble([Path([points], [False], WIDTH, torch.ones(4))], 100, 100)
    again = read(to_svg(made), tmp_path)
    assert (again.points - points).abs().max() < 0.6e-4


@pytest.mark.parametrize(
    ("numbers", "written"),
    [([0.5, -0.5, 10.5, -20], ".5-.5 10.5-20"), ([0, -0.0, 0.00001, 1.05], "0 0 0 1.05")],
)
def test_numbers_take_no_character_in_vain(numbers, written):
    assert svg._numbers(numbers) == written


def test_a_description_cannot_break_the_file(tmp_path):
    file = tmp_path / "a.svg"
    file.write_text(to_svg(strokes(1), description='</desc><script>"&\x00\x08 ü'))
    assert "<script" not in file.read_text()
    assert from_svg(file).paths == 1


@pytest.mark.parametrize("guides", [(), ("pocket",), ("ViT-B-32/</metadata>\x00ü", "unknown")])
def test_the_guides_and_the_paper_are_told(guides, tmp_path):
    file = tmp_path / "a.svg"
    paper = (1.0, 0.5, 0.25)
    file.write_text(to_svg(strokes(2), background=paper, description="a fox", guides=guides))
    assert read_notes(file) == Notes(paper, guides)
    assert from_svg(file).paths == 2, "the paper is still known as paper"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<metadata/>",
        "<metadata>pocket</metadata>",
        "<metadata>[1]</metadata>",
        '<metadata>{"guides": "pocket"}</metadata>',
        '<metadata>{"guides": [1]}</metadata>',
        f"<metadata>{'[' * 100_000}</metadata>",
        '<rect width="100%" height="100%" fill="rgb(e%,.%,-%)"/>',
    ],
)
def test_what_does_not_tell_its_guides_has_unknown_ones(text, tmp_path):
    file = tmp_path / "a.svg"
    file.write_text(SHELL.format(text))
    assert read_notes(file) == Notes(None, ("unknown",))


def test_a_drawing_of_which_nothing_is_known_tells_nothing(tmp_path):
    file = tmp_path / "a.svg"
    file.write_text(to_svg(strokes(1), background=None))
    assert "metadata" not in file.read_text()
    assert read_notes(file) == Notes(None, ("unknown",))


def test_an_svg_holds_one_picture():
    with pytest.raises(ValueError, match="an SVG holds one picture, this drawing has 2"):
        to_svg(join([strokes(), strokes()]))


# --- Other programs' ------------------------------------------------------------------------------

SHELL = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 12 8">{}</svg>'
SYMBOL = '<symbol id="s" viewBox="0 0 4 4"><rect x="1" y="1" width="2" height="2"/></symbol>'
ROUND = '<g stroke-linecap="round" stroke-linejoin="round" fill="none" stroke="navy">{}</g>'

# What a file may have, by name; each is compared with what resvg makes of it.
FEATURES = {
    "rectangle": '<rect x="1" y="2" width="5" height="4" fill="teal"/>',
    "rounded": '<rect x="1" y="1" width="9" height="6" rx="3" ry="2"/>',
    "rounded by one": '<rect x="1" y="1" width="9" height="6" ry="9" fill="#f80"/>',
    "circle": '<circle cx="5" cy="4" r="3" fill="#ff8000"/>',
    "ellipse": '<ellipse cx="5" cy="4" rx="4" ry="2"/>',
    "line": ROUND.format('<line x1="1" y1="2" x2="10" y2="5"/>'),
    "polyline": ROUND.format('<polyline points="1,1 5,6 9-1.5 11,5"/>'),
    "polygon": '<polygon points="1 1, 5 6, 9 1.5" fill="red"/>',
    "open and filled": '<path d="M1 1h8l-2 5"/>',
    "all commands": ROUND.format(
        '<path d="M1 1l1 1L3 1h1H5v1V3c1 0 1 1 2 1C8 4 8 3 8 2s1 1 1 0S9 1 10 1q1 1 0 2Q9 4 10 5'
        't1 1T9 7S8 7 7 6T6 7M1 4m1 1l1-.5.5.5z l-1 2 M.5.5.5.5"/>'
    ),
    "arcs": ROUND.format(
        '<path stroke-width=".5" d="M2 3a2 1 30 1 1 1 1M6 3a2 1 30 0 1 1 1M9 3a2 1 30 10 1 1'
        'M2 6a9 3 0 01.5.5.1.1 0 00 6-1A0 3 0 0 0 11 7"/>'
    ),
    "holes": '<path d="M1 1h9v6h-9zM3 2h4v4h-4z" fill-rule="evenodd"/>',
    "holes by direction": '<path d="M1 1h9v6h-9zM3 2v4h4v-4z"/>',
    "transforms": '<g transform="translate(2,1) rotate(20)"><g transform="scale(2-.5)skewX(20)">'
    '<rect width="2" height="2" y="-6" transform="matrix(1 .1 .2 1 0 0) rotate(10,1,1)"/></g></g>',
    "scaled stroke": ROUND.format('<path d="M9 1l9 2" transform="rotate(30) scale(.5)"/>'),
    "units": '<rect x="1mm" y="1pt" width=".1in" height="50%"/>',
    "inherited": '<g fill="red"><g fill-opacity=".5"><rect width="4" height="4"/>'
    '<rect x="5" width="4" height="4" fill="#00f8"/></g></g>',
    "opacity": '<g opacity=".5"><rect width="4" height="4" opacity=".5" fill="red"/></g>',
    "style": '<rect width="4" height="4" fill="red" style="fill: lime; fill-opacity:40%"/>',
    "rules": "<style>/* { */ rect, .a {fill: red} .b{fill:lime !important} #c {fill:blue}"
    'rect.d{fill:#888}</style><rect width="1" height="1"/><circle class="a" r="1" cx="3" cy="1"/>'
    '<rect class="e b" y="2" width="1" height="1" style="fill:red"/>'
    '<rect id="c" class="d" y="4" width="1" height="1"/><rect class="d" y="6" width="1" '
    'height="1"/>',
    "colours": '<rect width="2" height="2" fill="hsl(200, 50%, 40%)"/><rect x="3" width="2" '
    'height="2" fill="rgba(200,100,20,.5)"/><g color="teal"><rect x="6" width="2" height="2" '
    'fill="currentColor"/></g><rect x="9" width="2" height="2" fill="MidnightBlue"/>',
    "hidden": '<rect width="4" height="4" display="none"/><g visibility="hidden"><rect width="9" '
    'height="9"/><rect width="2" height="2" visibility="visible"/></g>',
    "used": '<defs><g id="a"><rect width="2" height="2"/></g></defs>'
    '<use href="#a" x="1" fill="red"/><use href="#a" transform="rotate(10)" x="5" y="1"/>',
    "symbol": f'{SYMBOL}<use href="#s" width="6" height="8"/><use href="#s" x="6" width="4" '
    'height="4" fill="red"/>',
    "nested": '<svg x="2" y="1" width="6" height="6" viewBox="-1 -1 4 2" '
    'preserveAspectRatio="xMinYMax"><rect width="2" height="1" fill="red"/></svg>',
    "stretched": '<svg width="6" height="6" viewBox="0 0 4 2" preserveAspectRatio="none">'
    '<rect width="2" height="1" fill="red"/></svg>',
    "stroke below": '<circle cx="5" cy="4" r="2" fill="red" stroke="blue" stroke-width="2" '
    'stroke-linejoin="round" paint-order="stroke"/>',
    "covering": '<rect width="100%" height="100%" fill="#cde"/><circle r="3"/>',
    "dot": ROUND.format('<path d="M3 3z" stroke-width="4"/>'),
}


def read(text: str, folder: File) -> Drawing:
    file = folder / "b.svg"
    file.write_text(text)
    return from_svg(file)


@pytest.mark.parametrize("name", FEATURES)
def test_is_read_as_another_program_reads_it(name, tmp_path):
    text = SHELL.format(FEATURES[name])
    made = read(text, tmp_path)
    assert (made.width, made.height) == (12, 8)
    assert psnr(render(made, 96, 144)[0], theirs(text, 144, finer=4)) > 45


@pytest.mark.parametrize("file", ICONS, ids=lambda file: file.stem)
def test_real_icons_are_drawn_as_another_program_draws_them(file):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = from_svg(file)
    told = [str(warning.message) for warning in caught]
    assert all("has gradients, each drawn as the mean" in words for words in told)
    # Lucide's icons are thin strokes, of which every pixel is a border.
    enough = 25 if told else 40 if file.stem.startswith("lucide") else 50
    assert psnr(render(made, 96, 96)[0], theirs(file.read_text(), 96, finer=4)) > enough


def test_the_icons_are_what_their_readme_says():
    readme = (ICONS[0].parent / "README.md").read_text()
    assert len(ICONS) == 30
    assert all(f"| `{file.stem.split('-')[0]}` |" in readme for file in ICONS)


@pytest.mark.parametrize(
    ("attributes", "size", "corner"),
    [
        ('viewBox="-5 2 10 20"', (10, 20), (5, -2)),
        ('viewBox="1,1,10,20" width="5cm" height="10cm"', (10, 20), (-1, -1)),
        ('width="10" height="1in"', (10, 96), (0, 0)),
    ],
)
def test_the_canvas_is_the_view_box_or_else_the_size(attributes, size, corner, tmp_path):
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}><path d="M0 0h1"/></svg>'
    made = read(text, tmp_path)
    assert (made.width, made.height) == size
    assert tuple(made.points[0].tolist()) == corner


def test_a_sheet_of_paper_is_left_out_only_if_it_is_ours(tmp_path):
    ours = to_svg(strokes(1), background=(1, 0.5, 0), description="mine")
    assert read(ours, tmp_path).paths == 1
    assert read(ours.replace("rgb(100%,50%,0%)", "#f80"), tmp_path).paths == 2


def test_lines_and_quadratics_are_raised_exactly(tmp_path):
    made = read(SHELL.format('<path d="M0 0L3 6Q6 6 6 0Z"/>'), tmp_path)
    expected = [[0, 0], [1, 2], [2, 4], [3, 6], [5, 6], [6, 4], [6, 0], [4, 0], [2, 0]]
    assert made.points.tolist() == expected and made.closed.tolist() == [True]


def test_opacities_and_precise_colours_multiply(tmp_path):
    rect = '<rect width="1" height="1" fill="rgb(12.345%,0%,100%)" fill-opacity=".123456"/>'
    made = read(SHELL.format(f'<g opacity=".5">{rect}</g>'), tmp_path)
    torch.testing.assert_close(made.fills[0], torch.tensor([0.12345, 0, 1, 0.061728]))


GRADIENT = (
    '<linearGradient id="g"><stop stop-color="#f00"/><stop offset="1" stop-color="#00f" '
    'stop-opacity="0.5"/></linearGradient><radialGradient id="h" href="#g"/>'
)
BOX = '<rect width="9" height="9" {}/>'
LINE = '<path d="M1 1h5" stroke="red" stroke-linecap="{}" {}/>'

# What a file may have that a drawing has not, and what is said of it.
LOSSES = {
    "text": ('<text id="t">hi</text>', r"text, left out: <text id='t'>$"),
    "two texts": ("<text>hi</text><text/>", "text, left out: <text> and 1 more$"),
    "image": ('<image href="data:x"/>', "images, left out: <image>"),
    "script": ("<script>alert(1)</script>", "scripts, left out: <script>"),
    "animation": ("<animate/>", "animation, left out: <animate>"),
    "foreign": ("<foreignObject/>", "foreign objects, left out: <foreignObject>"),
    "unknown": ("<blink/>", "elements that are not known, left out: <blink>"),
    "gradient": (
        GRADIENT + BOX.format('fill="url(#h)"'),
        r"gradients, each drawn as the mean of its stops' colours: <radialGradient id='h'>",
    ),
    "pattern": ('<pattern id="p"/>' + BOX.format('fill="url(#p)"'), "patterns as paint, left out"),
    "clip": (BOX.format('clip-path="url(#c)"'), "clip paths, left out: <rect>"),
    "mask": (BOX.format('style="mask:url(#c)"'), "masks, left out: <rect>"),
    "filter": (BOX.format('filter="url(#c)"'), "filters, left out: <rect>"),
    "blend": (BOX.format('style="mix-blend-mode:multiply"'), "blend modes, left out: <rect>"),
    "origin": (BOX.format('transform-origin="center"'), "origins of transforms, left out"),
    "marker": (BOX.format('marker-end="url(#m)"'), "markers, left out: <rect>"),
    "dashes": (LINE.format("round", 'stroke-dasharray="1 2"'), "dashes, drawn as whole strokes"),
    "ends": (
        LINE.format("butt", "") + LINE.format("square", ""),
        "strokes with other than round ends and corners, drawn round: <path> and 1 more",
    ),
    "skew": (
        LINE.format("round", 'transform="scale(1 2)"'),
        "strokes that a transform makes unevenly wide, drawn evenly: <path>",
    ),
    "group": (
        f'<g opacity=".5">{BOX.format("") * 2}</g>',
        "opacity of several things together, given to each of them: <g>",
    ),
    "window": (
        '<svg width="4" height="4"><circle r="2"/></svg>',
        "things cut off at the edges of a part of it, drawn whole: <svg>",
    ),
    "file": ('<use href="other.svg#a"/>', "references to other files, left out: <use> refers to"),
    "nothing": (BOX.format('fill="url(#no)"'), "references into nothing, left out: <rect> refers"),
    "colour": (BOX.format('fill="mud"'), "colours that cannot be read, taken for black: 'mud'"),
    "opacity": (BOX.format('opacity="x"'), "opacities that cannot be read, taken for 1: 'x'"),
    "media": ("<style>@media print{rect{fill:red}}</style>", "CSS rules with an @: '@media print'"),
    "import": ("<style>@import url(x); a {}</style>", "CSS rules with an @: '@import url"),
    "selector": (
        "<style>g > rect{fill:red}</style>",
        "CSS selectors other than tags, classes and ids: 'g > rect'",
    ),
    "switch": (f"<switch>{BOX.format('')}</switch>", "a choice between several things"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_what_a_drawing_cannot_hold_is_named(name, tmp_path):
    content, words = LOSSES[name]
    text = SHELL.format(content + '<circle id="kept" r="2"/>')
    with pytest.warns(UserWarning, match=f"^b.svg has {words}") as caught:
        made = read(text, tmp_path)
    assert len(caught) == 1
    assert made.paths >= 1


def test_a_window_of_another_shape_is_named(tmp_path):
    text = SHELL.format('<circle r="2"/>').replace("viewBox", 'width="9" height="9" viewBox')
    with pytest.warns(UserWarning, match="has a window of another shape than its viewBox"):
        assert read(text, tmp_path).width == 12


def test_a_gradient_becomes_the_mean_of_its_stops(tmp_path):
    text = SHELL.format(GRADIENT + BOX.format('fill="url(#h)"'))
    with pytest.warns(UserWarning, match="gradients"):
        made = read(text, tmp_path)
    # Alphas 1 and 0.5; red has two thirds of the paint.
    torch.testing.assert_close(made.fills[0], torch.tensor([2 / 3, 0, 1 / 3, 0.75]))


# --- Neither --------------------------------------------------------------------------------------

STROKE = '<path d="M1 1C2 2 3 3 4 {}"/>'
BOMB = '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + SHELL.format("<desc>&b;</desc>")
LAUGHS = '<path id="a0" d="M0 0h1"/>' + "".join(
    f'<g id="a{i + 1}">' + f'<use href="#a{i}"/>' * 10 + "</g>" for i in range(9)
)


def nested(depth: int) -> str:
    return SHELL.format("<g>" * depth + "</g>" * depth)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no xml at all", "is not an SVG file"),
        ('<?xml version="1.0" encoding="klingon"?><svg/>', "is not an SVG file"),
        ("<html/>", "its root element is 'html', not <svg> with xmlns="),
        (BOMB, "declares entities"),
        (SHELL.format(""), "has nothing to draw$"),
        (SHELL.format('<path d="M1 1"/>'), "has nothing to draw$"),
        (SHELL.format("<image/>"), "has nothing to draw; it has images, left out"),
        (SHELL.replace("0 0 12 8", "0 0 0 10"), "has the viewBox '0 0 0 10'; a viewBox of four"),
        (SHELL.replace("0 0 12 8", "0 0 1e9 1"), "with sizes from 0.01 to 1000000"),
        (SHELL.replace("0 0 12 8", "0 0 nan 1"), "has the viewBox '0 0 nan 1'; four numbers are"),
        (SHELL.replace("0 0 12 8", "nonsense"), "has the viewBox 'nonsense'; four numbers are"),
        (SHELL.replace("viewBox", "data-box"), "has the width None and height None; a viewBox"),
        (SHELL.format(STROKE.format("x")), "has path data that cannot be read at 'C2 2 3 3 4 x'"),
        (SHELL.format(STROKE.format("nan")), "has path data that cannot be read at"),
        (SHELL.format(STROKE.format("1e999")), "has the number 1e999, which is not finite"),
        (SHELL.format(STROKE.format("4 5")), "has path data that cannot be read at 'C 5'"),
        (SHELL.format('<path d="L1 1"/>'), "has path data that starts with 'L1 1', not with a"),
        (SHELL.format('<path d="M1 1z 5"/>'), "has path data that cannot be read at 'z 5'"),
        (SHELL.format('<polygon points="1 2 3"/>'), "has path data that cannot be read at 'L 3'"),
        (SHELL.format('<circle r="big"/>'), "has the length 'big'; a number is expected"),
        (SHELL.format('<circle r="1 potato"/>'), "has the length '1 potato'; a number"),
        (SHELL.format('<g transform="turn(2)"/>'), "has the transform 'turn(2)', which cannot be"),
        (SHELL.format('<g transform="matrix(1 2)"/>'), "has the transform 'matrix(1 2)', which"),
        (
            SHELL.format("<g transform='scale(1e9)'>" * 9 + '<circle r="1"/>' + "</g>" * 9),
            "has a path that a transform moves to infinity",
        ),
        (
            SHELL.format('<line x1="1" stroke="red" stroke-width="-1"/>'),
            "has a <line> with the negative stroke-width -1",
        ),
        (SHELL.format('<svg width="0"><circle r="1"/></svg>'), "has a <svg> without a size"),
        (
            SHELL.format('<g id="a"><use id="u" href="#a"/></g>'),
            "has a <use id='u'> that contains itself",
        ),
        (nested(150), "or more than 100 inside each other"),
        (nested(100_000), "or more than 100 inside each other"),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_drawing_is_refused_in_one_sentence(text, words, tmp_path):
    file = tmp_path / "b.svg"
    file.write_text(text)
    with pytest.raises(ValueError, match="b.svg") as caught:
        from_svg(file)
    assert_words(str(caught.value), words)


def assert_words(message: str, words: str) -> None:
    assert message.startswith("b.svg ") and "\n" not in message
    assert message.endswith(words[:-1]) if words.endswith("$") else words in message


@pytest.mark.parametrize(
    ("limit", "text", "words"),
    [
        ("MOST_ELEMENTS", LAUGHS + '<use href="#a9"/>', "has more than 1000 elements, or more"),
        ("MOST_ELEMENTS", LAUGHS.replace("M0 0h1", ""), "has more than 1000 elements, or more"),
        ("MOST_SEGMENTS", LAUGHS, "has more than 1000 segments, counting every <use>"),
        ("MOST_SEGMENTS", f'<path d="M0 0{"h1" * 1001}"/>', "has more than 1000 segments"),
        (
            "MOST_MATCHES",
            f"<style>{'a{}' * 40}</style>" + "<g/>" * 40,
            "has 40 CSS rules for 42 el",
        ),
    ],
)
def test_a_file_cannot_grow_without_end(limit, text, words, tmp_path, monkeypatch):
    """The limits themselves are far beyond any drawing, and would make this test slow."""
    module = svg_style if limit == "MOST_MATCHES" else svg_reader
    monkeypatch.setattr(module, limit, 1000)
    with pytest.raises(ValueError, match=f"^b.svg {words}"):
        read(SHELL.format(text), tmp_path)


@given(data=st.text("MmLlHhVvCcSsQqTtAaZz0123456789.-+eE, ", max_size=40))
def test_path_data_is_read_or_refused(data, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "c.svg"
    file.write_text(SHELL.format(f'<path d="{data}"/>'))
    try:
        made = from_svg(file)
    except ValueError as error:
        assert str(error).startswith("c.svg has ")
    else:
        assert made.points.isfinite().all()


def test_a_document_type_of_older_programs_is_no_harm(tmp_path):
    doctype = (
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
        '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    )
    file = tmp_path / "old.svg"
    file.write_text(doctype + SHELL.format('<circle r="3"/>'))
    assert from_svg(file).paths == 1


def test_a_huge_file_is_not_even_read(tmp_path):
    file = tmp_path / "c.svg"
    with file.open("wb") as out:
        out.truncate(30_000_000)
    with pytest.raises(ValueError, match=r"c\.svg is larger than 20 MB"):
        from_svg(file)


def test_a_colour_s_name_is_read_whatever_pillow_made_of_it():
    before = svg_style.color("teal")
    ImageColor.getrgb("teal")
    assert svg_style.color("teal") == before
