"""Draw the pictures that the README shows, but for the hundred of `scripts/score`: `scripts/sheet
[DIR]`, docs/ by default.

`heart.webp` is the making of a red heart; `styles.webp` holds drawings at the default settings,
seed 0, nothing picked.
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from clipdraw import Drawing, render
from clipdraw.film import to_image
from clipdraw.loop import Frame
from predictors.clipdraw import draw

HEART = "a red heart"
STYLES = (
    "a line drawing of a snail", "a line drawing of a house", "a silhouette of a tree",
    "a watercolour of a boat", "a watercolour of a flower", "two stars and a moon",
    "three red hearts", "a cat and a dog",
)  # fmt: skip
COLUMNS = 4
SIDE, LABEL = 192, 22
FILM_EVERY, FILM_MS, HOLD_MS = 4, 60, 2500


def main(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    made = making(HEART)
    save_making(made, folder / "heart.webp")
    rows = -(-len(STYLES) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + LABEL)), "white")
    for i, prompt in enumerate(STYLES):
        corner = (i % COLUMNS * SIDE, i // COLUMNS * (SIDE + LABEL))
        sheet.paste(picture(making(prompt)[-1]), corner)
        write(sheet, prompt, corner)
        print(prompt, flush=True)
    sheet.save(folder / "styles.webp", quality=85)
    return 0


def making(prompt: str) -> list[Drawing]:
    """The drawing that is handed out at the default settings, after every few steps of its
    making."""
    settings = draw.Settings(prompt=prompt, model="pocket").resolved()
    plan = draw.plan(settings, say=lambda _: None)
    frames: list[Frame] = [
        frame
        for frame in draw.draw(settings, plan)
        if frame.step % FILM_EVERY == 0 or frame.step == frame.steps
    ]
    chosen = draw.choose(settings, plan, frames[-1])
    return [frame.drawing.split()[chosen.picture] for frame in frames] + [chosen.drawing]


def picture(drawing: Drawing) -> Image.Image:
    return to_image(render(drawing, SIDE, SIDE)[0])


def write(sheet: Image.Image, text: str, corner: tuple[int, int]) -> None:
    middle = (corner[0] + SIDE // 2, corner[1] + SIDE + LABEL // 2)
    font = ImageFont.load_default(13)
    ImageDraw.Draw(sheet).text(middle, text, fill="#444444", anchor="mm", font=font)


def save_making(drawings: list[Drawing], file: Path) -> None:
    first, *rest = map(picture, drawings)
    times = [FILM_MS] * len(rest) + [HOLD_MS]
    first.save(file, save_all=True, append_images=rest, duration=times, loop=0, quality=80)


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "docs"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
