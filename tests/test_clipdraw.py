"""The predictor `clipdraw`: its presets, its results, and what it says to bad input."""

import dataclasses
import json
import pickle
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from clipdraw import Scene, from_svg, scribble, to_svg
from clipdraw.loop import NotFinite, Weighted
from clipdraw.svg_reader import read_notes
from predictors.clipdraw import draw, dreams, predict
from predictors.clipdraw.presets import PRESETS
from predictors.state import load_state, save_state
from scripts.predict import main

pytestmark = pytest.mark.usefixtures("short_dreams")

SMALL = {"strokes": 8, "steps": 6, "frame_every": 3, "model": "pocket"}


def command(output: Path, **inputs) -> list[str]:
    inputs = {"prompt": "a red heart", **SMALL, **inputs}
    line = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return [*line, "-o", str(output)]


@pytest.fixture(scope="module")
def heart(short_dreams, tmp_path_factory) -> Path:
    """The results of one small run."""
    output = tmp_path_factory.mktemp("heart")
    assert main(command(output)) == 0
    return output


def quiet(_: str) -> None:
    """Takes what a plan has to say."""


def settings(**changes) -> draw.Settings:
    given = {"prompt": "a red heart", "model": "pocket", "strokes": 8, **changes}
    return draw.Settings(**given).resolved()


# The numbers of CLIPDraw's notebook, and of the Replicate predictor with the centre penalty.
# Widths are full here and half there, and so is their rate.
CLASSIC = {
    "clipdraw-2021": {"steps": 1000, "centre": None, "normalise": False},
    "replicate-2022": {"steps": 600, "centre": (0.001, 75.0, 2.0), "normalise": True},
}


@pytest.mark.parametrize("name", CLASSIC)
def test_the_classics_number_for_number(name):
    facts = CLASSIC[name]
    classic = draw.Settings(prompt="a red heart", model="pocket", preset=name).resolved()
    plan = draw.plan(classic, quiet)
    assert (classic.strokes, classic.steps, classic.views) == (256, facts["steps"], 4)
    assert (classic.width, classic.height, classic.paper) == (224, 224, (1.0, 1.0, 1.0))
    assert (classic.min_stroke_width / 2, classic.max_stroke_width / 2) == (1.0, 50.0)
    assert (plan.start.widths / 2 == 1.0).all()
    start = scribble(256, torch.Generator().manual_seed(0))
    assert torch.equal(plan.start.points, start.points)
    assert torch.equal(plan.start.colors, start.colors)

    at = {share: plan.rates.at(share) for share in (0.0, 0.499, 0.5, 0.749, 0.75, 1.0)}
    assert [rate["points"] for rate in at.values()] == [1.0, 1.0, 0.4, 0.4, 0.1, 0.1]
    assert {rate["widths"] / 2 for rate in at.values()} == {0.1}
    assert {rate["colors"] for rate in at.values()} == {0.01}

    similarity = plan.terms["similarity"].term
    assert similarity.distance == "cosine"
    assert similarity.weights.tolist() == [1.0]
    views = similarity.views
    assert isinstance(views, draw.Raw) is not facts["normalise"]
    views = views if facts["normalise"] else views.views
    assert (views.count, views.distortion, views.scale) == (4, 0.5, (0.7, 0.9))
    assert views.ratio == (3 / 4, 4 / 3)
    if facts["centre"] is None:
        assert set(plan.terms) == {"similarity"}
    else:
        centre = plan.terms["centre"].term
        assert (centre.weight, centre.threshold, centre.power) == facts["centre"]
        assert centre.centre == (112, 112)
        assert plan.terms["centre"].weight == plan.terms["similarity"].weight == 1.0


def test_negative_prompts_count_three_tenths():
    classic = settings(preset="clipdraw-2021", negative_prompt="a sketch | many drawings:2")
    weights = draw.plan(classic, quiet).terms["similarity"].term.weights
    assert weights.tolist() == pytest.approx([1.0, -0.3, -0.6])


