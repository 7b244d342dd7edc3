"""What `clipdraw` draws under conditions: inks, places, regions, and paths that stay."""

import json

import pytest
import torch
from PIL import Image

from clipdraw import Scene, from_svg, scribble, to_svg
from predictors.clipdraw import draw
from predictors.clipdraw.settings import Settings
from scripts.predict import main

pytestmark = pytest.mark.usefixtures("short_dreams")


def settings(**changes) -> Settings:
    given = {"prompt": "a red heart", "model": "pocket", "strokes": 24, "steps": 30, **changes}
    return Settings(**given).resolved()


def drawn(**changes):
    given = settings(**changes)
    plan = draw.plan(given, lambda _: None)
    *_, last = draw.draw(given, plan)
    return draw.choose(given, plan, last).drawing


def command(folder, **inputs) -> list[str]:
    given = {"prompt": "a red heart", "model": "pocket", "strokes": 6, "steps": 4, **inputs}
    return [word for k, v in given.items() for word in ("-i", f"{k}={v}")] + ["-o", str(folder)]


# After two of three steps inks are not hard yet; what is handed out has them all the same.
@pytest.mark.parametrize("steps", [3, 20])
def test_every_stroke_has_one_of_the_inks(steps, tmp_path):
    folder = tmp_path / "out"
    assert main(command(folder, palette="black, #e63946 rgb(29, 53, 87)", steps=steps)) == 0
    inks = [[0, 0, 0], [0xE6, 0x39, 0x46], [29, 53, 87]]
    for color in from_svg(folder / "drawing.svg").colors:
        assert color[3] == 1
        assert (color[:3] * 255).round().int().tolist() in inks


def test_without_a_palette_colours_are_free():
    assert settings().inks == []
    assert len(drawn(steps=4).colors.unique(dim=0)) > 3


