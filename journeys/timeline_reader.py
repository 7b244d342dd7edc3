"""Timelines from the files that editors write: .otio, .edl (CMX 3600) and .kdenlive."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import opentimelineio as otio
from opentimelineio.opentime import RationalTime
from otio_cmx3600_adapter.cmx_3600 import read_from_string as read_cmx3600

from journeys.kdenlive_reader import read_kdenlive
from journeys.timeline import MOST_FRAMES, MOST_TOGETHER, Clip, Edit, Timeline, exact_rate

# Kdenlive writes about a hundred lines for a clip.
LARGEST_FILE = 30_000_000
# Of an EDL: a comment with a path in it may be long.
LONGEST_LINE = 1000
# The first of the two lines of an EDL that make one event: its number, and its record times.
FIRST_LINE = re.compile(r"^(\d+)\s.*?\s(\S+)\s+(\S+)\n(?:\D.*\n)*?\1\s", re.MULTILINE)
# What follows M2 on the line of a speed: reel, media frames per second, and where in the media.
SPEED = re.compile(r"SPEED M2\s+(?P<reel>.*?)\s*(?P<speed>-?\d+(\.\d+)?)\s+[\d:;]+")
# The line of an event, and a time in it.
EVENT = re.compile(r"^\d.*$", re.MULTILINE)
TIME = re.compile(r"\b(\d\d:\d\d:\d\d):(\d\d)\b")
TRIAL = """
import sys, opentimelineio
opentimelineio.core.deserialize_json_from_string(sys.stdin.buffer.read().decode())
"""
# Fractions as fine as this are exact for frames, and for speeds in percent.
FINEST = 1_000_000


def read_timeline(file: Path, edl_rate: float = 25) -> Timeline:
    """The timeline in an editor's file, whose kind is known by its content.

    Args:
        edl_rate: frames per second of an .edl, which does not tell; the others do.

    Raises:
        ValueError: it is none, or a broken one; the message begins with the file's name.
    """
    if file.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{file.name}: it is larger than {LARGEST_FILE // 1_000_000} MB")
    try:
        text = file.read_text(encoding="utf-8-sig")
        if re.match(r"\s*[{\[]", text):
            timeline = read_otio(text)
        elif re.match(r"\s*<", text):
            timeline = read_kdenlive(text)
        elif re.match(r"\s*(TITLE:|FCM:|\d+\s)", text):
            timeline = read_edl(text, exact_rate(edl_rate))
        else:
            raise ValueError("this is no timeline; save one as .otio, .edl or .kdenlive")
        if not timeline.clips and not timeline.problems:
            raise ValueError("no video track has a clip in it")
        if timeline.frames > MOST_FRAMES:
            raise ValueError(
                f"it is {timeline.frames} frames long, but {MOST_FRAMES} are the most; cut it in "
                "two"
            )
        if (together := sum(clip.frames for clip in timeline.clips)) > MOST_TOGETHER:
            raise ValueError(
                f"its clips last {together} frames together, but {MOST_TOGETHER} are the most; "
                "take out what is hidden behind others"
            )
    except ValueError as error:
        raise ValueError(f"{file.name}: {error}") from error
    return timeline


def read_otio(text: str) -> Timeline:
    """A timeline as OpenTimelineIO saves it; Kdenlive from 25.04 on exports these.

    Raises:
        ValueError: it is none.
    """
    # The library ends the process that reads some broken files, such as a list where an object
    # should be, so another one tries it first.
    tried = subprocess.run([sys.executable, "-c", TRIAL], input=text.encode(), capture_output=True)
    if tried.returncode:
        told = tried.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ValueError(f"this is no timeline of OpenTimelineIO ({told or 'it is broken'})")
    try:
        found = otio.core.deserialize_json_from_string(text)
        if not isinstance(found, otio.schema.Timeline):
            raise ValueError(f"there is a {type(found).__name__} in it, and no Timeline")
        edit = Edit(_rate(found))
        # Later tracks lie above earlier ones.
        for track in found.video_tracks():
            _read_track(edit, track, Fraction(0))
    except (otio.exceptions.OTIOError, LookupError, OverflowError, TypeError) as error:
        raise ValueError(f"this is no timeline of OpenTimelineIO ({error})") from error
    return edit.timeline()


def read_edl(text: str, rate: Fraction) -> Timeline:
    """A CMX 3600 edit decision list; it begins where its first event is recorded.

    Record times begin at a full hour by custom, but at which one, and whether there was to be a gap
    before the first event, a list does not say.

    Raises:
        ValueError: it is none, or one at another rate.
    """
    lines = [line.strip() for line in text.splitlines()]
    if any(len(line) > LONGEST_LINE for line in lines):
        raise ValueError(f"one of its lines has more than {LONGEST_LINE} characters")
    text = "\n".join(lines) + "\n"
    for event in FIRST_LINE.finditer(text):
        if event[2] != event[3]:
            raise ValueError(
                f"event {event[1]} is a clip and the transition to the next one; give the clip an "
                "event of its own"
            )
    # The adapter does not read which way of counting is in use.
    if re.search(r"^FCM:\s*DROP FRAME", text, re.MULTILINE):
        text = EVENT.sub(lambda line: TIME.sub(r"\1;\2", line[0]), text)
    # It forgets some speeds, but keeps comments that it does not know.
    text = re.sub(r"^(M2\s.*)$", r"\1\n* SPEED \1", text, flags=re.MULTILINE)
    try:
        tracks = read_cmx3600(text, rate=float(rate)).video_tracks()
    except (otio.exceptions.OTIOError, ValueError, LookupError, AttributeError) as error:
        raise ValueError(
            f"this is no CMX 3600 list at {float(rate):g} frames per second ({error})"
        ) from error
    # Where the first event of a track is recorded, the adapter tells by a range that begins there
    # below 0.
    starts = [-_seconds(t.source_range.start_time) if t.source_range else 0 for t in tracks]
    edit = Edit(rate)
    for track, start in zip(tracks, starts, strict=True):
        track.source_range = None
        for clip in track.find_clips():
            _mend_speed(clip, rate)
        _read_track(edit, track, Fraction(start - min(starts)))
    return edit.timeline()


def _mend_speed(clip: otio.schema.Clip, rate: Fraction) -> None:
    """Give a clip of an EDL the speed that its line says.

    The adapter notes a speed where source and record last differently long, and makes the source as
    long as the record. Some editors' lists have them equally long whatever the speed.
    """
    notes = clip.metadata.get("cmx_3600", {})
    lines = [comment for comment in notes.get("comments", []) if comment.startswith("SPEED M2")]
    told = [SPEED.fullmatch(line) for line in lines]
    if None in told:
        line = lines[told.index(None)].removeprefix("SPEED ")
        raise ValueError(f"the line {line!r} tells no speed; write M2, a reel, a speed and a time")
    speeds = [match["speed"] for match in told if match["reel"] == notes.get("reel", "AX")]
    if not speeds:
        return
    speed, shown = float(Fraction(speeds[-1]) / rate), clip.source_range
    if speed < 0 and clip.effects:
        # It begins at the end of its source, which is this much further on.
        begin = shown.start_time + RationalTime(
            (-speed - 1) * shown.duration.value, shown.duration.rate
        )
        clip.source_range = otio.opentime.TimeRange(begin, shown.duration)
    clip.effects[:] = [otio.schema.LinearTimeWarp(time_scalar=speed)]


# --- what both of them are made of ----------------------------------------------------------------


def _rate(found: otio.schema.Timeline) -> Fraction:
    """Frames per second of a timeline: if it does not say, what most of its times are given in."""
    if found.global_start_time is not None:
        return exact_rate(found.global_start_time.rate)
    items = [item for track in found.video_tracks() for item in track]
    rates = Counter(item.duration().rate for item in items)
    return exact_rate(rates.most_common(1)[0][0] if rates else 25)


def _read_track(edit: Edit, track: otio.schema.Track, time: Fraction) -> None:
    """Collect the clips of a track that begins at a second of the timeline."""
    if not track.enabled:
        return
    for effect in filter(_is_on, track.effects):
        edit.problem(track.name, 0, "", f"the effect {_name(effect)!r} would be left out")
    if track.source_range not in (None, track.available_range()):
        edit.problem(track.name, 0, "", "the track is trimmed as a whole and would play untrimmed")
    # With what stands on both sides of each item, nothing at the ends.
    items = [None, *track, None, None]
    for before, item, after, beyond in zip(items, items[1:], items[2:], items[3:], strict=False):
        if isinstance(item, otio.schema.Transition):
            if item.transition_type != otio.schema.TransitionTypes.SMPTE_Dissolve:
                what = f"the transition {_name(item)!r} would become a cross-fade"
                edit.problem(track.name, round(time * edit.rate), "", what)
            continue
        place = _Place(time, time + _seconds(item.duration()), before, after, beyond)
        if isinstance(item, otio.schema.Clip) and item.enabled:
            _read_clip(edit, track, item, place)
        elif isinstance(item, otio.core.Composition) and item.enabled:
            what = "a nested sequence, which would become a gap"
            edit.problem(track.name, round(time * edit.rate), item.name, what)
        time = place.end


@dataclass(frozen=True)
class _Place:
    """Where an item is on the timeline, in seconds, and what stands beside it."""

    begin: Fraction
    end: Fraction
    before: otio.core.Composable | None
    after: otio.core.Composable | None
    beyond: otio.core.Composable | None

    def clip(self, edit: Edit, track: str, media: str, first: Fraction, speed: Fraction) -> Clip:
        """The clip that is here, longer by its parts in the transitions at its ends.

        Of two clips the second fades in on top of the first. Where no clip follows, the first
        fades out.
        """
        lead, fade_in = _offsets(self.before)
        fade_out, tail = _offsets(self.after)
        start = round((self.begin - lead) * edit.rate)
        end = round((self.end + tail) * edit.rate)
        begins = first + speed * (start / edit.rate - self.begin)
        fades_out = not isinstance(self.beyond, otio.schema.Clip)
        return Clip(
            media,
            track,
            start,
            end - start,
            begins,
            speed,
            round((lead + fade_in) * edit.rate),
            round((fade_out + tail) * edit.rate) * fades_out,
        )


def _offsets(neighbour: otio.core.Composable | None) -> tuple[Fraction, Fraction]:
    """Seconds that a transition takes before and after its cut; none beside anything else."""
    if not isinstance(neighbour, otio.schema.Transition):
        return Fraction(0), Fraction(0)
    return _seconds(neighbour.in_offset), _seconds(neighbour.out_offset)


def _read_clip(edit: Edit, track: otio.schema.Track, clip: otio.schema.Clip, place: _Place) -> None:
    """Collect a clip, or say why there would be a gap."""
    frame = round(place.begin * edit.rate)
    file, kind = _source(clip)
    if kind:
        edit.problem(track.name, frame, clip.name, f"{kind}, which would become a gap")
    if not file:
        return
    speed = _speed(edit, track, clip, frame)
    trim = clip.trimmed_range()
    begin = trim.end_time_inclusive() if speed < 0 else trim.start_time
    first = _seconds(begin) - _media_start(clip)
    shown = place.clip(edit, track.name, edit.media(file), first, speed)
    edit.clips += [shown] * (shown.frames > 0)


def _source(clip: otio.schema.Clip) -> tuple[str, str]:
    """The file that a clip shows, and what else it shows in words; a black clip shows nothing."""
    reference = clip.media_reference
    if isinstance(reference, otio.schema.ExternalReference):
        parts = urlsplit(reference.target_url)
        # A drive's letter is no scheme.
        local = len(parts.scheme) < 2
        return reference.target_url if local else unquote(parts.path), ""
    if isinstance(reference, otio.schema.GeneratorReference):
        kind = reference.generator_kind
        return "", "" if kind == "black" else f"a picture made by the editor ({kind})"
    if isinstance(reference, otio.schema.ImageSequenceReference):
        return "", "a sequence of pictures"
    # An event of an EDL goes by its number where it has no other name.
    reel = clip.metadata.get("cmx_3600", {}).get("reel", "")
    return reel if reel and clip.name.isdigit() else clip.name, ""


def _media_start(clip: otio.schema.Clip) -> Fraction:
    """The second at which the clock of a clip's media starts; some cameras' runs for days."""
    known = clip.media_reference and clip.media_reference.available_range
    # Editors write a rate of 0 for pictures.
    if (
        known is None
        or known.start_time.rate <= 0
        or known.start_time > clip.trimmed_range().start_time
    ):
        return Fraction(0)
    return _seconds(known.start_time)


def _speed(edit: Edit, track: otio.schema.Track, clip: otio.schema.Clip, frame: int) -> Fraction:
    """Seconds of media per second of timeline."""
    speed = Fraction(1)
    for effect in filter(_is_on, clip.effects):
        if isinstance(effect, otio.schema.LinearTimeWarp):
            speed *= Fraction(effect.time_scalar).limit_denominator(FINEST)
        elif isinstance(effect, otio.schema.TimeEffect):
            what = f"the speed ramp {_name(effect)!r} would play at normal speed"
            edit.problem(track.name, frame, clip.name, what)
        else:
            what = f"the effect {_name(effect)!r} would be left out"
            edit.problem(track.name, frame, clip.name, what)
    return speed


def _is_on(effect: otio.schema.Effect) -> bool:
    return effect.enabled


def _name(thing: otio.schema.Effect | otio.schema.Transition) -> str:
    """What an effect or a transition is called."""
    kind = getattr(thing, "effect_name", "") or getattr(thing, "transition_type", "")
    return thing.name or kind


def _seconds(time: RationalTime) -> Fraction:
    """A time, exactly."""
    return Fraction(time.value).limit_denominator(FINEST) / exact_rate(time.rate)
