"""The predictor `conform`: its files, what it refuses, and that it needs no torch."""

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from journeys.films import Film
from journeys.sequence import checksums, read, save
from predictors.conform import edit
from predictors.conform.edit import Settings, results
from scripts.predict import main
from tests.edits import BANK, FADE, FADED, GAP, RATE, SEQUENCES, TIMELINES, expected
from tests.tiny import ROOT

FIRST = {"walk": 1, "bank": 129}
SIZE = (16, 24)


def grey(level: int) -> np.ndarray:
    return np.full((*SIZE, 3), level, np.uint8)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """Both z-sequences with proxies: each frame is a grey that is its own."""
    folder = tmp_path_factory.mktemp("sources")
    for name, sequence in SEQUENCES.items():
        rows = range(len(sequence.rows))
        save(sequence, folder / f"{name}.npy", (grey(FIRST[name] + row) for row in rows))
    return folder


def zipped(folder: Path, members: dict[str, bytes | str | Path]) -> Path:
    file = folder / "sequences.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            bare = content.read_bytes() if isinstance(content, Path) else content
            opened.writestr(name, bare)
    return file


def parts(sources: Path, *endings: str) -> dict[str, Path]:
    return {f.name: f for f in sorted(sources.iterdir()) if not endings or f.suffix in endings}


def run(timeline: Path, archive: Path, folder: Path, **more) -> list[Path]:
    out = folder / "out"
    out.mkdir(exist_ok=True)
    return list(results(Settings(timeline, archive, **more), out, lambda *_: None))


def test_an_edit_becomes_a_z_sequence_with_a_proxy(sources, tmp_path, capsys):
    timeline = TIMELINES / "kdenlive-22.12.kdenlive"
    files = run(timeline, zipped(tmp_path, parts(sources)), tmp_path)
    made = ["conformed.npy", "conformed.json", "conformed.mp4", "trace.json"]
    assert [file.name for file in files] == made
    # It is read as any other, and checked against its note and its proxy.
    made = read(files[0])
    shown = expected()
    levels = [0 if shot is None else FIRST[shot[0]] + shot[1] for shot in shown]
    levels[GAP] = [levels[GAP.start - 1]] * (GAP.stop - GAP.start)
    with Film(files[2], RATE) as film:
        assert film.size == SIZE
        seen = [film.picture(row, SIZE).mean() for row in range(len(made.rows))]
    cuts = [*range(FADE), *range(FADE + FADED, len(seen))]
    # A grey comes through two encoders.
    assert np.abs(np.subtract(seen, levels))[cuts].max() < 3
    rows = [shot[1] for shot in shown if shot]
    assert made.rows[cuts, 0].tolist()[: GAP.start] == rows[: GAP.start]
    assert capsys.readouterr().out == ""


def test_without_all_proxies_there_is_none(sources, tmp_path, capsys):
    members = parts(sources, ".npy", ".json") | {"walk.mp4": sources / "walk.mp4"}
    files = run(TIMELINES / "cmx3600.edl", zipped(tmp_path, members), tmp_path)
    assert [file.suffix for file in files] == [".npy", ".json", ".json"]
    assert capsys.readouterr().out == "no proxy is made: there is no bank.mp4 in the zip\n"


def test_folders_in_the_zip_and_what_else_is_there_do_not_matter(sources, tmp_path):
    members = {f"films/a/{name}": file for name, file in parts(sources).items()}
    more = {"films/notes.txt": "x", "logo.mp4": sources / "walk.mp4", "__MACOSX/._walk.npy": b"x"}
    files = run(TIMELINES / "cmx3600.edl", zipped(tmp_path, members | more), tmp_path)
    assert len(files) == 4


def test_names_of_an_edl_may_be_in_capitals(sources, tmp_path):
    timeline = tmp_path / "edit.edl"
    text = (TIMELINES / "cmx3600.edl").read_text()
    timeline.write_text(text.replace("walk.mp4", "WALK").replace("bank.mp4", "BANK.MOV"))
    assert len(run(timeline, zipped(tmp_path, parts(sources)), tmp_path)) == 4