def test_strokes_and_dreams_stay_where_they_may():
    free, held = drawn(), drawn(within="box 0 0 0.5 1")
    beyond = [(one.points[:, 0] > 0.5 * 224 + 4).float().mean() for one in (free, held)]
    assert beyond[0] > 0.3 and beyond[1] < 0.05
    plan = draw.plan(settings(within="box 0 0 0.5 1"), lambda _: None)
    assert (plan.dreams[:, :, :, plan.dreams.shape[-1] // 2 :] == 1).all()


def test_several_places_are_terms_of_their_own_and_weigh_the_same_on_every_canvas():
    places = "canvas | not circle 0.5 0.5 0.2"
    small = draw.plan(settings(within=places), lambda _: None)
    large = draw.plan(settings(within=places, width=448, height=448), lambda _: None)
    assert {"within 1", "within 2"} < set(small.terms)
    points = small.start.points * 1.2
    for name in ("within 1", "within 2"):
        costs = [
            plan.terms[name].term(
                Scene(plan.start.replace(points=at), torch.zeros(2, 3, 4, 4), [], 0.0)
            )
            for plan, at in ((small, points), (large, 2 * points))
        ]
        assert (costs[0] > 0).all()
        torch.testing.assert_close(*costs)


REGIONS = json.dumps(
    [
        {"box": [0, 0, 0.5, 1], "prompt": "a red heart"},
        {"box": [0.5, 0.5, 1, 1], "prompt": "a green tree", "weight": 2},
    ]
)


def test_each_region_has_its_own_prompt():
    given = settings(prompt="a garden", regions=REGIONS, width=320, strokes=60)
    plan = draw.plan(given, lambda _: None)
    assert [part.text for part in plan.regions] == ["a red heart", "a green tree"]
    assert {"similarity", "similarity 1", "similarity 2", "distillation 1"} <= set(plan.terms)
    assert plan.terms["similarity 2"].weight == 2 * plan.terms["similarity 1"].weight
    # Nothing is dreamt in the upper right corner.
    _, _, rows, columns = plan.dreams.shape
    assert (plan.dreams[:, :, : rows // 2, columns // 2 :] == 1).all()
    *_, last = draw.draw(given, plan)
    assert draw.liked(given, plan, last.drawing).shape == (2,)


def test_regions_are_told_in_the_trace_and_chosen_by(tmp_path):
    marks = Image.new("RGB", (32, 24), "black")
    marks.paste((0, 0, 255), (0, 0, 16, 24))
    marks.save(tmp_path / "marks.png")
    regions = json.dumps([{"mask": "#0000ff", "prompt": "a fish"}])
    inputs = {"regions": regions, "mask": f"@{tmp_path / 'marks.png'}"}
    assert main(command(tmp_path / "out", **inputs)) == 0
    trace = json.loads((tmp_path / "out/trace.json").read_text())
    assert trace["inputs"]["mask"] == "marks.png"
    assert len(trace["region_scores"]) == 1 and -1 <= trace["region_scores"][0] <= 1


def test_with_an_open_clip_model_each_region_is_seen_through_its_own_views(tiny_clip):
    """The plumbing: a model with random weights draws nothing that anybody would recognise."""
    model = f"tiny/{tiny_clip / 'tiny.safetensors'}"
    given = settings(model=model, preset="clipdraw-2021", regions=REGIONS, steps=2)
    plan = draw.plan(given, lambda _: None)
    assert set(plan.terms) == {"similarity", "similarity 1", "similarity 2"}
    frames = list(draw.draw(given, plan))
    assert not torch.equal(frames[0].drawing.points, frames[-1].drawing.points)


@pytest.fixture
def layered(tmp_path):
    """Five lines: one alone, two in a group within a layer, two in a layer."""
    line = '<path id="{}" d="M{} 10L{} 90" stroke="#333" stroke-width="3" fill="none"/>'
    lines = [line.format(name, x, x) for name, x in zip("abcde", range(10, 60, 10), strict=True)]
    file = tmp_path / "layers.svg"
    file.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" viewBox="0 0 100 100">'
        f'{lines[0]}<g inkscape:label="Ink, black"><g id="pair">{lines[1]}{lines[2]}</g></g>'
        f'<g inkscape:label="sky">{lines[3]}{lines[4]}</g></svg>'
    )
    return file


@pytest.mark.parametrize(
    ("freeze", "stay"),
    [("0", [0]), ("1-2, 4", [1, 2, 4]), ("pair", [1, 2]), ("sky, a", [0, 3, 4]), ("", [])],
)
def test_paths_stay_by_number_and_by_name(freeze, stay, layered, device):
    given = settings(drawing=layered, freeze=freeze, steps=6)
    plan = draw.plan(given, lambda _: None)
    *_, last = draw.draw(given, plan)
    for now, then in zip(last.drawing.split(), plan.start.split(), strict=True):
        same = [
            torch.equal(one.contours[0], other.contours[0]) and torch.equal(one.color, other.color)
            for one, other in zip(now.each_path(), then.each_path(), strict=True)
        ]
        assert [i for i, stayed in enumerate(same) if stayed] == stay


def test_what_stays_stays_in_the_file_too(layered, tmp_path):
    inputs = {"drawing": f"@{layered}", "freeze": "sky"}
    assert main(command(tmp_path / "out", **inputs)) == 0
    before = draw.plan(settings(drawing=layered), lambda _: None).start.split()[0]
    after = from_svg(tmp_path / "out/drawing.svg")
    for one, other in list(zip(before.each_path(), after.each_path(), strict=True))[3:]:
        # Four decimals are written.
        torch.testing.assert_close(one.contours[0], other.contours[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"palette": "black mauvish"}, "palette has the colour 'mauvish'; write colours such as"),
        ({"palette": "red " * 33}, "palette has 33 colours, but at most 32 are read"),
        ({"freeze": "0"}, "freeze speaks of a drawing's paths, but none was handed in"),
        ({"freeze": "7", "drawing": None}, "freeze has '7', but the paths of layers.svg are numbe"),
        ({"freeze": "2-1", "drawing": None}, "freeze has '2-1', but the paths of layers.svg"),
        ({"freeze": "sea", "drawing": None}, "freeze has 'sea', which no group and no path of lay"),
        ({"freeze": "0-4", "drawing": None}, "freeze holds all paths of the drawing, so nothing"),
        ({"within": "ball 3"}, "within has 'ball 3'; write canvas"),
        ({"regions": "[]"}, "regions is no list of 1 to 8 regions"),
    ],
)
def test_bad_input_is_one_sentence(inputs, words, layered, tmp_path, capsys):
    if "drawing" in inputs:
        inputs = {**inputs, "drawing": f"@{layered}"}
    assert main(command(tmp_path / "out", **inputs)) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error


def test_a_drawing_without_names_is_told_to_be_frozen_by_numbers(tmp_path, capsys):
    file = tmp_path / "plain.svg"
    file.write_text(to_svg(scribble(3, torch.Generator().manual_seed(0))))
    assert main(command(tmp_path / "out", drawing=f"@{file}", freeze="x")) == 2
    assert "it has no names, so give numbers such as 0-11" in capsys.readouterr().err


def test_a_mask_that_is_no_picture_is_refused_by_its_name(layered, tmp_path, capsys):
    assert main(command(tmp_path / "out", mask=f"@{layered}", within="mask")) == 2
    assert "mask: layers.svg is no JPEG, PNG or WebP file" in capsys.readouterr().err
