"""The predictor `score`: its figures by hand, what it calls a judge, and what it refuses."""

import html
import io
import json
import re
import stat
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cog
import pytest
import torch
from PIL import Image

from clipdraw import render, scribble, to_svg
from predictors import drawings
from predictors.handed import natural
from predictors.score import predict, score
from predictors.score.page import page, spread
from scripts.predict import main
from tests.tiny import ROOT

EXAMPLES = ROOT / "predictors/score"
SHELL = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 128">{}</svg>'
SQUARE = '<path fill="{}" d="M{} {}h{side}v{side}h-{side}z"/>'


def square(x: float, y: float, side: float, fill: str = "#000") -> str:
    return SQUARE.format(fill, x, y, side=side)


def whole(fill: str, metadata: str = "") -> str:
    """A canvas of one colour."""
    return SHELL.format(f'{metadata}<path fill="{fill}" d="M0 0H256V128H0z"/>')


def guided_by(*names: str) -> str:
    return f"<metadata>{html.escape(json.dumps({'guides': names}))}</metadata>"


def png(colour: str) -> bytes:
    packed = io.BytesIO()
    Image.new("RGB", (12, 8), colour).save(packed, format="PNG")
    return packed.getvalue()


def zipped(folder: Path, members: dict) -> cog.Path:
    """An archive; a member is named by its name or by a ZipInfo."""
    file = folder / "drawings.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return cog.Path(file)


def handed(folder: Path, text: str) -> drawings.Handed:
    file = folder / "a.svg"
    file.write_text(text)
    (one,) = drawings.read(file)
    return one


class Colours:
    """Sees the colour in the middle, and reads the names of three."""

    name, size = "colours", 9

    def embed_text(self, texts):
        names = ["red", "green", "blue"]
        return torch.stack([torch.eye(3)[names.index(text)] for text in texts])

    def embed_image(self, images):
        middle = images[:, :, 4, 4]
        return middle / middle.norm(dim=1, keepdim=True).clamp(min=1e-6)


@pytest.fixture
def colours(monkeypatch):
    """Of the models, only one whose figures can be worked out by hand."""
    monkeypatch.setattr(predict, "load_models", lambda *_: {"colours": Colours()})