def test_the_notebooks_views_are_not_normalised():
    plan = draw.plan(settings(preset="clipdraw-2021"), quiet)
    raw = plan.terms["similarity"].term.views
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    scenes = [Scene(plan.start, picture, [torch.Generator().manual_seed(1)], 0.0) for _ in range(2)]
    plain = raw.views(scenes[0])
    mean, std = (torch.tensor(x)[:, None, None] for x in (plan.encoder.mean, plan.encoder.std))
    normalised_later = (raw(scenes[1]) - mean) / std
    assert torch.allclose(normalised_later, plain, atol=1e-6)


def test_a_larger_canvas_gets_the_same_drawing_larger():
    small = draw.plan(settings(), quiet)
    large = draw.plan(settings(width=448, height=448), quiet)
    assert torch.allclose(large.start.points, 2 * small.start.points)
    assert torch.allclose(large.start.widths, 2 * small.start.widths)
    assert large.rates.points == 2 * small.rates.points
    far = small.start.replace(points=small.start.points * 1.5)
    costs = [
        plan.terms["centre"].term(scene)
        for plan, scene in (
            (small, seen(far)),
            (large, seen(far.replace(points=far.points * 2, width=448.0, height=448.0))),
        )
    ]
    assert (costs[0] > 0).all()
    assert torch.allclose(*costs)


def seen(drawing):
    return Scene(drawing, torch.zeros(1, 3, 4, 4), [], 0.0)


def test_all_the_results_are_there(heart):
    assert {file.name for file in heart.iterdir()} == {
        "step-00000.png", "step-00003.png", "step-00006.png",
        "drawing.svg", "drawing.png", "film.mp4", "strokes.mp4", "trace.json", "state.safetensors",
    }  # fmt: skip
    assert from_svg(heart / "drawing.svg").paths == 8
    with Image.open(heart / "drawing.png") as picture:
        assert picture.size == (1024, 1024)
    for name in ("film.mp4", "strokes.mp4"):
        with av.open(str(heart / name)) as film:
            assert film.streams.video[0].codec_context.pix_fmt == "yuv420p"


def test_the_trace_tells_everything(heart):
    trace = json.loads((heart / "trace.json").read_text())
    assert trace["inputs"]["prompt"] == "a red heart"
    assert trace["inputs"]["max_stroke_width"] == PRESETS["default"].max_stroke_width
    assert trace["encoder"] == "pocket"
    assert trace["ended"] == "finished"
    assert trace["steps_done"] == 6
    assert {"torch", "numpy", "cog", "python"} <= set(trace["versions"])
    assert all(len(values) == 7 for values in trace["terms"].values())
    assert -1 <= trace["scores"]["a red heart"] <= 1
    assert trace["seconds"] > 0


def test_the_same_seed_gives_the_same_bytes(heart, tmp_path):
    assert main(command(tmp_path)) == 0
    for name in ("drawing.svg", "drawing.png", "state.safetensors"):
        assert (tmp_path / name).read_bytes() == (heart / name).read_bytes(), name
    assert main(command(tmp_path / "other", seed=1)) == 0
    other = (tmp_path / "other" / "drawing.svg").read_text()
    assert other != (heart / "drawing.svg").read_text()


def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(heart, tmp_path):
    files = predict.results(settings(steps=6), predict.Job(3), tmp_path, lambda name, value: None)
    assert [next(files).name for _ in range(2)] == ["step-00000.png", "step-00003.png"]
    kept = [files.throw(KeyboardInterrupt()).name, *(file.name for file in files)]
    assert kept[:2] == ["drawing.svg", "drawing.png"]
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert (trace["ended"], trace["steps_done"]) == ("interrupted", 3)

    resumed = tmp_path / "resumed"
    assert main(command(resumed, resume=f"@{tmp_path / 'state.safetensors'}")) == 0
    assert (resumed / "drawing.svg").read_bytes() == (heart / "drawing.svg").read_bytes()


