"""The gallery and the README's table show the predictors and examples that there are."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from scripts import examples, gallery

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "gallery"
WAY_OUT = "run scripts/gallery, or scripts/gallery NAME for one predictor"
# Bytes: a page that loads at once.
MOST = 3_000_000


def test_the_readme_s_table_is_that_of_the_docstrings():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count(gallery.BEGIN) == text.count(gallery.END) == 1
    assert gallery.with_table(text, ROOT) == text, WAY_OUT


def test_the_gallery_shows_all_examples_as_they_are():
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == gallery.page(ROOT), WAY_OUT
    wanted = {
        gallery.file_of(name, inputs)
        for name in gallery.drawn(ROOT)
        for inputs in examples.of(ROOT, name)
    }
    assert {file.name for file in FOLDER.glob("*.webp")} == wanted, WAY_OUT
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < MOST


# --- scripts/gallery itself, with a predictor that draws at once ----------------------------------

PREDICT = '''
import tempfile
from collections.abc import Iterator

from cog import BaseRunner, Input, Path
from PIL import Image


class Predictor(BaseRunner):
    """Draws | with ink."""

    def setup(self):
        self.ready = True

    def run(
        self,
        image: Path = Input(description="What to draw"),
        colour: str = Input(description="Of the ink", default="black"),
    ) -> Iterator[Path]:
        assert self.ready
        folder = tempfile.mkdtemp()
        for name in ("step-00000", "step-00001", "step-00002", "step-00003", "drawing"):
            file = Path(folder, f"{name}.png")
            Image.new("RGB", (20, 10), colour if name == "drawing" else "white").save(file)
            yield file
        raise AssertionError("nobody looks at the films")
'''


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "predictors/inky"
    folder.mkdir(parents=True)
    (folder / "predict.py").write_text(PREDICT)
    (folder / "cog.yaml").write_text('run: "predictors/inky/predict.py:Predictor"\n')
    (folder / "examples.yaml").write_text(
        "- image: a.png\n- image: a.png\n  colour: rgb(90, 240, 90)\n"
    )
    Image.new("RGB", (30, 10), "blue").save(folder / "a.png")
    (tmp_path / "README.md").write_text(f"Before\n{gallery.BEGIN}\nold\n{gallery.END}\nAfter\n")
    return tmp_path


def test_examples_are_drawn_and_listed(root, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (root / "docs/gallery").mkdir(parents=True)
    (root / "docs/gallery/inky-of-old.webp").write_text("")
    assert gallery.main([], root) == 0
    assert (root / "README.md").read_text() == (
        f"Before\n{gallery.BEGIN}\n{gallery.table(root)}\n{gallery.END}\nAfter\n"
    )
    assert "| [inky](predictors/inky/README.md) | Draws \\| with ink. |" in gallery.table(root)
    page = (root / "docs/gallery/README.md").read_text()
    assert "```sh\nscripts/predict inky -i image=@predictors/inky/a.png\n```" in page
    assert "-i image=@predictors/inky/a.png -i colour='rgb(90, 240, 90)'\n```" in page
    one, two = (gallery.file_of("inky", inputs) for inputs in examples.of(root, "inky"))
    assert {file.name for file in (root / "docs/gallery").glob("*.webp")} == {one, two}
    assert page.index(f"({one})") < page.index(f"({two})")
    with Image.open(root / "docs/gallery" / two) as sheet:
        # What was given, two previews and the drawing, with gaps between them.
        assert sheet.size == (576 + 3 * 384 + 3 * 8, 192)
        given, drawn = (
            sheet.convert("RGB").getpixel((9, 9)),
            sheet.convert("RGB").getpixel((1700, 9)),
        )
    assert given[2] > 200 > 50 > given[0] and drawn[1] > drawn[0] + 50


def test_a_picture_s_name_stands_for_its_inputs(root):
    first = examples.of(root, "inky")
    names = [gallery.file_of("inky", inputs) for inputs in first]
    assert len(set(names)) == 2
    # Not for where the repository is.
    shutil.copytree(root / "predictors", root / "elsewhere/predictors")
    moved = examples.of(root / "elsewhere", "inky")
    assert moved != first and [gallery.file_of("inky", inputs) for inputs in moved] == names
    Image.new("RGB", (30, 10), "red").save(root / "predictors/inky/a.png")
    assert gallery.file_of("inky", first[0]) != names[0]


def test_an_unknown_predictor_is_refused(root, capsys):
    assert gallery.main(["inki"], root) == 2
    assert "there is no predictor 'inki'; did you mean inky?" in capsys.readouterr().err
    assert not (root / "docs").exists()
