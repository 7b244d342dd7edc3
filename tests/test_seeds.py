"""Several seeds of `clipdraw` in one pass: who goes on, and that each is what it would be alone."""

import json

import pytest
import torch
from PIL import Image

from clipdraw import from_svg
from clipdraw.svg_reader import read_notes
from predictors.clipdraw import draw, predict, seeds
from predictors.clipdraw.settings import Settings
from predictors.outputs import Record
from scripts.predict import main

pytestmark = pytest.mark.usefixtures("short_dreams")


def settings(**changes) -> Settings:
    given = {"prompt": "a red heart", "model": "pocket", "strokes": 6, "steps": 10, **changes}
    return Settings(**given).resolved()


def race(count, keep, **changes) -> seeds.Race:
    return seeds.Race(seeds.runs_of(settings(**changes), count, lambda _: None), keep)


def alone(**changes):
    """Frames of one seed, and what is handed out."""
    given = settings(**changes)
    plan = draw.plan(given, lambda _: None)
    frames = list(draw.draw(given, plan))
    return frames, draw.choose(given, plan, frames[-1])


@pytest.mark.parametrize(
    "changes", [{}, {"palette": "black red", "prompt": "a cat and two stars"}, {"preset": "quick"}]
)
def test_each_seed_has_the_bits_that_it_has_alone(changes):
    running = race(4, 2, **changes)
    *_, last = running.frames()
    results = running.results(last)
    assert len(results) == 2
    for result in results:
        frames, chosen = alone(**changes, seed=result.run.settings.seed)
        mine = running.alone(last, result.run)
        assert mine.state.keys() == frames[-1].state.keys()
        for name, value in frames[-1].state.items():
            assert torch.equal(mine.state[name], value), name
        assert torch.equal(result.chosen.drawing.points, chosen.drawing.points)
        assert result.chosen.mended == chosen.mended
    for result in running.dropped:
        frames, _ = alone(**changes, seed=result.run.settings.seed)
        then = frames[result.step].drawing.split()[result.chosen.picture]
        if "palette" not in changes:
            assert torch.equal(result.chosen.drawing.points, then.points)


def test_an_open_clip_model_draws_several_seeds_and_pocket_ranks_them(tiny_clip):
    """The plumbing: a model with random weights draws nothing that anybody would recognise."""
    model = {"model": f"tiny/{tiny_clip / 'tiny.safetensors'}", "preset": "replicate-2022"}
    running = race(2, 2, **model)
    *_, last = running.frames()
    assert running.ranking.name == "pocket"
    frames, _ = alone(**model, seed=1)
    assert torch.equal(
        running.alone(last, running.runs[1]).drawing.points, frames[-1].drawing.points
    )


def test_the_poorer_half_goes_at_set_steps_until_so_many_are_left():
    running = race(5, 2)
    frames = list(running.frames())
    assert [frame.step for frame in frames] == list(range(11))
    # Drops at 0.2, 0.35, ... of ten steps: after step 2 three are left, after step 4 two.
    drawn = [len(running.living(step)) for step in range(11)]
    assert drawn == [5] * 3 + [3] * 2 + [2] * 6
    assert [frame.drawing.pictures for frame in frames] == [2 * count for count in drawn]
    assert [result.step for result in running.dropped] == [4, 2, 2]
    for late, early in zip(running.dropped, running.dropped[1:], strict=False):
        assert late.step > early.step or late.score >= early.score
    kept = {id(run) for run in running.living(10)}
    assert kept.isdisjoint(id(result.run) for result in running.dropped)


def test_who_ranks_did_not_guide_and_is_no_judge_from_then_on():
    running = race(2, 1)
    assert running.ranking.name == "judge"
    assert seeds.guides(running, running.runs[0]) == ["pocket", "judge"]