def test_a_number_gone_wrong_keeps_what_was_drawn(monkeypatch, tmp_path, capsys):
    plan_as_ever = draw.plan

    def breaks(scene):
        return scene.picture.mean((1, 2, 3)) / (0.0 if scene.progress > 0.5 else 1.0)

    def plan(*arguments):
        planned = plan_as_ever(*arguments)
        return dataclasses.replace(
            planned, terms={**planned.terms, "breaks": Weighted(1.0, breaks)}
        )

    monkeypatch.setattr(draw, "plan", plan)
    files = predict.results(settings(steps=6), predict.Job(3), tmp_path, lambda name, value: None)
    got = []
    with pytest.raises(NotFinite, match="step 4: breaks is no longer a finite number"):
        for file in files:
            got.append(file.name)
    assert {"drawing.svg", "film.mp4", "trace.json", "state.safetensors"} <= set(got)
    assert "breaks" in json.loads((tmp_path / "trace.json").read_text())["ended"]


def test_nothing_is_left_behind(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    inputs = {"prompt": "a red heart", "negative_prompt": "", "seed": 0, "preset": "default",
              "width": 64, "height": 64, "min_stroke_width": None, "max_stroke_width": None,
              "background": "#ffffff", "centre_weight": None, "centre_threshold": 75.0,
              "centre_power": 2.0, "centre_x": 0.5, "centre_y": 0.5, "learning_rate": 1.0,
              "views": None, "keep_dreams": False, "drawing": None, "resume": None,
              "palette": "", "within": "", "regions": "", "mask": None, "freeze": "",
              "seeds": 1, "keep": 4,
              **SMALL}  # fmt: skip
    run = predict.Predictor().run(**inputs)
    assert next(run).exists()
    run.close()
    assert list(tmp_path.iterdir()) == []


def test_the_dreams_are_handed_out_and_open_the_film(heart, tmp_path):
    assert main(command(tmp_path, keep_dreams="true")) == 0
    with Image.open(tmp_path / "dreams.png") as dreams:
        assert dreams.size == (2 * 48 * 4, 48 * 4)
        dream = dreams.convert("RGB").crop((0, 0, 192, 192)).resize((48, 48), Image.BOX)
    best = json.loads((tmp_path / "trace.json").read_text())["dream"]
    assert best in (0, 1)
    with av.open(str(tmp_path / "film.mp4")) as film, av.open(str(heart / "film.mp4")) as plain:
        first = next(film.decode(video=0)).to_image().resize((48, 48), Image.BOX)
        longer = film.streams.video[0].frames - plain.streams.video[0].frames
    assert longer == 12
    if best == 0:
        apart = np.abs(np.asarray(first, float) - np.asarray(dream, float)).mean()
        assert apart < 12
    for name in ("drawing.svg", "state.safetensors"):
        assert (tmp_path / name).read_bytes() == (heart / name).read_bytes(), name


def test_dreams_that_are_not_dreamt_cannot_be_kept(tmp_path, capsys):
    assert main(command(tmp_path, keep_dreams="true", preset="clipdraw-2021")) == 2
    assert "keep_dreams: nothing is dreamt with the preset 'clipdraw-2021'" in (
        capsys.readouterr().err
    )


def test_several_dreams_are_drawn_and_the_encoder_chooses(heart):
    given = settings(steps=10)
    plan = draw.plan(given, quiet)
    assert plan.start.pictures == 2 and len(plan.generators) == 2
    assert plan.dreams.shape == (2, 3, 48, 48)
    *_, last = draw.draw(given, plan)
    now = draw.cosines(given, plan, last.drawing)[:, 0]
    before = last.drawing.replace(
        **{name: last.state[f"fitted.{name}"] for name in ("points", "widths", "colors")}
    )
    then = draw.cosines(given, plan, before)[:, 0]
    assert not torch.equal(now, then)
    chosen = draw.choose(given, plan, last)
    found = draw.cosines(given, plan, chosen.drawing)[0, 0]
    assert torch.allclose(found, torch.cat([now, then]).max(), atol=1e-6)
    assert chosen.mended == bool(now.max() > then.max())
    assert chosen.picture == int((now if chosen.mended else then).argmax())


def test_mending_that_was_refused_is_not_in_the_film(monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr(
        predict.Record, "_film",
        lambda self, name, drawings, opening=(): shown.append(len(list(drawings))) or tmp_path,
    )  # fmt: skip
    choose = draw.choose
    for mended in (True, False):
        monkeypatch.setattr(
            draw, "choose", lambda *given, mended=mended: choose(*given)._replace(mended=mended)
        )
        list(predict.results(settings(steps=10), predict.Job(99), tmp_path, lambda *_: None))
    # Eleven frames and the drawing; refused from the eighth on.
    assert shown[::2] == [12, 9]


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "a cat and two stars"},
        {"regions": '[{"box": [0, 0, 0.5, 1], "prompt": "a tree"}]'},
        {"preset": "replicate-2022", "model": "tiny"},
    ],
    ids=["several things", "regions", "open_clip"],
)
def test_the_same_seed_gives_the_same_bits(changes, device, tiny_clip):
    if changes.get("model") == "tiny":
        changes = changes | {"model": f"tiny/{tiny_clip / 'tiny.safetensors'}"}
    given = settings(steps=12, **changes)
    *_, one = draw.draw(given, draw.plan(given, quiet))
    *_, two = draw.draw(given, draw.plan(given, quiet))
    assert one.drawing.points.device.type == device
    for name, value in one.state.items():
        assert torch.equal(two.state[name], value), name