def test_the_trace_tells_what_was_made_of_what(sources, tmp_path):
    archive = zipped(tmp_path, parts(sources, ".npy", ".json"))
    files = run(TIMELINES / "opentimelineio.otio", archive, tmp_path, gaps="drop")
    trace = json.loads(files[-1].read_text())
    asked = {"timeline": "opentimelineio.otio", "sequences": "sequences.zip", "gaps": "drop"}
    assert trace["inputs"] == asked | {"edl_fps": 25.0, "keep_going": False}
    assert trace["measures"] == {
        "rows": 75, "rows in gaps": 5, "rows cross-faded": 10, "rows between two of a source": 0,
    }  # fmt: skip
    assert trace["fps"] == "25" and trace["left_out"] == []
    clips = {clip["at"]: clip for clip in trace["clips"]}
    assert clips["00:00:02:20"] == {
        "track": "V1", "media": "walk", "at": "00:00:02:20", "frames": 10,
        "seconds_into_media": 3.96, "speed": -1, "fade_in": 0, "fade_out": 0,
    }  # fmt: skip


def test_progress_is_told(sources, tmp_path):
    told = []
    settings = Settings(TIMELINES / "cmx3600.edl", zipped(tmp_path, parts(sources)))
    list(results(settings, tmp_path, lambda *args: told.append(args)))
    assert told[-2:] == [("step", 80), ("steps", 80)]


def test_it_runs_from_the_command_line(sources, tmp_path):
    archive = zipped(tmp_path, parts(sources, ".npy", ".json"))
    line = ["conform", "-i", f"timeline=@{TIMELINES / 'cmx3600.edl'}", "-i"]
    line += [f"sequences=@{archive}", "-i", "gaps=drop", "-o", str(tmp_path / "out")]
    assert main(line, ROOT) == 0
    assert len(read(tmp_path / "out/conformed.npy").rows) == 75


def test_a_list_at_another_rate(sources, tmp_path):
    timeline = tmp_path / "edit.edl"
    timeline.write_text("001  WALK  V  C  00:00:00:10 00:00:00:40 01:00:00:00 01:00:00:30")
    archive = zipped(tmp_path, parts(sources, ".npy", ".json"))
    made = read(run(timeline, archive, tmp_path, edl_fps=50.0)[0])
    assert made.fps == 50
    # Ten frames of 50 per second are five of ours.
    assert made.rows[:3, 0].tolist() == [5, 5.5, 6]
    with pytest.raises(
        ValueError, match="timeline: edit.edl: this is no CMX 3600 list at 25 frames"
    ):
        run(timeline, archive, tmp_path)


# --- without torch --------------------------------------------------------------------------------

LIGHT = """
import sys, time
from pathlib import Path
from predictors.conform.predict import Predictor
timeline, sequences, out = map(Path, sys.argv[1:])
predictor = Predictor()
predictor.record_metric = lambda *_: None
predictor.setup()
print(time.process_time())
inputs = dict(gaps="hold", edl_fps=25.0, keep_going=False)
print(*(file.name for file in predictor.run(timeline=timeline, sequences=sequences, **inputs)))
print(*{"torch", "numba", "scipy", "PIL", "clipdraw", "losses"} & set(sys.modules))
"""


def test_it_needs_no_torch_and_is_there_in_a_second(sources, tmp_path):
    archive = zipped(tmp_path, parts(sources))
    line = [sys.executable, "-c", LIGHT, TIMELINES / "cmx3600.edl", archive, tmp_path]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    seconds, files, heavy = done.stdout.split("\n")[:3]
    assert files == "conformed.npy conformed.json conformed.mp4 trace.json" and heavy == ""
    # Of the processor, which others may share: it is a third of this on an idle one.
    assert float(seconds) < 1.5


# --- what it refuses ------------------------------------------------------------------------------


def saved(array: np.ndarray, **more) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **more)
    return file.getvalue()


def note_of(rows: np.ndarray) -> str:
    """What stands beside the walk, if these were its rows."""
    known = {"space": "numbers", "geometry": "euclid", "radius": None, "fps": "25"}
    more = {"seed": None, "encoder": None, "digest": checksums(rows)}
    return json.dumps(known | more)


