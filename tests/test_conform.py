"""Edits applied to arrays whose rows have their number written in them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from journeys.conform import GAPS, conform, frames, problems, shots
from journeys.sequence import ZSequence
from journeys.timeline import Clip, Problem, Timeline
from journeys.timeline_reader import read_timeline
from tests.edits import (
    BANK,
    FADE,
    FADED,
    FILES,
    FROM,
    GAP,
    RATE,
    SEQUENCES,
    WALK,
    expected,
    numbered,
)

SPEED = Fraction(1)


def clip(media: str, start: int, frames: int, row: Fraction | int = 0, speed=SPEED, **more) -> Clip:
    return Clip(media, "V1", start, frames, row / RATE, Fraction(speed), **more)


def numbers(*clips: Clip, gaps="hold", rate=RATE, sequences=SEQUENCES) -> list[float]:
    """The row numbers that a conformed edit has."""
    return conform(Timeline(rate, clips), sequences, gaps).rows[:, 0].tolist()


def on_a_sphere(*angles: float, geometry="sphere", radius: float = 2) -> ZSequence:
    """Rows in a plane, by their angle in degrees."""
    turns = np.radians(angles)
    rows = radius * np.stack([np.cos(turns), np.sin(turns), 0 * turns], axis=1)
    return ZSequence(rows.astype(np.float32), "embedding", geometry, radius, RATE, 3, "pocket")


def degrees(sequence: ZSequence) -> list[float]:
    return np.degrees(np.arctan2(sequence.rows[:, 1], sequence.rows[:, 0])).round(3).tolist()


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_editor_s_file_makes_the_same_rows(file, gaps):
    rows: list = [
        None if shot is None else SEQUENCES[shot[0]].rows[shot[1]].astype(float)
        for shot in expected()
    ]
    for step in range(FADED):
        below, part = SEQUENCES["bank"].rows[FROM + step].astype(float), (step + 1) / (FADED + 1)
        rows[FADE + step] = (1 - part) * below + part * rows[FADE + step]
    before, after, n = rows[GAP.start - 1], rows[GAP.stop], GAP.stop - GAP.start
    rows[GAP] = {
        "hold": [before] * n,
        "bridge": [before + (after - before) * (k + 1) / (n + 1) for k in range(n)],
        "zero": [0 * before] * n,
        "drop": [],
    }[gaps]
    timeline = read_timeline(file)
    assert problems(timeline, SEQUENCES) == []
    made = conform(timeline, SEQUENCES, gaps)
    assert len(made.rows) in (len(rows), len(rows) - 10)
    np.testing.assert_allclose(made.rows, rows[: len(made.rows)], atol=1e-5)
    # Where nothing is mixed, not a bit is lost.
    cut = slice(0, GAP.start)
    assert made.rows[cut].tolist() == np.array(rows[cut]).tolist()


def test_what_the_result_is():
    walk = on_a_sphere(0, 10, 20, 30)
    timeline = Timeline(Fraction(24000, 1001), (clip("walk", 0, 3),))
    made = conform(timeline, {"walk": walk})
    assert made.fps == Fraction(24000, 1001)
    fields = ("space", "geometry", "radius", "encoder")
    assert [getattr(made, f) for f in fields] == [getattr(walk, f) for f in fields]
    assert made.seed is None and made.rows.dtype == np.float32


def test_trims_joins_and_repeats():
    assert numbers(clip("walk", 0, 3, 7), clip("walk", 3, 2, 90), clip("walk", 5, 3, 7)) == [
        7, 8, 9, 90, 91, 7, 8, 9,
    ]  # fmt: skip


def test_topmost_wins():
    assert numbers(clip("walk", 0, 6), clip("bank", 2, 2, 50)) == [0, 1, 50, 51, 4, 5]


def test_speeds():
    assert numbers(clip("walk", 0, 4, 10, 2)) == [10, 12, 14, 16]
    assert numbers(clip("walk", 0, 5, 10, Fraction(1, 2))) == [10, 10.5, 11, 11.5, 12]
    assert numbers(clip("walk", 0, 3, 10, -1)) == [10, 9, 8]
    assert numbers(clip("walk", 0, 3, 10, 0)) == [10, 10, 10]


def test_a_project_s_rate_is_not_the_media_s():
    """Two of 50 frames per second are one of 25; of 30, five are six."""
    assert numbers(clip("walk", 0, 4, 10), rate=Fraction(50)) == [10, 10.5, 11, 11.5]
    made = numbers(clip("walk", 0, 7, 10), rate=Fraction(30))
    np.testing.assert_allclose(made, [10 + k * 5 / 6 for k in range(7)], atol=1e-5)
    # And of two sources with rates of their own.
    fast = SEQUENCES | {"bank": numbered(BANK, 1, Fraction(50))}
    assert numbers(clip("walk", 0, 2), clip("bank", 2, 3), sequences=fast) == [0, 1, 0, 2, 4]


def test_beyond_the_ends_the_last_row_stays():
    assert numbers(clip("walk", 0, 3, WALK - 1 - Fraction(1, 2), Fraction(1, 2))) == [98.5, 99, 99]


def test_on_a_sphere_all_that_is_between_is_on_great_circles():
    walk, bank = on_a_sphere(0, 40, 80), on_a_sphere(90, 90, 90)
    slow = Timeline(RATE, (clip("walk", 0, 5, 0, Fraction(1, 2)),))
    made = conform(slow, {"walk": walk})
    assert degrees(made) == [0, 20, 40, 60, 80]
    np.testing.assert_allclose(np.linalg.norm(made.rows, axis=1), 2, rtol=1e-6)
    fade = Timeline(RATE, (clip("walk", 0, 3), clip("bank", 0, 3, fade_in=3)))
    # A quarter, a half and three quarters of the ways from 0, 40 and 80 to 90.
    assert degrees(conform(fade, {"walk": walk, "bank": bank})) == [22.5, 65, 87.5]
    gap = Timeline(RATE, (clip("walk", 0, 1), clip("bank", 3, 1)))
    assert degrees(conform(gap, {"walk": walk, "bank": bank}, "bridge")) == [0, 30, 60, 90]


def test_of_a_gaussian_lengths_are_blended_too():
    near, far = on_a_sphere(0, 0, geometry="gaussian"), on_a_sphere(90, 90, geometry="gaussian")
    far = replace(far, rows=far.rows * 3)
    fade = Timeline(RATE, (clip("a", 0, 1), clip("b", 0, 1, fade_in=1)))
    made = conform(fade, {"a": near, "b": far})
    assert degrees(made) == [45]
    assert np.linalg.norm(made.rows[0]) == pytest.approx(4)


def test_a_cross_fade_played_backwards_is_the_same_the_other_way_round():
    forth = numbers(clip("walk", 0, 9), clip("bank", 4, 9, 20, fade_in=5))
    back = numbers(clip("bank", 0, 9, 28, -1), clip("walk", 4, 9, 8, -1, fade_in=5))
    assert forth[::-1] == pytest.approx(back)


def test_a_fade_out_lets_through_what_is_below():
    made = numbers(clip("walk", 0, 6, 10), clip("bank", 0, 4, 50, fade_out=3))
    assert made == pytest.approx([50, 51 - 10, 52 - 20, 53 - 30, 14, 15])


def test_three_can_be_mixed():
    third = clip("bank", 0, 1, 40, fade_in=1)
    assert numbers(clip("walk", 0, 1, 0), clip("walk", 0, 1, 16, fade_in=1), third) == [24]


def test_gaps_at_the_beginning_have_only_what_follows():
    late = [clip("walk", 2, 2, 5)]
    assert numbers(*late, gaps="hold") == numbers(*late, gaps="bridge") == [5, 5, 5, 6]
    assert numbers(*late, gaps="zero") == [0, 0, 5, 6]
    assert numbers(*late, gaps="drop") == [5, 6]


def test_rows_and_pictures_are_the_same_frames():
    """The same function conforms whatever can be looked at and mixed."""
    timeline = read_timeline(FILES[0])
    table = shots(timeline, SEQUENCES)
    made = frames(table, "bridge", lambda media, at: {media: float(at * RATE)}, mixed, {})
    rows = conform(timeline, SEQUENCES, "bridge").rows
    assert [sum(x.values()) for x in made] == pytest.approx(rows[:, 0].tolist(), abs=1e-5)


def mixed(a: dict, b: dict, part: float) -> dict:
    """Of two, what each one adds to the mean."""
    parts = ((a, 1 - part), (b, part))
    return {x: sum(c.get(x, 0) * p for c, p in parts) for x in {*a, *b}}


# --- what cannot be -------------------------------------------------------------------------------


def told(*clips: Clip, problem: tuple[Problem, ...] = (), **sequences) -> list[str]:
    timeline = Timeline(RATE, clips, problem)
    return [found.told(RATE) for found in problems(timeline, SEQUENCES | sequences)]


def test_media_that_are_missing_are_named_once_and_would_be_gaps():
    clips = clip("walk", 0, 2), clip("logo", 2, 2), clip("logo", 4, 1), clip("walk", 5, 1, 7)
    assert told(*clips) == [
        "track 'V1', clip 'logo' at 00:00:00:02: there is no z-sequence 'logo', and a gap would be "
        "in its place"
    ]
    assert numbers(*clips) == [0, 1, 1, 1, 1, 7]
    assert numbers(*clips, clip("logo", 6, 3)) == [0, 1, 1, 1, 1, 7]


@pytest.mark.parametrize(
    "shown, row",
    [
        (clip("walk", 0, 2, 99), 100),
        (clip("walk", 0, 2, 0, -1), -1),
        (clip("walk", 0, 9, 300), 300),
    ],
)
def test_clips_that_show_more_than_there_is(shown, row):
    (words,) = told(shown)
    assert words == (
        f"track 'V1', clip 'walk' at 00:00:00:00: it shows frame {row} of 100, and the nearest one "
        "would stay"
    )


def test_less_than_a_frame_too_far_is_how_projects_round():
    assert told(clip("walk", 0, 200, 0, Fraction(1, 2))) == []
    assert told(clip("walk", 0, 200, 99 + Fraction(1, 2), Fraction(-1, 2))) == []


def test_fades_with_nothing_below_them():
    words = ["it fades where nothing is below it, and would be there at once"]
    for alone in (clip("walk", 0, 5, fade_in=3), clip("walk", 0, 5, fade_out=1)):
        assert [one.rpartition(": ")[2] for one in told(alone)] == words
        assert numbers(alone) == [0, 1, 2, 3, 4]
    # Something is below it for a part of the fade only.
    assert len(told(clip("bank", 0, 2), clip("walk", 0, 5, fade_in=3))) == 1
    assert told(clip("bank", 0, 3), clip("walk", 0, 5, fade_in=3)) == []


def test_problems_come_as_they_do_on_the_timeline():
    late = Problem("V2", 9, "", "late")
    found = told(clip("logo", 3, 1), clip("walk", 0, 5, 97), problem=(late,))
    assert [words.partition(" at ")[2][:11] for words in found] == [
        "00:00:00:00",
        "00:00:00:03",
        "00:00:00:09",
    ]


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("space", "drawing", "the space of walk is numbers and that of bank is drawing; conform"),
        ("encoder", "pocket", "the encoder of walk is None and that of bank is pocket"),
        ("rows", np.ones((BANK, 3), np.float32), "the dim of walk is 2 and that of bank is 3"),
    ],
)
def test_trajectories_of_different_spaces_do_not_mix(field, value, words):
    bank = replace(SEQUENCES["bank"], **{field: value})
    timeline = Timeline(RATE, (clip("walk", 0, 1), clip("bank", 1, 1)))
    with pytest.raises(ValueError, match=words):
        conform(timeline, SEQUENCES | {"bank": bank})
    # One that is not seen does not matter.
    assert numbers(clip("walk", 0, 1), sequences=SEQUENCES | {"bank": bank}) == [0]


def test_what_cannot_be_conformed_at_all():
    with pytest.raises(ValueError, match="no clip of the timeline shows a z-sequence, so there is"):
        numbers(clip("logo", 0, 1))
    with pytest.raises(
        ValueError, match="gaps: 'black' is unknown; choose one of hold, bridge, ze"
    ):
        numbers(clip("walk", 0, 1), gaps="black")
    with pytest.raises(ValueError, match="gaps: zero is no point of a sphere; choose hold, bridge"):
        conform(Timeline(RATE, (clip("walk", 0, 1),)), {"walk": on_a_sphere(0)}, "zero")
    opposite = Timeline(RATE, (clip("a", 0, 1), clip("a", 0, 1, 1, fade_in=1)))
    with pytest.raises(ValueError, match="row 0 of the result: .* right across the sphere"):
        conform(opposite, {"a": on_a_sphere(0, 180)})