@pytest.mark.parametrize("stop", [4, 8])
def test_a_run_goes_on_with_all_its_pictures_before_and_after_mending(stop, device, tmp_path):
    given = settings(steps=10)
    whole = list(draw.draw(given, draw.plan(given, quiet)))
    file = save_state(whole[stop], {}, tmp_path / "state.safetensors")
    plan = draw.plan(given, quiet)
    *_, last = draw.draw(given, plan, load_state(file, {}))
    assert last.state.keys() == whole[-1].state.keys()
    for name, value in whole[-1].state.items():
        assert torch.equal(last.state[name].cpu(), value.cpu()), name
    assert torch.equal(
        draw.choose(given, plan, last).drawing.points,
        draw.choose(given, plan, whole[-1]).drawing.points,
    )


def test_each_of_several_things_is_dreamt_alone_and_mended_in_its_place(monkeypatch):
    asked = []
    monkeypatch.setattr(
        dreams, "dream",
        lambda guided, count, *_: asked.append(guided) or torch.rand(count, 3, 48, 48),
    )  # fmt: skip
    given = settings(prompt="a sketch of a cat and two stars")
    plan = draw.plan(given, quiet)
    wanted = plan.encoder.embed_text(["a sketch of a cat", "a sketch of a star"])
    torch.testing.assert_close(torch.cat([guided.wanted.text for guided in asked]), wanted)
    assert plan.dreams.shape[-1] == round(48 / 0.56)
    assert {f"distillation {i}" for i in (1, 2, 3)} < set(plan.terms)
    first, second = (plan.dreams[0][:, 48:, left : left + 38] for left in (0, 48))
    assert not torch.equal(first, second)


def test_a_prompt_with_weights_is_dreamt_as_it_stands():
    given = settings(prompt="a cat and a dog | a moon:0.5")
    assert [part.text for part in dreams.parts_of(given)] == [given.prompt]