def test_what_is_remembered_of_a_seed_is_what_it_would_be_alone(tmp_path):
    running = race(3, 1)
    record = Record(tmp_path, (1.0, 1.0, 1.0), 10)
    for frame in running.frames():
        record.add(frame)
    best = running.results(record.last)[0].run
    mine = running.record_of(record, best)
    own = Record(tmp_path, (1.0, 1.0, 1.0), 10)
    for frame in alone(seed=best.settings.seed)[0]:
        own.add(frame)
    assert {k: [v.tolist() for v in x] for k, x in mine.terms.items()} == {
        k: [v.tolist() for v in x] for k, x in own.terms.items()
    }
    assert mine.snapshots.keys() == own.snapshots.keys()
    for step, drawing in mine.snapshots.items():
        assert torch.equal(drawing.points, own.snapshots[step].points)


def command(folder, **inputs):
    given = {"prompt": "a red heart", "model": "pocket", "strokes": 6, "steps": 6, **inputs}
    return [word for k, v in given.items() for word in ("-i", f"{k}={v}")] + ["-o", str(folder)]


def test_all_seeds_are_handed_out_the_best_one_whole(tmp_path):
    several, one = tmp_path / "several", tmp_path / "one"
    assert main(command(several, seeds=3, keep=2, seed=7, keep_dreams="true")) == 0
    names = {file.name for file in several.iterdir() if not file.name.startswith("step-")}
    assert names == {
        "drawing.svg", "drawing.png", "film.mp4", "strokes.mp4", "trace.json", "dreams.png",
        "state.safetensors", "seeds.png", "seed-7.svg", "seed-8.svg", "seed-9.svg",
    }  # fmt: skip
    trace = json.loads((several / "trace.json").read_text())
    standings = trace["seeds"]
    best = standings[0]["seed"]
    assert sorted(one["seed"] for one in standings) == [7, 8, 9]
    assert trace["ranked_by"] == "judge" and trace["inputs"]["seed"] == best
    assert trace["inputs"]["seeds"] == 3 and trace["inputs"]["keep"] == 2
    assert standings[0]["score"] >= standings[1]["score"]
    with Image.open(several / "seeds.png") as sheet:
        assert sheet.size == (2 * seeds.TILE, 2 * (seeds.TILE + 18))
    assert (several / "drawing.svg").read_text() == (several / f"seed-{best}.svg").read_text()
    assert read_notes(several / "seed-9.svg").guides == ("pocket", "judge")

    # Alone, and resumed alone, it is the same drawing.
    assert main(command(one, seed=best)) == 0
    assert (one / "drawing.png").read_bytes() == (several / "drawing.png").read_bytes()
    state = f"@{several / 'state.safetensors'}"
    assert main(command(tmp_path / "on", seed=best, resume=state, steps=8)) == 0
    assert from_svg(tmp_path / "on/drawing.svg").paths == 6


def test_an_interrupted_pass_hands_out_what_there_is(tmp_path):
    job = predict.Job(frame_every=2, seeds=3, keep=1)
    files = predict.results(settings(steps=6), job, tmp_path, lambda name, value: None)
    assert next(files).name == "step-00000.png"
    kept = [files.throw(KeyboardInterrupt()).name, *(file.name for file in files)]
    assert kept[0] == "drawing.svg" and "seeds.png" in kept and len(kept) == 10
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["ended"], trace["steps_done"]) == ("interrupted", 0)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"seeds": 64, "strokes": 300}, "seeds: 64 drawings of 300 strokes are 19200 strokes, but"),
        ({"seeds": 0}, "seeds: 0 is below the least allowed value 1"),
        ({"seeds": 65}, "seeds: 65 is above the greatest allowed value 64"),
    ],
)
def test_too_many_are_refused_in_a_sentence(inputs, words, tmp_path, capsys):
    assert main(command(tmp_path, **inputs)) == 2
    assert words in capsys.readouterr().err


def test_several_seeds_cannot_be_resumed(tmp_path, capsys):
    (tmp_path / "state.safetensors").write_bytes(b"")
    state = f"@{tmp_path / 'state.safetensors'}"
    assert main(command(tmp_path / "out", seeds=2, resume=state)) == 2
    assert "resume: goes on with one drawing" in capsys.readouterr().err
