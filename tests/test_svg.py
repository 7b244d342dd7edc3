"""SVG keeps what a drawing holds, and files that are not ours are refused with a reason."""

import io

import pytest
import resvg_py
import torch
from PIL import Image

from clipdraw import from_svg, render, scribble, to_svg
from clipdraw.drawing import join


def drawing(strokes: int = 20):
    generator = torch.Generator().manual_seed(0)
    made = scribble(strokes, generator, width=120, height=90.5)
    return made.replace(widths=0.3 + 9 * torch.rand(strokes, generator=generator))


def test_nothing_is_lost_on_the_way_out_and_in(tmp_path):
    file = tmp_path / "a.svg"
    file.write_text(to_svg(drawing()))
    again = from_svg(file)
    assert (again.width, again.height) == (120, 90.5)
    assert torch.equal(again.segments, drawing().segments)
    assert (again.points - drawing().points).abs().max() <= 1e-4
    assert (again.widths - drawing().widths).abs().max() <= 1e-4
    assert (again.colors - drawing().colors).abs().max() <= 1e-5
    # And a second trip changes nothing at all.
    assert to_svg(again) == to_svg(drawing())


@pytest.mark.parametrize("background", [(1.0, 1.0, 1.0), (0.2, 0.4, 0.3)])
def test_another_program_draws_the_same_picture(background):
    made = drawing().replace(height=90.0)
    ours = render(made, 360, 480, background=background)[0]
    text = to_svg(made, background=background)
    png = bytes(resvg_py.svg_to_bytes(svg_string=text, width=480))
    theirs = torch.tensor(list(Image.open(io.BytesIO(png)).convert("RGB").tobytes()))
    theirs = theirs.reshape(360, 480, 3).permute(2, 0, 1) / 255
    assert -10 * (ours - theirs).square().mean().log10() > 40


def test_a_description_cannot_break_the_file(tmp_path):
    file = tmp_path / "a.svg"
    file.write_text(to_svg(drawing(1), description='</desc><script>"&\x00\x08 ü'))
    assert "<script" not in file.read_text()
    assert from_svg(file).paths == 1


SHELL = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{}</svg>'
STROKE = '<path d="M1 1C2 2 3 3 4 {}" stroke="{}" stroke-width="1"/>'
BOMB = '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + SHELL.format("<desc>&b;</desc>")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no xml at all", "is not an SVG file"),
        ("<html/>", "its root element is 'html'"),
        (BOMB, "declares document types or entities"),
        (SHELL.format("<script>alert(1)</script>"), "holds a <script>"),
        (SHELL.format("<text>hi</text>"), "holds a <text>"),
        (SHELL.format('<g transform="scale(2)"/>'), "moves its <g> by a transform"),
        (SHELL.format(""), "has no strokes"),
        (SHELL.replace("0 0 10 10", "0 0 0 10").format(""), "must start at 0 0 and have a size"),
        (SHELL.replace("0 0 10 10", "nonsense").format(""), "no viewBox of four numbers"),
        (SHELL.format(STROKE.format("x", "rgb(1%,1%,1%)")), "not one of our strokes"),
        (SHELL.format(STROKE.format("nan", "rgb(1%,1%,1%)")), "not one of our strokes"),
        (SHELL.format(STROKE.format("1e999", "rgb(1%,1%,1%)")), "not finite"),
        (SHELL.format(STROKE.format("4 5", "rgb(1%,1%,1%)")), "of 9 numbers"),
        (SHELL.format(STROKE.format("4", "red")), "not one of our strokes"),
        (SHELL.format(STROKE.format("4", "rgb(1%,1%,101%)")), "colour out of range"),
    ],
)
def test_what_is_not_ours_is_refused_in_one_sentence(text, words, tmp_path):
    file = tmp_path / "b.svg"
    file.write_text(text)
    with pytest.raises(ValueError, match=words) as caught:
        from_svg(file)
    assert "b.svg" in str(caught.value)


def test_a_huge_file_is_not_even_read(tmp_path):
    file = tmp_path / "c.svg"
    with file.open("wb") as out:
        out.truncate(30_000_000)
    with pytest.raises(ValueError, match=r"c\.svg is larger than 20 MB"):
        from_svg(file)


def test_an_svg_holds_one_picture():
    with pytest.raises(ValueError, match="an SVG holds one picture, this drawing has 2"):
        to_svg(join([drawing(), drawing()]))
