"""Editors' files are read exactly, and what cannot be read is named with its place."""

from fractions import Fraction

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime, TimeRange
from otio_kdenlive_adapter.adapters.kdenlive import read_from_string as read_by_adapter

from journeys.kdenlive_reader import read_kdenlive
from journeys.timeline import Clip, Edit, Timeline, exact_rate, timecode
from journeys.timeline_reader import read_edl, read_otio, read_timeline
from tests.edits import FADE, FADED, FILES, KDENLIVE, RATE, TIMELINES

SCHEMA = otio.schema


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_has_the_same_edit(file):
    timeline = read_timeline(file)
    assert timeline.rate == 25
    assert timeline.problems == ()
    old = file.stem in ("kdenlive-0.9", "kdenlive-17.04")
    assert timeline.frames == (70 if old else 80)
    assert {clip.media for clip in timeline.clips} == {"walk", "bank"}
    (mixed,) = (clip for clip in timeline.clips if clip.fade_in or clip.fade_out)
    assert (mixed.start, mixed.fade_in, mixed.fade_out) == (FADE, FADED, 0)


def test_tracks_have_the_names_that_people_gave_them():
    names = {file.stem: {clip.track for clip in read_timeline(file).clips} for file in FILES}
    assert names["kdenlive-17.04"] == {"Video 1", "Video 2"}
    assert names["kdenlive-19.04"] == {"below", "above"}
    assert names["kdenlive-22.12"] == names["opentimelineio"] == {"V1", "V2"}


# --- the model ------------------------------------------------------------------------------------


def test_a_fade_has_even_steps_from_the_frame_before_it_to_the_one_after_it():
    clip = Clip("walk", "V1", 10, 8, Fraction(0), fade_in=3, fade_out=1)
    assert [clip.opacity(frame) for frame in range(10, 18)] == [0.25, 0.5, 0.75, 1, 1, 1, 1, 0.5]


def test_seconds_into_the_media():
    clip = Clip("walk", "V1", 10, 5, Fraction(2), Fraction(-1, 2))
    seconds = [clip.seconds(frame, Fraction(24)) for frame in (10, 11, 14)]
    assert seconds == [2, 2 - Fraction(1, 48), 2 - Fraction(4, 48)]


def test_a_timeline_is_as_long_as_its_last_clip():
    clips = (Clip("a", "V1", 0, 50, Fraction(0)), Clip("b", "V2", 20, 10, Fraction(0)))
    assert Timeline(RATE, clips).frames == 50
    assert Timeline(RATE, ()).frames == 0


def test_timecodes():
    assert timecode(0, RATE) == "00:00:00:00"
    assert timecode((3600 + 2 * 60 + 3) * 25 + 24, RATE) == "01:02:03:24"
    assert timecode(31, Fraction(30000, 1001)) == "00:00:01:01"


