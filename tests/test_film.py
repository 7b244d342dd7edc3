"""Films that a browser plays, and pictures that are what was rendered."""

import av
import numpy as np
import pytest
import torch
from PIL import Image

from clipdraw import render, save_film, save_png, scribble
from clipdraw.film import render_all


def pictures(count: int, height: int = 33, width: int = 47):
    ramp = torch.linspace(0, 1, count)
    return [torch.full((3, height, width), float(x)) for x in ramp]


def test_a_film_is_h264_in_yuv420p_with_even_sides(tmp_path):
    save_film(pictures(12), tmp_path / "a.mp4", fps=25)
    with av.open(str(tmp_path / "a.mp4")) as film:
        stream = film.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.height, stream.width) == (34, 48)
        assert stream.average_rate == 25
        shades = [frame.to_ndarray(format="rgb24").mean() / 255 for frame in film.decode(stream)]
    assert shades == pytest.approx(np.linspace(0, 1, 12), abs=0.03)


def test_a_film_begins_with_its_index(tmp_path):
    """So that a browser can play it while it loads."""
    save_film(pictures(3), tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_film_of_nothing_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="a film needs at least one picture"):
        save_film([], tmp_path / "a.mp4")


def test_a_png_holds_the_rounded_picture(tmp_path):
    picture = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0))
    save_png(picture, tmp_path / "a.png")
    again = torch.from_numpy(np.array(Image.open(tmp_path / "a.png"))).permute(2, 0, 1) / 255
    assert (again - picture).abs().max() <= 0.5 / 255 + 1e-6


def test_a_png_keeps_what_shines_through(tmp_path):
    """Colours are multiplied by alpha in a render, and are not in a PNG."""
    drawing = scribble(6, torch.Generator().manual_seed(0)).replace(widths=torch.full((6,), 30.0))
    picture = render(drawing, 40, 50, background=None)[0]
    save_png(picture, tmp_path / "a.png")
    file = Image.open(tmp_path / "a.png")
    assert file.mode == "RGBA"
    paper = Image.new("RGBA", file.size, (255, 204, 153, 255))
    laid = torch.from_numpy(np.array(Image.alpha_composite(paper, file)))[..., :3].permute(2, 0, 1)
    opaque = render(drawing, 40, 50, background=(1.0, 0.8, 0.6))[0]
    assert (laid / 255 - opaque).abs().max() < 2 / 255


def test_rendering_all_is_rendering_each(monkeypatch):
    monkeypatch.setattr("clipdraw.film.BATCH_PIXELS", 2 * 30 * 40)
    drawings = [scribble(4, torch.Generator().manual_seed(s)) for s in range(5)]
    together = list(render_all(drawings, 30, 40))
    assert len(together) == 5
    assert all(
        torch.equal(a, render(b, 30, 40)[0]) for a, b in zip(together, drawings, strict=True)
    )