def test_the_quick_preset_draws_one_dream_without_mending(tmp_path):
    assert main(command(tmp_path, preset="quick")) == 0
    terms = json.loads((tmp_path / "trace.json").read_text())["terms"]
    assert set(terms) == {"dream", "centre"}


def test_a_drawing_may_be_the_start(heart, tmp_path):
    options = {"drawing": f"@{heart / 'drawing.svg'}", "prompt": "a fish", "width": 448}
    assert main(command(tmp_path, **options)) == 0
    redrawn = from_svg(tmp_path / "drawing.svg")
    assert (redrawn.width, redrawn.height, redrawn.paths) == (448, 224, 8)
    assert redrawn.points[:, 0].mean() == pytest.approx(224, abs=60)


def test_a_drawing_tells_who_guided_it_and_what_it_started_from(tiny_clip, tmp_path):
    """What guides a drawing is no judge of it, however many runs ago."""
    start, drawn, resumed = (tmp_path / name / "drawing.svg" for name in ("a", "b", "c"))
    assert main(command(start.parent)) == 0
    assert read_notes(start).guides == ("pocket",)
    model = {"model": f"tiny/{tiny_clip / 'tiny.safetensors'}", "preset": "clipdraw-2021"}
    assert main(command(drawn.parent, drawing=f"@{start}", **model)) == 0
    both = ("pocket", "tiny/tiny.safetensors")
    assert read_notes(drawn).guides == both
    state = f"@{drawn.parent / 'state.safetensors'}"
    assert main(command(resumed.parent, resume=state, **model)) == 0
    assert read_notes(resumed).guides == both
    assert json.loads((resumed.parent / "trace.json").read_text())["guides"] == list(both)
    start.write_text(to_svg(scribble(4, torch.Generator().manual_seed(0))))
    assert main(command(drawn.parent, drawing=f"@{start}")) == 0
    assert read_notes(drawn).guides == ("unknown", "pocket")


def test_a_picture_of_another_program_is_drawn_on_fills_and_all(tmp_path, capsys):
    file = tmp_path / "ring.svg"
    file.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><text>ring</text>'
        '<path fill="#fa0" fill-rule="evenodd" d="M2 2h20v20H2zM8 8h8v8H8z"/>'
        '<path fill="none" stroke="#05f" d="M4 12q8 8 16 0"/></svg>'
    )
    assert main(command(tmp_path / "one", drawing=f"@{file}")) == 0
    assert "ring.svg has text, left out: " in capsys.readouterr().err
    drawn = from_svg(tmp_path / "one/drawing.svg")
    assert drawn.segments.tolist() == [4, 4, 1]
    assert drawn.closed.tolist() == [True, True, False]
    assert drawn.fill_rules.tolist() == [2, 0]
    assert not torch.equal(drawn.fills[0], torch.tensor([1, 2 / 3, 0, 1]))
    state = tmp_path / "one/state.safetensors"
    assert main(command(tmp_path / "two", drawing=f"@{file}", resume=f"@{state}")) == 0
    assert (tmp_path / "two/drawing.svg").read_bytes() == (
        tmp_path / "one/drawing.svg"
    ).read_bytes()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_draws_with_an_open_clip_model(preset, tiny_clip, tmp_path):
    """The plumbing: a model with random weights draws nothing that anybody would recognise."""
    model = f"tiny/{tiny_clip / 'tiny.safetensors'}"
    assert main(command(tmp_path, model=model, preset=preset, negative_prompt="a sketch")) == 0
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["encoder"] == model
    similarity = trace["terms"]["similarity"]
    # Four views with a cosine of -1 to 1 each, and three tenths of the negative prompt's.
    assert len(similarity) == 7
    assert all(abs(value) <= 4 * 1.3 for value in similarity)
    assert len(set(similarity)) == 7


def test_a_word_that_pocket_does_not_know_is_named(tmp_path, capsys):
    assert main(command(tmp_path, prompt="a zeugma", steps=1)) == 0
    assert "pocket has seen no picture of 'zeugma'; it draws the nearest" in capsys.readouterr().err