@pytest.mark.parametrize(
    "written, meant",
    [
        (25, Fraction(25)),
        (12.5, Fraction(25, 2)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (30000 / 1001, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (24, Fraction(24)),
    ],
)
def test_rates_are_exact(written, meant):
    assert exact_rate(written) == meant


@pytest.mark.parametrize("rate", [0, -25, float("nan"), float("inf"), 1e9])
def test_what_is_no_rate(rate):
    with pytest.raises(ValueError, match="is no frame rate; give frames per second, such as 25"):
        exact_rate(rate)


def test_a_film_goes_by_its_name_without_folder_and_ending():
    edit = Edit(RATE)
    names = ["a/b/walk.mp4", "walk.mp4", r"C:\films\bank.two.mov", "/other folder/é 1.mkv"]
    assert [edit.media(name) for name in names] == ["walk", "walk", "bank.two", "é 1"]
    with pytest.raises(ValueError, match="two files are called 'walk', a/b/walk.mp4 and c/walk.mp"):
        edit.media("c/walk.mp4")


OTIO = (TIMELINES / "opentimelineio.otio").read_text()
MISPLACED = OTIO.replace('"media_references": {', '"OTIO_SCHEMA": {', 1)
ENDLESS = OTIO.replace('"value": 20.0', '"value": Infinity', 1)


# --- any file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("edit.txt", "hello", "this is no timeline; save one as .otio, .edl or .kdenlive"),
        ("edit.txt", "", "this is no timeline; save one as .otio, .edl or .kdenlive"),
        ("edit.otio", "{", "this is no timeline of OpenTimelineIO (ValueError: JSON pars"),
        # The first ends the process that the library runs in, the second does so now and then.
        ("edit.otio", "[" * 100_000, "this is no timeline of OpenTimelineIO (it is broken)"),
        ("edit.otio", MISPLACED, "this is no timeline of OpenTimelineIO ("),
        ("edit.otio", "[]", "there is a AnyVector in it, and no Timeline"),
        ("edit.otio", '{"OTIO_SCHEMA": "Clip.2"}', "this is no timeline of OpenTimelineIO ("),
        ("edit.otio", '{"OTIO_SCHEMA": "Timeline.99"}', "this is no timeline of OpenTimelineIO ("),
        ("edit.otio", SCHEMA.Clip("x").to_json_string(), "there is a Clip in it, and no Timeline"),
        ("edit.otio", SCHEMA.Timeline("x").to_json_string(), "no video track has a clip in it"),
        (
            "edit.edl",
            "TITLE: x\nhello",
            "this is no CMX 3600 list at 25 frames per second (Unknown",
        ),
        ("edit.edl", "TITLE: x", "no video track has a clip in it"),
        ("edit.kdenlive", "<mlt>", "this is no project of Kdenlive (no element found"),
        ("edit.kdenlive", "<svg/>", "this is no project of Kdenlive, but a file of <svg>"),
        ("edit.kdenlive", "<mlt/>", "it has no profile that says the frame rate"),
        ("edit.kdenlive", "<\x00", "this is no project of Kdenlive (unclosed token"),
    ],
)
def test_what_is_no_timeline(name, content, words, tmp_path):
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(ValueError) as error:
        read_timeline(file)
    assert str(error.value).startswith(f"{name}: ") and words in str(error.value)