def run(file, prompts: str, folder: Path, report=lambda *_: None) -> tuple[dict, str]:
    """The figures and the page."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    files = list(predict.results(file, prompts, "auto", out, report))
    assert [file.name for file in files] == ["scores.json", "scores.html"]
    return json.loads(files[0].read_text()), files[1].read_text(encoding="utf-8")


# --- figures --------------------------------------------------------------------------------------


def test_r_precision_by_hand(colours, tmp_path):
    """The second is seen as green, not blue; the third is the only one whose guides are unknown."""
    members = {
        "1.svg": whole("#f00", guided_by("colours")),
        "2.svg": whole("#0f0", guided_by("pocket")),
        "10.png": png("#00f"),
    }
    steps = []
    told = lambda name, value: steps.append((name, value))  # noqa: E731
    scores, _ = run(zipped(tmp_path, members), "red | blue | green", tmp_path, told)
    assert [one["name"] for one in scores["drawings"]] == ["1.svg", "2.svg", "10.png"]
    seen = [one["models"]["colours"] for one in scores["drawings"]]
    assert [one["rank"] for one in seen] == [1, 3, 3], "ties count against the own prompt"
    assert [one["margin"] for one in seen] == [1.0, -1.0, -1.0]
    assert [one["retrieved"][0] for one in seen] == ["red", "green", "blue"]
    assert [one["role"] for one in seen] == ["guide", "judge", "unknown whether it guided"]
    figures = [(row["role"], row["R-precision"]) for row in scores["models"]["colours"]]
    assert figures == [("judge", 0.0), ("guide", 1.0), ("unknown whether it guided", 0.0)]
    assert steps[-2:] == [("step", 3), ("steps", 3)]


def test_r_precision_is_a_share(colours, tmp_path):
    members = {f"{i}.png": png(colour) for i, colour in enumerate(("#f00", "#0f0", "#f00"))}
    scores, _ = run(zipped(tmp_path, members), "red | green | blue", tmp_path)
    (row,) = scores["models"]["colours"]
    assert row == {
        "role": "unknown whether it guided",
        "drawings": 3,
        "R-precision": 0.6667,
        "among the first five": 1.0,
        "margin": pytest.approx(1 / 3, abs=1e-4),
    }


@pytest.mark.parametrize(
    ("drawn", "asked", "known", "ranked", "words"),
    [
        (1, 1, True, False, "nothing to choose from, so R-precision is left out."),
        (3, 3, True, True, "the first drawing belongs to the first prompt, and so on"),
        (1, 2, False, False, "1 drawing, 2 prompts: which belongs to which is not known"),
        (3, 1, False, False, "3 drawings, 1 prompt: which belongs"),
    ],
)
def test_drawings_belong_to_prompts_by_one_rule(drawn, asked, known, ranked, words):
    matching = score.match(drawn, asked)
    assert (matching.known, matching.ranked) == (known, ranked)
    assert words in matching.why


def test_of_one_drawing_each_prompt_is_ranked(colours, tmp_path):
    file = tmp_path / "a.svg"
    file.write_text(whole("#f80"))
    scores, _ = run(file, "blue | green | red", tmp_path)
    (one,) = scores["drawings"]
    seen = one["models"]["colours"]
    assert seen["retrieved"] == ["red", "green", "blue"]
    assert list(seen["similarity"]) == seen["retrieved"]
    # 1 and 8/15, made one long: 15/17 and 8/17.
    expected = {"red": 15 / 17, "green": 8 / 17, "blue": 0.0}
    assert seen["similarity"] == pytest.approx(expected, abs=1e-4)
    assert (one["prompt"], seen["rank"], seen["margin"]) == (None, None, None)
    assert seen["prefix_curve"]["prompt"] == "red", "what it sees in the end"
    assert scores["models"] == {"colours": []}


def test_a_prefix_curve_by_hand(colours, tmp_path):
    """Red, then green over it, then red again."""
    layers = [f'<path fill="{fill}" d="M0 0H256V128H0z"/>' for fill in ("#f00", "#0f0", "#f00")]
    file = tmp_path / "a.svg"
    file.write_text(SHELL.format("".join(layers)))
    scores, _ = run(file, "red", tmp_path)
    assert scores["drawings"][0]["models"]["colours"]["prefix_curve"] == {
        "prompt": "red",
        "first": [1, 2, 3],
        "similarity": [1.0, 0.0, 1.0],
    }


@pytest.mark.parametrize(
    ("strokes", "firsts"), [(1, [1]), (2, [1, 2]), (4, [1, 2, 4]), (5, [1, 2, 4, 5])]
)
def test_prefixes_double_and_end_with_all(strokes, firsts, tmp_path):
    drawing = scribble(strokes, torch.Generator().manual_seed(0), width=32, height=24)
    paper = (1.0, 0.5, 0.0)
    one = handed(tmp_path, to_svg(drawing, background=paper))
    assert one.prefixes == firsts
    seen = one.seen(16)
    assert seen.shape == (len(firsts), 3, 16, 16)
    expected = render(drawing, 16, 16, background=paper)
    torch.testing.assert_close(seen[-1:], expected, atol=1e-3, rtol=0)


def test_pictures_made_of_pixels_have_no_strokes(colours, tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(png("#f00"))
    scores, text = run(file, "red | blue", tmp_path)
    (one,) = scores["drawings"]
    assert one["strokes"] is None and one["composition"]["points_off_canvas"] is None
    assert one["models"]["colours"]["prefix_curve"] is None
    assert "painter’s order" not in text


@pytest.mark.parametrize(
    ("shapes", "centroid", "inside"),
    [
        # The middle of the square, as a share of 256 and 128; the circle's radius is 43.
        (square(32, 64, 32), [48 / 256, 80 / 128], 0.0),
        (square(118, 54, 20), [0.5, 0.5], 1.0),
        # Half as dark, so half as heavy, and outside: (128 * 2 + 16) / 3.
        (
            square(120, 56, 16) + square(8, 56, 16, "#808080"),
            [(128 + 16 * 128 / 255) / (1 + 128 / 255) / 256, 0.5],
            1 / (1 + 128 / 255),
        ),
    ],
)
def test_composition_by_hand(shapes, centroid, inside, tmp_path):
    made = score.composition(handed(tmp_path, SHELL.format(shapes)))
    assert made["ink_centroid"] == pytest.approx(centroid, abs=1e-2)
    assert made["ink_in_circle"] == pytest.approx(inside, abs=1e-2)
    assert made["points_off_canvas"] == 0.0


def test_the_paper_is_no_ink(tmp_path):
    blank = {"ink_centroid": None, "ink_in_circle": None, "points_off_canvas": 0.0}
    assert score.composition(handed(tmp_path, whole("#f80"))) == blank
    inverse = SHELL.format('<path fill="#000" d="M0 0H256V128H0z"/>' + square(32, 64, 32, "#fff"))
    made = score.composition(handed(tmp_path, inverse))
    assert made["ink_centroid"] == pytest.approx([48 / 256, 80 / 128], abs=1e-2)


def test_points_off_the_canvas_are_counted(tmp_path):
    """Of 12 points two corners are off, two handles of the left side, and one each of the upper
    and the lower."""
    made = score.composition(handed(tmp_path, SHELL.format('<path d="M-8 0H8V8H-8z"/>')))
    assert made["points_off_canvas"] == 0.5


# --- guides and judges ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "guides", "role"),
    [
        ("judge", [], "judge"),
        ("judge", ["pocket"], "judge"),
        ("pocket", ["pocket"], "guide"),
        ("pocket", ["unknown", "pocket"], "guide"),
        ("judge", ["unknown", "pocket"], "unknown whether it guided"),
        ("judge", ["unknown"], "unknown whether it guided"),
        ("ViT-B-32/openai", ["pocket"], "judge"),
        ("ViT-B-32/openai", ["ViT-B-32/openai"], "guide"),
        # The same weights, perhaps, in a file of somebody's.
        ("ViT-B-32/openai", ["ViT-B-32-quickgelu/clip.pt"], "unknown whether it guided"),
        ("RN50/openai", ["ViT-B-32/openai"], "judge"),
    ],
)
def test_a_guide_is_no_judge(model, guides, role):
    assert score.role(model, guides) == role


def test_real_models_judge_what_real_models_guided(tmp_path):
    """Two drawings that pocket guided, and one that no model did."""
    line = ["score", "-i", "model=pocket", "-i", f"drawing=@{EXAMPLES / 'drawings.zip'}", "-i"]
    line.append("prompts=a red heart | a line drawing of a snail | a lake")
    for folder in ("one", "two"):
        assert main([*line, "-o", str(tmp_path / folder)]) == 0
    one, two = (tmp_path / folder for folder in ("one", "two"))
    assert {file.name for file in one.iterdir()} == {"scores.json", "scores.html"}
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes()
    scores = json.loads((one / "scores.json").read_text())
    roles = [{n: m["role"] for n, m in d["models"].items()} for d in scores["drawings"]]
    assert roles == 2 * [{"judge": "judge", "pocket": "guide"}] + [
        {"judge": "judge", "pocket": "judge"}
    ]
    heart = scores["drawings"][0]
    assert heart["strokes"] == 64 and heart["models"]["judge"]["rank"] == 1
    curve = heart["models"]["judge"]["prefix_curve"]
    assert curve["first"] == [1, 2, 4, 8, 16, 32, 64]
    assert curve["similarity"][-1] > curve["similarity"][0] + 0.2
    text = (one / "scores.html").read_text(encoding="utf-8")
    assert text.count('class="role guide">guide') == 4, (
        "two drawings, a row of the table, the words"
    )


def test_a_model_s_folder_is_nobody_s_business(tiny_clip, tmp_path):
    models = score.load_models(f"tiny/{tiny_clip / 'tiny.safetensors'}", "cpu")
    assert list(models) == ["judge", "pocket", "tiny/tiny.safetensors"]
    assert list(score.load_models("pocket", "cpu")) == ["judge", "pocket"]


# --- the page -------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Names of all tags, and what they load or link to."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.loaded, self.open, self.said = set(), [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href", "action")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in ("meta", "img", "path", "circle", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag in self.open[-1:]:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said += data


EVIL = '</title><script>alert("1")</script><img src=x onerror=alert(2)>\'&amp;'


def test_what_people_named_is_text_and_nothing_else(monkeypatch, tmp_path):
    class Evil(Colours):
        def embed_text(self, texts):
            return torch.eye(3)[: len(texts)]

    monkeypatch.setattr(predict, "load_models", lambda *_: {EVIL: Evil()})
    name = 'a"><script>b.svg'
    members = {name: whole("#f00", guided_by(EVIL)), "c\u202e.svg": SHELL.format(
        f"<text>{'<g/>'}</text><foo id='&lt;script&gt;'/>" + square(9, 9, 9))}  # fmt: skip
    scores, text = run(zipped(tmp_path, members), f"{EVIL} | b<i>", tmp_path)
    assert scores["prompts"] == [EVIL, "b<i>"]
    page_of = Tags(text)
    assert page_of.tags.isdisjoint({"script", "i", "foo", "link", "iframe", "object", "form"})
    assert all(value.startswith("data:image/webp;base64,") for value in page_of.loaded)
    assert len(page_of.loaded) == 2 and page_of.open == []
    assert EVIL in page_of.said and name in page_of.said and "\u202e" not in text
    assert "default-src 'none'" in text and "http" not in text.replace("http-equiv", "")


def test_the_page_says_what_the_figures_say(colours, tmp_path):
    members = {"1.svg": SHELL.format("<text/>" + square(32, 64, 32, "#f00")), "2.png": png("#f00")}
    scores, text = run(zipped(tmp_path, members), "red | blue", tmp_path)
    said = " ".join(Tags(text).said.split())
    assert "What models see in these 2 drawings" in said
    assert "1 path. The ink’s centroid is at 19% from the left and 62% from the top." in said
    assert "0% of the ink is within the circle. 0% of the control points are off" in said
    assert "The file has text, left out: <text>." in said
    assert "Sees red: ✗ its own prompt has rank 2, margin −1.000." in said
    assert 'lang="en"' in text and text.count("alt=") == 2
    assert page(scores, drawings.read(tmp_path / "drawings.zip")) == text


def test_labels_of_curves_do_not_lie_on_each_other():
    placed = spread({"a": 50.0, "b": 51.0, "c": 10.0}, 0.0, 100.0)
    assert placed == {"c": 10.0, "a": 50.0, "b": 63.0}
    placed = spread({"a": 99.0, "b": 100.0}, 0.0, 100.0)
    assert placed["b"] <= 100 and placed["b"] - placed["a"] == 13


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "prompts is empty; write what a drawing may show"),
        (" | ", "prompts is empty"),
        ("a cat | ", "prompts has a part without words"),
        ("a cat | a  cat", "prompts has 'a cat' twice"),
        ("|".join(map(str, range(501))), "prompts has 501 parts, but at most 500 are read"),
        (f"a | {'b' * 301}", "prompts has one of 301 characters, 'bbbb"),
    ],
)
def test_prompts_that_cannot_be_ranked_are_refused(text, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        score.read_prompts(text)


def test_prompts_are_read_as_they_are_meant():
    assert score.read_prompts(" a  cat|a dog:0.5\n | \x00b") == ["a cat", "a dog:0.5", "b"]


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def zip_of(members: dict) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return packed.getvalue()


OURS = whole("#f00")
# What is in the zip, and words of the answer.
BAD_MEMBERS = {
    "climbs": ({"../a.svg": OURS}, "drawing: ../a.svg has a path that leads out of the zip"),
    "climbs inside": ({"a/../../b.svg": OURS}, "a/../../b.svg has a path that leads out"),
    "root": ({"/etc/a.svg": OURS}, "/etc/a.svg has a path that leads out"),
    "drive": ({"C:\\a.svg": OURS}, "C:\\a.svg has a path that leads out"),
    "other slashes": ({"..\\a.svg": OURS}, "..\\a.svg has a path that leads out"),
    "link": ({link("a.svg"): "/etc/passwd"}, "drawing: a.svg is a link to another file"),
    "nested": ({"a.zip": zip_of({"b.svg": OURS})}, "drawing: a.zip is a zip in the zip"),
    "dense": ({"a.svg": " " * 1_000_000}, "drawing: a.svg unpacks to more than 100 times"),
    "no drawing": ({"a.txt": "hello"}, "drawing: a.txt is no drawing; give an SVG, PNG, JPEG or"),
    "empty file": ({"a.svg": ""}, "drawing: a.svg is no drawing"),
    "broken SVG": ({"a.svg": "<svg"}, "drawing: a.svg is not an SVG file: "),
    "a page": ({"a.svg": "<html/>"}, "drawing: a.svg is not an SVG file: its root element"),
    "broken PNG": ({"a.png": png("#f00")[:50]}, "drawing: a.png is broken ("),
    "a strip": (
        {"a.svg": OURS, "b.png": b"\x89PNG"},
        "drawing: b.png is no JPEG, PNG or WebP file",
    ),
    "entities": (
        {"a.svg": '<!DOCTYPE svg [<!ENTITY a "ha">]>' + OURS},
        "drawing: a.svg declares entities, which no drawing needs",
    ),
    "grows": (
        {"a.svg": SHELL.format('<g id="a"><use href="#a"/></g>')},
        "drawing: a.svg has a <use> that contains itself",
    ),
    "nothing": ({}, "drawing: the zip has no drawings in it"),
    "folders": ({"a/": "", "__MACOSX/a.svg": OURS, ".DS_Store": "x"}, "has no drawings in it"),
    "no name": ({"\x1b[31m\u202ea.svg": "x"}, "drawing: [31ma.svg is no drawing"),
    "long name": ({"a" * 999: "x"}, f"drawing: {'a' * 79}… is no drawing"),
}


@pytest.mark.parametrize("name", BAD_MEMBERS)
def test_a_bad_member_is_named_and_nothing_is_written(name, colours, tmp_path):
    members, words = BAD_MEMBERS[name]
    good = {"0.svg": OURS} if members and name != "folders" else {}
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        run(zipped(tmp_path, good | members), "red", tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert list((tmp_path / "out").iterdir()) == []
    assert {file.name for file in tmp_path.iterdir()} == {"drawings.zip", "out"}


def refused(file, folder: Path) -> str:
    with pytest.raises(ValueError) as caught:
        run(file, "red", folder)
    assert list((folder / "out").iterdir()) == []
    return str(caught.value)


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("members", 1, "the zip has 2 files, but at most 1 are read; split it"),
        ("unpacked", 200, "the zip unpacks to 0 MB, but at most 0 are read; split it"),
        ("packed", 100, "the zip is larger than 0 MB; split it"),
        ("largest", 100, "1.svg is larger than 0 MB; make it smaller"),
    ],
)
def test_an_archive_cannot_grow_without_end(limit, value, words, colours, tmp_path, monkeypatch):
    file = zipped(tmp_path, {"1.svg": OURS, "2.svg": OURS})
    run(file, "red", tmp_path)
    for made in (tmp_path / "out").iterdir():
        made.unlink()
    monkeypatch.setattr(drawings, "ALLOWED", replace(drawings.ALLOWED, **{limit: value}))
    assert refused(file, tmp_path) == f"drawing: {words}"


def test_a_member_is_not_read_beyond_what_the_archive_says(colours, tmp_path):
    """Sizes in an archive are whatever somebody wrote there."""
    file = zipped(tmp_path, {"a.svg": OURS})
    packed = file.read_bytes()
    size = len(OURS).to_bytes(4, "little")
    assert packed.count(size) == 2
    file.write_bytes(packed.replace(size, (9).to_bytes(4, "little")))
    assert refused(file, tmp_path).startswith("drawing: a.svg is broken (")


def test_what_a_zip_may_be_otherwise(colours, tmp_path):
    file = zipped(tmp_path, {"a.svg": OURS})
    packed = file.read_bytes()
    at = packed.index(b"PK\1\2") + 8
    file.write_bytes(packed[:at] + b"\1" + packed[at + 1 :])
    assert refused(file, tmp_path).startswith("drawing: a.svg is locked with a password; zip it")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as opened:
        opened.writestr("a.svg", OURS)
    assert refused(file, tmp_path) == "drawing: a.svg is packed in an unusual way; zip it anew"
    file.write_bytes(packed[:-9])
    assert refused(file, tmp_path).startswith("drawing: the zip is broken (")


def test_text_that_cog_handed_over_as_it_came_is_no_file(colours, tmp_path):
    assert "'/etc/passwd' is neither a URL nor a data URI" in refused("/etc/passwd", tmp_path)


def test_names_are_sorted_as_people_do():
    names = ["10.svg", "9.svg", "B.svg", "a2.svg", "a10.svg", "a1.svg"]
    assert sorted(names, key=natural) == [
        "9.svg", "10.svg", "a1.svg", "a2.svg", "a10.svg", "B.svg",
    ]  # fmt: skip