class Malice:
    """A pickle that writes a file when it is read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (Path.touch, (Path(self.file),))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "x" * 1001}, "prompt is 1001 characters long"),
        ({"prompt": "a | "}, "prompt has a part without words"),
        ({"strokes": 0}, "strokes: 0 is below the least allowed value 1"),
        ({"strokes": 100000}, "strokes: 100000 is above the greatest allowed value 2048"),
        ({"width": 0}, "width: 0 is below the least allowed value 16"),
        ({"height": 20000}, "height: 20000 is above the greatest allowed value 2048"),
        ({"model": "elephant"}, "unknown model 'elephant'"),
        ({"preset": "cubist"}, "preset"),
        ({"background": "red"}, "background"),
        ({"min_stroke_width": 30, "max_stroke_width": 3}, "min_stroke_width: 30.0 is above"),
    ],
)
def test_bad_input_is_one_sentence(inputs, words, tmp_path, capsys):
    assert main(command(tmp_path, **inputs)) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


def files_of_no_use(folder: Path) -> dict[str, tuple[str, str]]:
    """Files that somebody may hand in by mistake or by malice: (input, words of the answer)."""
    (folder / "not.svg").write_bytes(b"\x89PNG\r\n\x1a\n")
    shell = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'
    (folder / "script.svg").write_text(shell.format("<script>alert(1)</script>"))
    (folder / "bomb.svg").write_text(
        '<!DOCTYPE svg [<!ENTITY a "ha">]>' + shell.format("<desc>&a;</desc>")
    )
    with (folder / "malice.safetensors").open("wb") as file:
        pickle.dump(Malice(folder / "was-here"), file)
    torch.save({"points": Malice(folder / "was-here")}, folder / "malice.pt")
    return {
        "not.svg": ("drawing", "not.svg is not an SVG file"),
        "script.svg": ("drawing", "script.svg has nothing to draw; it has scripts"),
        "bomb.svg": ("drawing", "declares entities"),
        "malice.safetensors": ("resume", "malice.safetensors is not a state file"),
        "malice.pt": ("resume", "malice.pt is not a state file"),
    }


@pytest.mark.parametrize("name", ["not.svg", "script.svg", "bomb.svg", "malice.safetensors",
                                  "malice.pt"])  # fmt: skip
def test_bad_files_are_one_sentence_and_run_nothing(name, tmp_path, capsys):
    input_name, words = files_of_no_use(tmp_path)[name]
    assert main(command(tmp_path / "out", **{input_name: f"@{tmp_path / name}"})) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not (tmp_path / "was-here").exists()


def test_a_state_belongs_to_its_run(heart, tmp_path, capsys):
    state = f"@{heart / 'state.safetensors'}"
    assert main(command(tmp_path, resume=state, prompt="a fish")) == 2
    assert "belongs to a run with prompt='a red heart', not 'a fish'" in capsys.readouterr().err
    assert main(command(tmp_path, resume=state, strokes=9)) == 2
    assert "belongs to a run with strokes=8, not 9" in capsys.readouterr().err


def test_tensors_that_are_no_state_are_refused(tmp_path, capsys):
    save_file({"points": torch.zeros(3)}, tmp_path / "other.safetensors")
    assert main(command(tmp_path / "out", resume=f"@{tmp_path / 'other.safetensors'}")) == 2
    assert "holds tensors, but not the state of a drawing" in capsys.readouterr().err


def test_an_svg_is_refused_by_the_name_of_its_input(tmp_path, capsys):
    file = tmp_path / "a.svg"
    file.write_text(to_svg(scribble(1, torch.Generator().manual_seed(0))).replace("path", "image"))
    assert main(command(tmp_path / "out", drawing=f"@{file}")) == 2
    assert "drawing: a.svg has nothing to draw; it has images" in capsys.readouterr().err