def test_bytes_that_are_no_text(tmp_path):
    for name in ("edit.otio", "edit.edl", "edit.kdenlive"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00\x93")
        with pytest.raises(ValueError, match=f"{name}: .*can't decode byte"):
            read_timeline(tmp_path / name)


def test_a_file_that_is_too_large_and_a_timeline_that_is_too_long(tmp_path):
    file = tmp_path / "edit.edl"
    with file.open("wb") as opened:
        opened.truncate(30_000_001)
    with pytest.raises(ValueError, match="edit.edl: it is larger than 30 MB"):
        read_timeline(file)
    text = (TIMELINES / "kdenlive-22.12.kdenlive").read_text()
    file = tmp_path / "edit.kdenlive"
    file.write_text(text.replace('<blank length="00:00:00.800"/>', '<blank length="999999999"/>'))
    with pytest.raises(
        ValueError, match="it is 1000000[0-9]+ frames long, but 180000 are the most"
    ):
        read_timeline(file)


# --- .otio ----------------------------------------------------------------------------------------


def span(start: float, frames: float, rate: float = 25) -> TimeRange:
    return TimeRange(RationalTime(start, rate), RationalTime(frames, rate))


def clip(start=0, frames=10, *, name="walk.mp4", effects=(), media=None, **ranges) -> SCHEMA.Clip:
    media = media or SCHEMA.ExternalReference(f"file:///films/{name}", ranges.get("available"))
    return SCHEMA.Clip(name, media, ranges.get("source", span(start, frames)), effects=effects)


def gap(frames: int) -> SCHEMA.Gap:
    return SCHEMA.Gap(source_range=span(0, frames))


def dissolve(before: int, after: int, kind: str = "SMPTE_Dissolve") -> SCHEMA.Transition:
    return SCHEMA.Transition("mix", kind, RationalTime(before, 25), RationalTime(after, 25))


def read(*items, start=None, **more) -> Timeline:
    """The timeline of a file with one video track."""
    found = SCHEMA.Timeline("edit", global_start_time=start)
    found.tracks.append(SCHEMA.Track("V1", items, kind="Video", **more))
    return read_otio(otio.adapters.write_to_string(found, "otio_json"))


def whats(timeline: Timeline) -> list[str]:
    return [problem.told(timeline.rate) for problem in timeline.problems]


@pytest.mark.parametrize(
    "url, name",
    [
        ("file:///films/my%20walk.mp4", "my walk"),
        ("/films/100%.mp4", "100%"),
        (r"C:\films\walk.mp4", "walk"),
        ("./walk.mp4", "walk"),
    ],
)
def test_where_a_film_is(url, name):
    timeline = read(clip(media=SCHEMA.ExternalReference(url)))
    assert timeline.clips[0].media == name


def test_a_clip_of_no_length_is_not_there():
    assert [c.start for c in read(clip(0, -5), clip(0, 0), gap(5), clip(7)).clips] == [0]


def test_a_film_that_is_missing_goes_by_its_clip_s_name():
    assert read(clip(media=SCHEMA.MissingReference())).clips[0].media == "walk"


def test_a_clip_without_a_trim_is_the_whole_film():
    whole = clip(source=None, available=span(0, 40))
    assert read(whole).clips == (Clip("walk", "V1", 0, 40, Fraction(0)),)


def test_a_film_whose_clock_starts_at_an_hour():
    hour = 90_000
    shown = clip(hour + 5, available=span(hour, 40))
    assert read(shown).clips[0].first == Fraction(5, 25)
    # Some programs count from 0 all the same.
    assert read(clip(5, available=span(hour, 40))).clips[0].first == Fraction(5, 25)
    # A picture's rate.
    assert read(clip(5, available=span(0, 40, 0))).clips[0].first == Fraction(5, 25)


def test_speeds_and_where_clips_begin_that_play_backwards():
    """The last frame of the range comes first, as in a baseline that an editor rendered:
    github.com/jminor/otio-time-warp-test-suite, its clips "Reverse 100 %" and "Reverse 50 %"."""
    warps = [SCHEMA.LinearTimeWarp(time_scalar=speed) for speed in (0.5, -1, -0.5)]
    clips = read(*(clip(20, 10, effects=[warp]) for warp in warps)).clips
    assert [(c.first * 25, c.speed) for c in clips] == [
        (20, Fraction(1, 2)),
        (29, -1),
        (29, -Fraction(1, 2)),
    ]
    assert [c.start for c in clips] == [0, 10, 20]
    assert read(clip(effects=[SCHEMA.FreezeFrame()])).clips[0].speed == 0
    assert read(clip(effects=warps[:1] * 2)).clips[0].speed == Fraction(1, 4)


def test_times_in_the_film_s_own_rate():
    """Half a second of a film with 24 frames per second, in a project of 25 after a second."""
    timeline = read(gap(25), clip(source=span(12, 12, 24)), gap(3), clip())
    assert timeline.rate == 25
    first, second = timeline.clips
    # It ends in the middle of frame 37. Halves are rounded to even numbers.
    assert (first.start, first.frames, first.first) == (25, 13, Fraction(1, 2))
    assert second.start == 40
    assert second.first == Fraction(40, 25) - Fraction(3, 25) - Fraction(3, 2)


def test_the_rate_is_the_timeline_s_or_that_of_most_of_its_times():
    assert read(clip(), start=RationalTime(0, 23.976)).rate == Fraction(24000, 1001)
    assert read(clip(source=span(0, 5, 30)), gap(1), gap(1)).rate == 25


def test_dissolves_at_gaps_and_ends_fade_in_and_out():
    first, second, third = read(
        clip(), dissolve(2, 4), gap(20), dissolve(3, 1), clip(50), clip(70), dissolve(5, 0)
    ).clips
    assert (first.frames, first.fade_in, first.fade_out) == (14, 0, 6)
    assert (second.start, second.fade_in, second.first * 25) == (27, 4, 47)
    assert (third.end, third.fade_out) == (50, 5)


def test_disabled_things_are_not_there():
    off = clip()
    off.enabled = False
    effect = SCHEMA.Effect("blur")
    effect.enabled = False
    timeline = read(off, clip(effects=[effect]))
    assert [c.start for c in timeline.clips] == [10] and timeline.problems == ()
    hidden = SCHEMA.Track("V2", [clip()], kind="Video")
    hidden.enabled = False
    found = SCHEMA.Timeline("edit")
    found.tracks.extend([SCHEMA.Track("V1", [clip()], kind="Video"), hidden])
    assert len(read_otio(found.to_json_string()).clips) == 1


def test_what_is_black_is_a_gap():
    black = SCHEMA.GeneratorReference(generator_kind="black")
    assert [c.start for c in read(clip(media=black), clip()).clips] == [10]


@pytest.mark.parametrize(
    "item, what",
    [
        (clip(effects=[SCHEMA.Effect("Soft", "blur")]), "the effect 'Soft' would be left out"),
        (clip(effects=[SCHEMA.Effect(effect_name="blur")]), "the effect 'blur' would be left out"),
        (
            clip(effects=[SCHEMA.TimeEffect("", "ease")]),
            "the speed ramp 'ease' would play at normal speed",
        ),
        (
            clip(media=SCHEMA.GeneratorReference(generator_kind="SMPTEBars")),
            "a picture made by the editor (SMPTEBars), which would become a gap",
        ),
        (
            clip(media=SCHEMA.ImageSequenceReference("/films")),
            "a sequence of pictures, which would become a gap",
        ),
    ],
)
def test_what_no_array_can_follow_is_named_with_its_place(item, what):
    timeline = read(gap(30), item)
    assert whats(timeline) == [f"track 'V1', clip 'walk.mp4' at 00:00:01:05: {what}"]


def test_a_nested_sequence_is_named_and_takes_its_time():
    inner = SCHEMA.Stack("chorus", [SCHEMA.Track("", [clip()], kind="Video")])
    timeline = read(clip(), inner, clip())
    what = "a nested sequence, which would become a gap"
    assert whats(timeline) == [f"track 'V1', clip 'chorus' at 00:00:00:10: {what}"]
    assert [c.start for c in timeline.clips] == [0, 20]


def test_a_wipe_is_named_and_would_be_a_cross_fade():
    timeline = read(clip(), dissolve(2, 2, "SMPTE_Wipe"), clip(30))
    assert whats(timeline) == [
        "track 'V1' at 00:00:00:10: the transition 'mix' would become a cross-fade"
    ]
    assert timeline.clips[1].fade_in == 4


def test_what_a_whole_track_has_is_named():
    timeline = read(clip(), source_range=span(2, 5))
    assert "trimmed as a whole" in whats(timeline)[0]
    track = SCHEMA.Track("V1", [clip()], kind="Video")
    track.effects.append(SCHEMA.Effect(effect_name="grain"))
    found = SCHEMA.Timeline("edit")
    found.tracks.append(track)
    assert whats(read_otio(found.to_json_string())) == [
        "track 'V1' at 00:00:00:00: the effect 'grain' would be left out"
    ]


# --- .edl -----------------------------------------------------------------------------------------


def event(number: int, source: str, record: str, *, reel="AX", track="V", kind="C") -> str:
    return f"{number:03}  {reel:8} {track:5} {kind:8} {source} {record}\n"


SECOND = "00:00:01:00 00:00:02:00"
HOUR = "10:00:00:00 10:00:01:00"


def test_a_clip_goes_by_its_reel_where_it_has_no_name():
    (one,) = read_edl(event(1, SECOND, HOUR, reel="WALK"), RATE).clips
    assert one == Clip("WALK", "V", 0, 25, Fraction(1))


def test_frame_numbers_will_do():
    (one,) = read_edl(event(1, "50 75", "0 25", reel="WALK"), RATE).clips
    assert one == Clip("WALK", "V", 0, 25, Fraction(2))


def test_a_list_begins_with_its_first_event():
    later = "10:00:02:00 10:00:03:00"
    edl = event(1, SECOND, later, track="V2") + event(2, SECOND, HOUR)
    assert sorted(clip.start for clip in read_edl(edl, RATE).clips) == [0, 50]


@pytest.mark.parametrize(
    "source, speed, first",
    [
        # As long as the record, as some editors write it, or as long as what is used of the film.
        ("00:00:01:00 00:00:02:00", "050.0", 25),
        ("00:00:01:00 00:00:03:00", "050.0", 25),
        ("00:00:01:00 00:00:02:00", "-025.0", 49),
        ("00:00:01:00 00:00:03:00", "-050.0", 74),
        ("00:00:01:00 00:00:01:00", "000.0", 25),
    ],
)
def test_speeds_of_a_list(source, speed, first):
    edl = event(1, source, HOUR) + f"M2   AX       {speed}                00:00:01:00\n"
    (one,) = read_edl(edl + "* FROM CLIP NAME: walk.mp4\n", RATE).clips
    assert one == Clip("walk", "V", 0, 25, Fraction(first, 25), Fraction(float(speed)) / 25)


def test_a_freeze_frame():
    edl = (
        event(1, "00:00:01:00 00:00:01:01", HOUR) + "* FROM CLIP NAME: walk FF\n* * FREEZE FRAME\n"
    )
    (one,) = read_edl(edl, RATE).clips
    assert one == Clip("walk", "V", 0, 25, Fraction(1), Fraction(0))


def test_the_speed_of_another_reel_is_not_a_clip_s():
    edl = event(1, SECOND, HOUR, reel="WALK") + "M2   BANK     050.0     00:00:01:00\n"
    assert read_edl(edl, RATE).clips[0].speed == 1


def test_dropped_frames_are_counted():
    """Frame 1800 is called 00:01:00;02: no minute but every tenth has numbers 0 and 1."""
    rate = Fraction(30000, 1001)
    line = event(1, "00:01:00:02 00:01:01:02", "01:00:00:00 01:00:01:00", reel="WALK")
    dropped = read_edl("FCM: DROP FRAME\n" + line, rate).clips[0]
    kept = read_edl("FCM: NON-DROP FRAME\n" + line, rate).clips[0]
    assert (dropped.first * rate, kept.first * rate) == (1800, 1802)
    assert dropped.frames == kept.frames == 30


def test_a_slug_is_a_gap():
    edl = event(1, SECOND, HOUR, reel="BL") + event(2, SECOND, "10:00:01:00 10:00:02:00", reel="A")
    assert [(clip.media, clip.start) for clip in read_edl(edl, RATE).clips] == [("A", 25)]


def test_a_wipe_of_a_list_is_named():
    nothing = "00:00:02:00 00:00:02:00", "10:00:01:00 10:00:01:00"
    edl = event(1, SECOND, HOUR, reel="A") + event(2, *nothing, reel="A")
    edl += event(2, SECOND, "10:00:01:00 10:00:02:00", reel="B", kind="W001 010")
    timeline = read_edl(edl, RATE)
    assert whats(timeline) == [
        "track 'V' at 00:00:01:00: the transition 'SMPTE_Wipe to 002' would become a cross-fade"
    ]


@pytest.mark.parametrize(
    "edl, words",
    [
        (event(1, SECOND, HOUR, kind="K B 010"), "incorrect number of fields"),
        (event(1, "00:00:01:30 00:00:02:00", HOUR), "frames beyond 24"),
        (event(1, SECOND, "10:00:00:00 10:00:02:00"), "Source and record duration don't match"),
        (event(1, SECOND, HOUR) * 2, "event 001 is a clip and the transition to the next one"),
        ("SPLIT:    AUDIO DELAY=  00:00:00:05\n", "no CMX 3600 list at 25 frames per second"),
        (
            event(1, SECOND, HOUR) + "M2   AX       fast\n",
            "the line 'M2   AX       fast' tells no speed",
        ),
    ],
)
def test_lists_that_cannot_be_read(edl, words):
    with pytest.raises(ValueError) as error:
        read_edl(edl, RATE)
    assert words in str(error.value)


# --- .kdenlive ------------------------------------------------------------------------------------

NEWEST = (TIMELINES / "kdenlive-24.12.kdenlive").read_text()


def changed(old: str, new: str, text: str = NEWEST) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize("file", KDENLIVE[2:], ids=lambda file: file.stem)
def test_a_second_opinion(file, capsys):
    """KDE's own adapter reads newer projects, too; it forgets speeds and most effects, so ours does
    not go through it. What it does read is the same."""
    text = file.read_text().replace('hide="both"', 'hide="video"')
    track = next(t for t in read_by_adapter(text).video_tracks() if len(t.find_clips()) > 1)
    assert "deprecated" in capsys.readouterr().out
    theirs = {
        (
            round(found.range_in_parent().start_time.value),
            round(found.source_range.start_time.value),
        )
        for found in track.find_clips()
        if isinstance(found.media_reference, SCHEMA.ExternalReference)
    }
    ours = read_kdenlive(text).clips
    assert theirs <= {(clip.start, clip.first * 25) for clip in ours} | {(45, 55)}
    assert len(theirs) >= 2


ENTRY = '<entry producer="chain1" in="00:00:00.000" out="00:00:00.960">'
SERVICE = '<property name="mlt_service">{}</property>'
EFFECT = f"<filter>{SERVICE}</filter>"
BANK = (
    f"{SERVICE.format('avformat-novalidate')}\n  "
    '<property name="kdenlive:id">5</property>\n </chain>'
)
PATTERN = '<property name="resource">clock.pgm</property>'
COMPOSITE = f"""<transition in="8" out="12">{SERVICE.format("composite")}
  <property name="a_track">2</property><property name="b_track">3</property></transition>"""
WRAPPED = (
    '<track producer="{dd00b816-3573-457d-b702-eb49e7ad8924}" in="00:00:00.000" '
    'out="00:00:03.160"/>'
)
# The first thing in the sequence that is no track, and in the upper track.
REST, UPPER = '<filter id="filter0">', '<track hide="audio" producer="playlist4"/>'


@pytest.mark.parametrize(
    "old, new, told",
    [
        (ENTRY, ENTRY + EFFECT.format("blur"), ", clip 'bank.mp4' at 00:00:01:00: the effect"),
        (BANK, BANK.replace("</chain>", f"<link>{SERVICE.format('timeremap')}</link></chain>"),
         ", clip 'bank.mp4' at 00:00:01:00: the speed ramp 'timeremap' would play at normal speed"),
        (BANK, BANK.replace("avformat-novalidate", "qimage"),
         ", clip 'bank.mp4' at 00:00:01:00: a picture, which would become a gap"),
        (BANK, BANK.replace("avformat-novalidate", "frei0r.plasma"),
         ", clip 'bank.mp4' at 00:00:01:00: a clip made by 'frei0r.plasma', which would"),
        ("2.000000:proxy", "1e999999999:proxy",
         ", clip '0123456789abcdef.mp4' at 00:00:02:10: a clip at a speed of '1e999999999', which"),
        (ENTRY, ENTRY.replace("chain1", "tractor3"),
         " at 00:00:01:00: a nested sequence, which would become a gap"),
        ('<property name="resource"/>', PATTERN,
         ", clip 'walk' at 00:00:01:15: the transition 'luma' would become a cross-fade"),
        (UPPER, EFFECT.format("grain") + UPPER, " at 00:00:00:00: the effect 'grain' would be"),
        (REST, EFFECT.format("grain") + REST, " at 00:00:00:00: the effect 'grain' would be"),
        (REST, COMPOSITE + REST, " at 00:00:00:08: the transition 'composite' would be left out"),
    ],
)  # fmt: skip
def test_what_no_array_can_follow_is_named_in_projects_too(old, new, told):
    words = whats(read_kdenlive(changed(old, new)))[0]
    track = {UPPER: "V2", REST: "V2" if new.startswith("<transition") else "all tracks"}
    assert words.startswith(f"track {track.get(old, 'V1')!r}{told}")


def test_what_is_switched_off_and_what_is_only_heard_is_no_problem():
    off = EFFECT.format("grain").replace(
        "</filter>", '<property name="disable">1</property></filter>'
    )
    for effect in (off, *map(EFFECT.format, ("volume", "ladspa.1197", "sox.echo"))):
        assert read_kdenlive(changed(REST, effect + REST)).problems == ()


@pytest.mark.parametrize("reverse, fades", [(0, (5, 0)), (1, (0, 5))])
def test_dissolves_between_tracks_fade_the_upper_clip(reverse, fades):
    text = changed(
        '<filter id="filter0">',
        f"""<transition in="8" out="12"><property name="mlt_service">luma</property>
        <property name="a_track">2</property><property name="b_track">3</property>
        <property name="reverse">{reverse}</property></transition><filter id="filter0">""",
    )
    timeline = read_kdenlive(text)
    upper = timeline.clips[-1]
    assert timeline.problems == () and (upper.fade_in, upper.fade_out) == fades


@pytest.mark.parametrize(
    "old, new, words",
    [
        (
            'producer="chain1" in="00:00:00.000" out="00:00:00.960"',
            'producer="x"',
            "no producer 'x'",
        ),
        ('out="00:00:00.960"', 'out="soon"', "'soon' is no time"),
        (
            'in="00:00:00.000" out="00:00:00.960"',
            'in="9" out="3"',
            "an entry ends at 3, before it b",
        ),
        ('frame_rate_den="1"', 'frame_rate_den="0"', "no profile that says the frame rate"),
        (WRAPPED, "", "its last tractor wraps nothing"),
        (REST, COMPOSITE.replace(">3<", ">9<") + REST, "a transition has no track '9'"),
        (REST, COMPOSITE.replace(">3<", ">-1<") + REST, "a transition has no track '-1'"),
        ("<mlt ", '<!DOCTYPE a [<!ENTITY b "c">]><mlt ', "no project of Kdenlive (DTDForbidden"),
    ],
)
def test_broken_projects(old, new, words):
    with pytest.raises(ValueError) as error:
        read_kdenlive(changed(old, new))
    assert words in str(error.value)
