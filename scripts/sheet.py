"""Draw the pictures that the README shows: `scripts/sheet [DIR]`, docs/ by default.

Each sheet holds 24 drawings at the default settings, seeds 0 to 23 in order, nothing picked; the
prompts were written down before they were drawn. `heart.webp` is the making of the first drawing.
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from clipdraw import render
from clipdraw.film import to_image
from clipdraw.loop import Frame
from predictors.clipdraw import draw

WORDS = ("a red heart", "the sun", "a tree", "a smiling face", "a house", "a fish")
SHEETS = {
    "sheet.png": [word for word in WORDS for _ in range(4)],
    "things.png": [
        "a blue house", "a cat", "a sunflower", "a sailing boat", "an apple", "a green heart",
        "a dog", "the moon", "a red car", "a bird", "a butterfly", "an umbrella",
        "a mushroom", "a rocket", "a cup of tea", "a snowman", "a slice of pizza", "a guitar",
        "a penguin", "a balloon", "a star", "a cactus", "a train", "a purple flower",
    ],
}  # fmt: skip
COLUMNS = 4
SIDE, LABEL = 192, 22
FILM_EVERY, FILM_MS, HOLD_MS = 5, 60, 2500


def main(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name, prompts in SHEETS.items():
        rows = -(-len(prompts) // COLUMNS)
        sheet = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + LABEL)), "white")
        for seed, prompt in enumerate(prompts):
            frames = making(prompt, seed)
            corner = (seed % COLUMNS * SIDE, seed // COLUMNS * (SIDE + LABEL))
            sheet.paste(picture(frames[-1]), corner)
            write(sheet, f"{prompt}, seed {seed}", corner)
            print(f"{name}: {prompt}, seed {seed}", flush=True)
            if name == "sheet.png" and seed == 0:
                save_making(frames, folder / "heart.webp")
        sheet.save(folder / name, optimize=True)
    return 0


def making(prompt: str, seed: int) -> list[Frame]:
    """Every few frames of a drawing at the default settings, and the last one."""
    settings = draw.Settings(prompt=prompt, seed=seed, model="pocket").resolved()
    frames = draw.draw(settings, draw.plan(settings, say=lambda _: None))
    return [frame for frame in frames if frame.step % FILM_EVERY == 0 or frame.step == frame.steps]


def picture(frame: Frame) -> Image.Image:
    return to_image(render(frame.drawing, SIDE, SIDE)[0])


def write(sheet: Image.Image, text: str, corner: tuple[int, int]) -> None:
    middle = (corner[0] + SIDE // 2, corner[1] + SIDE + LABEL // 2)
    font = ImageFont.load_default(13)
    ImageDraw.Draw(sheet).text(middle, text, fill="#444444", anchor="mm", font=font)


def save_making(frames: list[Frame], file: Path) -> None:
    first, *rest = map(picture, frames)
    times = [FILM_MS] * len(rest) + [HOLD_MS]
    first.save(file, save_all=True, append_images=rest, duration=times, loop=0, quality=80)


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "docs"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
