"""Give drawings and prompts, and models say which prompt they see in which drawing."""

import json
import tempfile
from collections.abc import Iterator
from functools import cache

import torch
from cog import BaseRunner, Input, Path, streaming

from clipdraw import scribble, to_svg
from predictors.drawings import read
from predictors.folder import Folder
from predictors.score.page import page
from predictors.score.score import load_models, read_prompts, score


class Predictor(BaseRunner):
    """Give drawings and prompts, and models say which prompt they see in which drawing."""

    def __init__(self):
        self.folder = Folder()

    def setup(self):
        warm_up()

    @streaming
    def run(
        self,
        drawing: Path = Input(
            description="An SVG, PNG, JPEG or WebP file, or a zip of up to 200 of them, which are taken in the order of their names",
        ),
        prompts: str = Input(
            description="What the drawings may show, separated by |. As many as there are drawings: the first drawing belongs to the first prompt, and so on. Otherwise every drawing is ranked against all of them",
        ),
        model: str = Input(
            description="Who looks at the drawings besides the judge and pocket: an open_clip model as NAME/PRETRAINED or NAME/FILE, or auto: ViT-B-32/openai where its weights are on this machine",
            default="auto",
        ),
    ) -> Iterator[Path]:
        with self.folder.fresh() as folder:
            yield from results(drawing, prompts, model, folder, self.record_metric)


@cache
def warm_up() -> None:
    """Score one stroke, so that all is loaded that is loaded at its first use.

    A cancel in the middle of an import leaves half a package behind, and every run after it fails;
    during the setup nothing is cancelled.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "line.svg")
        file.write_text(to_svg(scribble(1, torch.Generator().manual_seed(0))))
        assert list(results(file, "a line", "auto", Path(folder), lambda *_: None))


def results(drawing, prompts, model, folder, report) -> Iterator[Path]:
    """Score, and yield the figures and the page. Nothing is written before all is known."""
    texts = read_prompts(prompts)
    try:
        handed = read(drawing)
    except ValueError as error:
        raise ValueError(f"drawing: {error}") from error
    models = load_models(model, "cuda" if torch.cuda.is_available() else "cpu")
    print(f"models: {', '.join(models)}")
    scores = score(handed, texts, models, report)
    scores = {**scores, "measures": measures(scores)}
    written = {
        "scores.json": json.dumps(scores, indent=1) + "\n",
        "scores.html": page(scores, handed),
    }
    for name, content in written.items():
        file = Path(folder, name)
        file.write_text(content, encoding="utf-8")
        yield file


def measures(scores) -> dict[str, float]:
    """How often each model finds the right prompt; nothing where there is no right one."""
    return {
        f"R-precision by {name}, {found['role']}": found["R-precision"]
        for name, all_found in scores["models"].items()
        for found in all_found
    }