NAN = SEQUENCES["walk"].rows.copy()
NAN[3, 1] = np.nan
CHANGED = SEQUENCES["walk"].rows.copy()
CHANGED[42] += 1
# An array that says that it is larger than all memory.
HUGE = saved(np.zeros((1, 1), np.float32)).replace(b"(1, 1), }         ", b"(9999999999, 9), }")

BAD = {
    "no zip": (
        None,
        "sequences: sequences.zip is no zip; put name.npy, name.json and, if there is",
    ),
    "nothing": (
        {},
        "sequences: the zip has no z-sequences in it; put name.npy and name.json of each",
    ),
    "climbs": (
        {"../walk.npy": b"x"},
        "sequences: ../walk.npy has a path that leads out of the zip",
    ),
    "absolute": ({"/tmp/walk.npy": b"x"}, "/tmp/walk.npy has a path that leads out of the zip"),
    "drive": ({"C:\\walk.npy": b"x"}, "C:\\walk.npy has a path that leads out of the zip"),
    "twice": ({"a/walk.npy": b"x", "b/walk.npy": b"x"}, "sequences: walk.npy is in the zip twice"),
    "nested": ({"walk.npy": b"PK\3\4"}, "sequences: walk.npy is a zip in the zip"),
    "no note": ({"walk.json": None}, "sequences: walk.json: it is missing"),
    "no array": ({"walk.npy": b"hello"}, "sequences: walk.npy: this is no array ("),
    "objects": (
        {"walk.npy": saved(np.array([{}]), allow_pickle=True)},
        "sequences: walk.npy: this is no array (",
    ),
    "huge": ({"walk.npy": HUGE}, "sequences: walk.npy: this is no array ("),
    "NaN": (
        {"walk.npy": saved(NAN), "walk.json": note_of(NAN)},
        "sequences: walk.npy: row 3 has nan in column 1, but all numbers have to be finite",
    ),
    "changed": (
        {"walk.npy": saved(CHANGED)},
        "sequences: walk.npy: row 42 is not the one that walk.",
    ),
    "short": (
        {"walk.npy": saved(CHANGED[:50])},
        "sequences: walk.json: it has 100 frames, but walk.npy has 50 rows",
    ),
    "doubles": (
        {"walk.npy": saved(CHANGED.astype(float))},
        "sequences: walk.npy: it holds float64 [100, 2], but float32 [frames, dim] is needed",
    ),
    "no film": ({"walk.mp4": b"hello"}, "sequences: walk.mp4: this is no film ("),
    "missing": (
        {"bank.npy": None, "bank.json": None, "bank.mp4": None},
        "timeline: track 'V2', clip 'bank' at 00:00:00:08: there is no z-sequence 'bank', and a "
        "gap would be in its place; track 'V', clip 'walk' at 00:00:01:15: it fades where nothing "
        "is below it, and would be there at once; change the edit, or set keep_going=true",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_nothing_is_written(name, sources, tmp_path):
    members, words = BAD[name]
    if members:
        members = {k: v for k, v in (parts(sources) | members).items() if v is not None}
    archive = zipped(tmp_path, members or {})
    if members is None:
        archive.write_text("hello")
    with pytest.raises(ValueError) as error:
        run(TIMELINES / "cmx3600.edl", archive, tmp_path)
    assert words in str(error.value) and "\n" not in str(error.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_note_that_wants_other_rows(sources, tmp_path):
    """Frames that do not match the proxy, and a rate that does not."""
    fewer = replace(SEQUENCES["walk"], rows=SEQUENCES["walk"].rows[:-1])
    slower = replace(SEQUENCES["walk"], fps=Fraction(24))
    for sequence, words in (
        (fewer, "sequences: walk.mp4: it has 100 frames, but walk.npy has 99 rows"),
        (slower, "sequences: walk.mp4: it runs at 25 frames per second, but walk.json says 24"),
    ):
        folder = tmp_path / words[-2:]
        folder.mkdir()
        save(sequence, folder / "walk.npy")
        archive = zipped(tmp_path, parts(sources) | parts(folder))
        with pytest.raises(ValueError, match=words):
            run(TIMELINES / "cmx3600.edl", archive, tmp_path)


def test_trajectories_that_do_not_belong_together(sources, tmp_path):
    wide = replace(SEQUENCES["bank"], rows=np.ones((BANK, 3), np.float32))
    save(wide, tmp_path / "bank.npy")
    bank = {name: tmp_path / name for name in ("bank.npy", "bank.json")}
    archive = zipped(tmp_path, parts(sources, ".npy", ".json") | bank)
    with pytest.raises(
        ValueError, match="the dim of walk is 2 and that of bank is 3; conform them"
    ):
        run(TIMELINES / "cmx3600.edl", archive, tmp_path)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_zip_bomb(sources, tmp_path, monkeypatch):
    archive = zipped(tmp_path, {"walk.npy": b"\0" * 10_000_000})
    assert archive.stat().st_size < 20_000
    monkeypatch.setattr(edit, "ALLOWED", replace(edit.ALLOWED, unpacked=9_000_000))
    with pytest.raises(
        ValueError, match="the zip unpacks to 10 MB, but at most 9 are read; split it"
    ):
        run(TIMELINES / "cmx3600.edl", archive, tmp_path)


def test_a_result_that_is_too_large(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(edit, "MOST_NUMBERS", 159)
    with pytest.raises(
        ValueError, match="timeline: 80 rows of 2 numbers are more than 0 million; cut"
    ):
        run(TIMELINES / "cmx3600.edl", zipped(tmp_path, parts(sources)), tmp_path)


def test_going_on_leaves_out_what_cannot_be_conformed_and_says_so(sources, tmp_path, capsys):
    members = {k: v for k, v in parts(sources, ".npy", ".json").items() if not k.startswith("bank")}
    archive = zipped(tmp_path, members)
    files = run(TIMELINES / "cmx3600.edl", archive, tmp_path, keep_going=True)
    made = read(files[0])
    # Without the bank above it and before it.
    assert made.rows[:20, 0].tolist() == list(range(10, 30)) and len(made.rows) == 80
    said = capsys.readouterr().out.splitlines()
    assert [f"left out: {x}" for x in json.loads(files[-1].read_text())["left_out"]] == said[:-1]
    assert said[0] == (
        "left out: track 'V2', clip 'bank' at 00:00:00:08: there is no z-sequence 'bank', and a "
        "gap would be in its place"
    )
    assert "left out: track 'V', clip 'walk' at 00:00:01:15: it fades where nothing" in said[1]


def test_many_problems_are_cut_short(sources, tmp_path):
    timeline = tmp_path / "edit.edl"
    line = (
        "{0:03}  CLIP{0}   V     C        00:00:00:00 00:00:01:00 01:00:{0:02}:00 01:00:{1:02}:00"
    )
    timeline.write_text("\n".join(line.format(number, number + 1) for number in range(1, 9)))
    with pytest.raises(
        ValueError, match="'CLIP5', and a gap .*; and 3 more; change the edit"
    ) as error:
        run(timeline, zipped(tmp_path, parts(sources)), tmp_path)
    assert str(error.value).count("no z-sequence") == 5


def test_what_cog_hands_over_as_it_came_is_no_file(sources, tmp_path):
    archive = zipped(tmp_path, parts(sources))
    with pytest.raises(ValueError, match="timeline: 'hello' is neither a URL nor a data URI"):
        run("hello", archive, tmp_path)
    with pytest.raises(ValueError, match="sequences: 'hello' is neither a URL nor a data URI"):
        run(TIMELINES / "cmx3600.edl", "hello", tmp_path)


def test_an_effect_stops_it(sources, tmp_path):
    timeline = tmp_path / "edit.kdenlive"
    text = (TIMELINES / "kdenlive-22.12.kdenlive").read_text()
    blur = '<filter><property name="mlt_service">blur</property></filter></entry>'
    timeline.write_text(text.replace("</entry>", blur, 1))
    archive = zipped(tmp_path, parts(sources))
    with pytest.raises(ValueError) as error:
        run(timeline, archive, tmp_path)
    assert str(error.value) == (
        "timeline: track 'V1', clip 'walk.mp4' at 00:00:00:00: the effect 'blur' would be left "
        "out; change the edit, or set keep_going=true"
    )
    assert len(run(timeline, archive, tmp_path, keep_going=True)) == 4
