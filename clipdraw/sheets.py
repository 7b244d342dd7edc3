"""Contact sheets: several pictures on one page, a line below each."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from clipdraw.film import to_image

LINE, INK = 18, "#444444"


def contact_sheet(pictures: Sequence[Tensor], lines: Sequence[str], columns: int) -> Image.Image:
    """Pictures `[3, height, width]` of one size in rows, from left to right."""
    _, height, width = pictures[0].shape
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * width, rows * (height + LINE)), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for i, (picture, line) in enumerate(zip(pictures, lines, strict=True)):
        left, top = i % columns * width, i // columns * (height + LINE)
        page.paste(to_image(picture), (left, top))
        while pen.textlength(line, font=font) > width - 4:
            line = f"{line.rstrip('…')[:-1]}…"
        middle = (left + width // 2, top + height + LINE // 2)
        pen.text(middle, line, fill=INK, anchor="mm", font=font)
    return page
