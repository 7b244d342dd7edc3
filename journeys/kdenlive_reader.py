"""Timelines from Kdenlive's project files of all generations, which are MLT's XML.

What is known of the format is from MLT's documentation (mltframework.org/docs/mltxml), Kdenlive's
own of its files (dev-docs/fileformat.md, CC0), and projects that Kdenlive saved. What a number
means to MLT was measured with melt 7.12, and tests/test_melt.py measures it again.

* A track is a playlist of entries and blanks, up to 17.08; since 19.04 it is a tractor with two
  playlists, so that clips of one track can overlap while they are mixed. A tractor stacks tracks.
* The last tractor is the timeline; since 23.04 it only wraps the sequence that was open last.
* The `in` and `out` of an entry count the project's frames from the `in` of its producer, and `out`
  is the last frame that is seen.
* A speed is a producer of its own: `timewarp`, whose resource is `2:walk.mp4`, or `-2:walk.mp4`
  backwards from its `out`; before 2019 `framebuffer`, whose resource is `walk.mp4?2`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from journeys.timeline import Clip, Edit, Timeline

# Kdenlive before 19.04 used a prefix in the names of attributes without declaring it.
PREFIX = ("xmlns:kdenlive", '<mlt xmlns:kdenlive="http://www.kdenlive.org/project"')
# The mark of what Kdenlive adds by itself, such as the mixing of all sound.
INTERNAL = "237"
# Whatever a track or an entry can show. Kdenlive up to 0.9 gave their ids to other things, too.
KINDS = ("producer", "chain", "playlist", "tractor")
FILMS = ("avformat", "avformat-novalidate")
# What may stand where a film could, by MLT's service.
OTHERS = {
    "color": "a colour",
    "colour": "a colour",
    "kdenlivetitle": "a title",
    "pixbuf": "a picture",
    "qimage": "a picture",
    "xml": "a nested sequence",
    "xml-nogl": "a nested sequence",
}
# Services that change sound alone.
SOUND = re.compile(r"(audio\w*|channelcopy|ladspa|loudness|mix|mono|panner|sox|volume)(\.|$)")
CLOCK = re.compile(r"(\d+):(\d+):(\d+)[.,](\d+)")
SPEED = re.compile(r"-?\d{1,9}([.,]\d{1,9})?")
SMPTE = re.compile(r"(\d+):(\d+):(\d+)[:;](\d+)")


def read_kdenlive(text: str) -> Timeline:
    """The timeline of a project of Kdenlive; of several sequences the one that was open last.

    Raises:
        ValueError: it is none.
    """
    root = _parsed(text)
    known = {element.get("id"): element for kind in KINDS for element in root.iter(kind)}
    project = _Project(known, _rate(root))
    tractors = root.findall("tractor")
    if not tractors:
        raise ValueError("there is no timeline in it")
    sequence = tractors[-1]
    if _property(sequence, "kdenlive:projectTractor") == "1":
        wrapped = sequence.find("track")
        if wrapped is None:
            raise ValueError("it is broken: its last tractor wraps nothing")
        sequence = project.producer(wrapped)
    project.read(sequence)
    return project.edit.timeline()


def _parsed(text: str) -> Element:
    name, declared = PREFIX
    if name not in text:
        text = text.replace("<mlt", declared, 1)
    try:
        root = fromstring(text, forbid_dtd=True)
    except (DefusedXmlException, ParseError, RecursionError, ValueError) as error:
        raise ValueError(f"this is no project of Kdenlive ({error})") from error
    if root.tag != "mlt":
        raise ValueError(f"this is no project of Kdenlive, but a file of <{root.tag}>")
    return root


def _rate(root: Element) -> Fraction:
    profile = root.find("profile")
    try:
        return Fraction(int(profile.get("frame_rate_num")), int(profile.get("frame_rate_den", "1")))
    except (AttributeError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ValueError("it has no profile that says the frame rate") from error


class _Project:
    """A project on its way to become an edit."""

    def __init__(self, known: dict[str, Element], rate: Fraction):
        self.known = known
        self.edit = Edit(rate)

    def producer(self, user: Element) -> Element:
        """What an entry or a track shows."""
        name = user.get("producer")
        if name not in self.known:
            raise ValueError(f"it is broken: there is no producer {name!r}")
        return self.known[name]

    def read(self, sequence: Element) -> None:
        """Collect what is seen of a stack of tracks, the lowest of which comes first."""
        layers, videos = [], 0
        for track in sequence.iter("track"):
            videos += self._is_video(track)
            # Kdenlive calls a track V1 and so on until somebody gives it a name.
            layers.append(self._track(track, f"V{videos}") if self._is_video(track) else [])
        self._effects(sequence, "all tracks")
        for transition in filter(_is_on, sequence.findall("transition")):
            self._dissolve(transition, layers)
        self.edit.clips = [clip for layer in layers for clip in layer]

    def _is_video(self, track: Element) -> bool:
        """Whether pictures of a track are seen; the black one below all others has none."""
        shown = self.producer(track)
        return (
            not _is_hidden(track)
            and shown.tag in ("playlist", "tractor")
            and shown.get("id") != "black_track"
            and _property(shown, "kdenlive:audio_track") != "1"
        )

    def _track(self, track: Element, name: str) -> list[Clip]:
        """The clips of a track, which is a playlist or a tractor with two of them."""
        shown = self.producer(track)
        playlists = [shown]
        if shown.tag == "tractor":
            parts = [part for part in shown.iter("track") if not _is_hidden(part)]
            playlists = [self.producer(part) for part in parts]
            self._effects(shown, name)
        name = _property(shown, "kdenlive:track_name") or name
        clips = []
        for playlist in playlists:
            self._effects(playlist, name)
            clips += self._playlist(playlist, name)
        clips.sort(key=lambda clip: (clip.start, clip.end))
        starts = {clip.start: number for number, clip in enumerate(clips)}
        for mix in filter(_is_on, shown.findall("transition")):
            number = starts.get(self._frame(mix.get("in"), 0), 0)
            if number:
                self._mix(mix, clips, number)
        return clips

    def _effects(self, holder: Element, track: str, frame: int = 0, clip: str = "") -> None:
        for effect in filter(_is_on, holder.findall("filter")):
            what = f"the effect {_name(effect)!r} would be left out"
            self.edit.problem(track, frame, clip, what)

    def _playlist(self, playlist: Element, track: str) -> Iterator[Clip]:
        start = 0
        for item in playlist:
            if item.tag == "blank":
                start += self._frame(item.get("length"), 0)
            elif item.tag == "entry":
                clip = self._entry(item, track, start)
                start += self._span(item)[1]
                if clip:
                    yield clip

    def _span(self, entry: Element) -> tuple[int, int]:
        """The frame of its producer at which an entry begins, and how many it shows."""
        first, last = self._ends(self.producer(entry))
        begin = self._frame(entry.get("in"), 0)
        # MLT cuts off what the producer does not have.
        end = min(self._frame(entry.get("out"), last - first), last - first)
        if end < begin:
            raise ValueError(f"it is broken: an entry ends at {end}, before it begins at {begin}")
        return first + begin, end - begin + 1

    def _ends(self, producer: Element) -> tuple[int, int]:
        """The first and the last frame of a producer."""
        length = self._frame(_property(producer, "length"), 0)
        return (
            self._frame(producer.get("in"), 0),
            self._frame(producer.get("out"), max(length - 1, 0)),
        )

    def _entry(self, entry: Element, track: str, start: int) -> Clip | None:
        """A clip, or nothing where there would be a gap."""
        producer, (first, frames) = self.producer(entry), self._span(entry)
        file, speed, kind = _source(producer)
        name = PurePosixPath(file).name or _property(producer, "kdenlive:clipname")
        for holder in (producer, entry):
            self._effects(holder, track, start, name)
        for link in producer.iter("link"):
            ramp = _property(link, "mlt_service") or link.get("mlt_service")
            what = f"the speed ramp {ramp!r} would play at normal speed"
            self.edit.problem(track, start, name, what)
        if kind:
            self.edit.problem(track, start, name, f"{kind}, which would become a gap")
            return None
        if speed < 0:
            first -= self._ends(producer)[1]
        media = self.edit.media(file)
        return Clip(media, track, start, frames, first * speed / self.edit.rate, speed)

    def _mix(self, mix: Element, clips: list[Clip], number: int) -> None:
        """Let a clip fade in on top of the one that began before it on the same track.

        MLT mixes two playlists, of which either may have the earlier clip.
        """
        before, clip = clips[number - 1 : number + 1]
        if clip.start < before.end <= clip.end:
            clips[number] = replace(clip, fade_in=before.end - clip.start)
            if _is_wipe(mix):
                what = f"the transition {_name(mix)!r} would become a cross-fade"
                self.edit.problem(clip.track, clip.start, clip.media, what)

    def _dissolve(self, transition: Element, layers: list[list[Clip]]) -> None:
        """Let the clip of an upper track fade in or out on top of a lower one.

        Before 20.12, clips of one track could not be mixed, and this was the way to cross-fade.
        """
        begin = self._frame(transition.get("in"), 0)
        frames = self._frame(transition.get("out"), begin) - begin + 1
        number = _property(transition, "b_track")
        if not re.fullmatch("[0-9]{1,4}", number) or int(number) >= len(layers):
            raise ValueError(f"it is broken: a transition has no track {number!r}")
        upper = layers[int(number)]
        fades_out = _property(transition, "reverse") == "1"
        for place, clip in enumerate(upper):
            end = clip.end - frames if fades_out else clip.start
            if end == begin and not _is_wipe(transition):
                fade = {"fade_out" if fades_out else "fade_in": frames}
                upper[place] = replace(clip, **fade)
                return
        what = f"the transition {_name(transition)!r} would be left out"
        self.edit.problem(upper[0].track if upper else "?", begin, "", what)

    def _frame(self, time: str | None, absent: int) -> int:
        """A time of MLT, counted in frames: `12`, `00:00:00.480` or `00:00:00:12`."""
        if not time:
            return absent
        if time.isascii() and time.isdigit():
            return int(time)
        if clock := CLOCK.fullmatch(time):
            hours, minutes, seconds, part = clock.groups()
            whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
            return round((whole + Fraction(f"0.{part}")) * self.edit.rate)
        if smpte := SMPTE.fullmatch(time):
            hours, minutes, seconds, frames = map(int, smpte.groups())
            return (hours * 3600 + minutes * 60 + seconds) * round(self.edit.rate) + frames
        raise ValueError(f"it is broken: {time!r} is no time")


def _source(producer: Element) -> tuple[str, Fraction, str]:
    """The film that a producer shows and its speed, or what it shows instead in words."""
    service, file = _property(producer, "mlt_service"), _property(producer, "resource")
    speed = "1"
    if producer.tag in ("tractor", "playlist"):
        return file, Fraction(1), "a nested sequence"
    if service == "timewarp":
        speed, _, file = file.partition(":")
    elif service == "framebuffer":
        file, _, speed = file.rpartition("?")
    elif service not in FILMS:
        return file, Fraction(1), OTHERS.get(service, f"a clip made by {service!r}")
    if not SPEED.fullmatch(speed):
        return file, Fraction(1), f"a clip at a speed of {speed!r:.40}"
    factor = Fraction(speed.replace(",", "."))
    if service == "framebuffer" and factor < 0:
        # Where it begins depends on more than the project says.
        return file, factor, "a clip played backwards by an old slow motion"
    # Where an editor shows a smaller copy, it notes the file itself.
    original = _property(producer, "kdenlive:originalurl")
    return original.removeprefix(f"{speed}:") or file, factor, ""


def _is_hidden(track: Element) -> bool:
    """Whether pictures of a track are switched off."""
    return track.get("hide") in ("video", "both")


def _is_on(effect: Element) -> bool:
    """Whether a filter or a transition changes pictures, and a person wanted it."""
    return (
        _property(effect, "disable") != "1"
        and _property(effect, "internal_added") != INTERNAL
        and not SOUND.match(_property(effect, "mlt_service"))
    )


def _is_wipe(transition: Element) -> bool:
    """Whether a transition is more than a dissolve, which is a luma without a pattern."""
    return _property(transition, "mlt_service") != "luma" or bool(_property(transition, "resource"))


def _name(thing: Element) -> str:
    """What an effect or a transition is called."""
    return _property(thing, "kdenlive_id") or _property(thing, "mlt_service")


def _property(element: Element, name: str) -> str:
    """The value of a property, blank where there is none."""
    return element.findtext(f"property[@name='{name}']", "").strip()
