"""Pictures that people hand in: every kind of file is read as it is meant, or refused."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from predictors.pictures import TURNS, border_colour, read_picture

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
# Upper left, upper right, lower left, lower right.
QUARTERS = (RED, GREEN, BLUE, WHITE)


def quarters(width: int = 48, height: int = 32) -> Image.Image:
    """Four colours, twice as far apart as JPEG's blocks."""
    rows = np.array(QUARTERS, dtype=np.uint8).reshape(2, 2, 3)
    return Image.fromarray(rows.repeat(height // 2, 0).repeat(width // 2, 1))


def seen(picture: torch.Tensor) -> list[tuple[int, ...]]:
    """The colours in the middle of the four quarters."""
    _, height, width = picture.shape
    places = [(y, x) for y in (height // 4, -height // 4) for x in (width // 4, -width // 4)]
    return [tuple((picture[:, y, x] * 255).round().int().tolist()) for y, x in places]


def apart(colours: list, others: list) -> int:
    return int(np.abs(np.array(colours) - np.array(others)).max())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "CMYK", "P", "RGBA"])
def test_colours_are_where_they_were(kind, mode, tmp_path):
    if (mode, kind) in [("CMYK", "PNG"), ("CMYK", "WEBP"), ("P", "JPEG"), ("RGBA", "JPEG")]:
        pytest.skip(f"{kind} has no {mode}")
    quarters().convert(mode).save(tmp_path / "a", kind)
    picture = read_picture(tmp_path / "a", 48, "#000000")
    assert picture.shape == (3, 32, 48) and picture.dtype == torch.float32
    assert apart(seen(picture), QUARTERS) <= (0 if kind == "PNG" else 12)


@pytest.mark.parametrize(
    ("mode", "deepest"), [("L", 255), ("1", 255), ("LA", 255), ("I;16", 65535)]
)
def test_grey_stays_grey(mode, deepest, tmp_path):
    half = np.zeros((32, 48), dtype=np.uint16)
    half[:, 24:] = deepest
    half[16:] //= 1 if mode == "1" else 2
    image = Image.fromarray(half) if mode == "I;16" else Image.fromarray(half.astype(np.uint8))
    (image if mode == "I;16" else image.convert(mode)).save(tmp_path / "a.png")
    white, grey = (255, 255, 255), (255, 255, 255) if mode == "1" else (127, 127, 127)
    assert apart(seen(read_picture(tmp_path / "a.png", 48, "#ff0000")),
                 [(0, 0, 0), white, (0, 0, 0), grey]) <= 1  # fmt: skip


def test_what_is_transparent_shows_the_paper(tmp_path):
    image = Image.new("RGBA", (48, 32), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 24, 16))
    image.paste((0, 0, 0, 128), (24, 0, 48, 16))
    image.save(tmp_path / "a.png")
    above = [(255, 128, 0), (127, 64, 0)]
    assert apart(seen(read_picture(tmp_path / "a.png", 48, "#ff8000"))[:2], above) <= 1


def test_what_is_behind_transparent_pixels_leaves_no_seam(tmp_path):
    image = Image.new("RGBA", (48, 32), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 24, 32))
    image.save(tmp_path / "a.png")
    small = read_picture(tmp_path / "a.png", 11, "#ff0000")
    assert small[0].min() > 0.99


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright_however_the_camera_was_held(orientation, tmp_path):
    undo = {Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
            Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90}  # fmt: skip
    stored = quarters()
    if orientation in TURNS:
        stored = stored.transpose(undo.get(TURNS[orientation], TURNS[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png", 48, "#000000")
    assert picture.shape == (3, 32, 48) and seen(picture) == list(QUARTERS)


def test_turned_to_the_right_means_that_its_left_is_up(tmp_path):
    """Said by the standard (Exif 2.32, 4.6.4), not by our table: 6 is a row 0 on the right."""
    exif = Image.Exif()
    exif[0x0112] = 6
    quarters().save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png", 48, "#000000")
    assert picture.shape == (3, 48, 32) and seen(picture) == [BLUE, RED, WHITE, GREEN]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_taken(kind, tmp_path):
    more = [Image.new("RGB", (48, 32), "black")]
    quarters().save(tmp_path / "a", kind, save_all=True, append_images=more, duration=50)
    assert apart(seen(read_picture(tmp_path / "a", 48, "#000000")), QUARTERS) <= 12


def test_a_single_pixel_is_a_picture(tmp_path):
    Image.new("RGB", (1, 1), (10, 20, 30)).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png", 64, "#ffffff")
    assert picture.shape == (3, 64, 64)
    assert torch.equal(picture.flatten(1).unique(dim=1).T * 255, torch.tensor([[10.0, 20, 30]]))


@pytest.mark.parametrize(("shape", "wanted"), [((90, 60), (60, 40)), ((30, 45), (40, 60))])
def test_the_longer_side_is_as_long_as_asked(shape, wanted, tmp_path):
    Image.new("RGB", shape).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png", 60, "#ffffff")
    assert (picture.shape[2], picture.shape[1]) == wanted


def header(width: int, height: int) -> bytes:
    """A PNG that says to be so large, and holds nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        code = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + code

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png(folder: Path, width: int, height: int) -> bytes:
    Image.new("RGB", (width, height)).save(folder / "whole.png")
    return (folder / "whole.png").read_bytes()


BAD = {
    "large": (lambda _: header(10_000, 10_000), "a.png has more than 89 million pixels; make it"),
    "huge": (lambda _: header(60_000, 60_000), "a.png has more than 89 million pixels; make it"),
    "empty": (lambda _: b"", "a.png is no JPEG, PNG or WebP file; save it as one of these"),
    "a text": (lambda _: b"a picture", "a.png is no JPEG, PNG or WebP file; save it as one"),
    "a GIF": (lambda _: b"GIF89a" + bytes(50), "a.png is no JPEG, PNG or WebP file; save it as"),
    "PostScript": (lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
                   "a.png is no JPEG, PNG or WebP file; save it as one of these"),
    "an SVG": (lambda _: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is no JPEG, PNG or WebP"),
    "cut off": (lambda folder: png(folder, 64, 64)[:-30], "a.png is broken ("),
    "without content": (lambda _: header(64, 64), "get it anew, or save it with another program"),
    "a strip": (lambda folder: png(folder, 500, 3), "a.png is a strip of 500 x 3 pixels; cut it"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_is_refused_in_a_sentence(name, tmp_path):
    make, words = BAD[name]
    file = tmp_path / "a.png"
    file.write_bytes(make(tmp_path))
    with pytest.raises(ValueError) as refused:
        read_picture(file, 64, "#ffffff")
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_a_text_is_no_file():
    with pytest.raises(ValueError, match="'/etc/a.png' is neither a URL nor a data URI; give one"):
        read_picture("/etc/a.png", 64, "#ffffff")


def test_the_commonest_colour_of_the_border_is_the_mean_of_what_is_like_it():
    picture = torch.zeros(3, 3, 4)
    picture[0] = 200 / 255
    picture[0, 0, 1] = 207 / 255
    picture[:, :, 3] = 1.0
    picture[:, 1, 1:3] = 0.0
    # Each corner counts twice. On the right 5 are white; one of the 9 others has 7 more of red.
    assert border_colour(picture) == "#c90000"
