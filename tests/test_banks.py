"""Banks: samples, what of them is kept, and journeys between those."""

import numpy as np
import pytest

from journeys import banks


def luck(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def lengths(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows, axis=1)


def test_samples_lie_everywhere_on_the_sphere_alike():
    rows = banks.samples(4000, 8, 2.0, luck())
    assert np.allclose(lengths(rows), 2)
    # A coordinate of a sphere's samples has the variance radius^2 / dim = 1/2, and so its mean over
    # 4000 of them a deviation of 0.011.
    assert np.abs(rows.mean(0)).max() < 4 * 0.011
    assert np.allclose(np.cov(rows.T), np.eye(8) / 2, atol=0.05)
    assert np.array_equal(rows, banks.samples(4000, 8, 2.0, luck()))


def test_samples_around_take_turns():
    centres = banks.samples(3, 64, 1.0, luck())
    rows = banks.samples_around(centres, 0.6, 7, luck(1))
    cosines = rows @ centres.T
    assert np.allclose(lengths(rows), 1)
    assert np.allclose(cosines[range(7), [0, 1, 2, 0, 1, 2, 0]], 0.8)
    assert (cosines.argmax(1) == [0, 1, 2, 0, 1, 2, 0]).all()


def test_keyframes_are_what_is_held_each_once():
    a, b, c = banks.samples(3, 5, 1.0, luck())
    fade = (a + b) / 2
    rows = np.stack([a, a, a, fade, b, b, a, a, c, b + 1e-9, b])
    assert np.array_equal(banks.keyframes(rows), np.stack([a, b]))


def test_where_nothing_is_held_every_row_is_a_keyframe():
    rows = banks.samples(4, 5, 1.0, luck())
    assert np.array_equal(banks.keyframes(rows), rows)
    assert np.array_equal(banks.keyframes(rows[:1]), rows[:1])


@pytest.mark.parametrize(
    ("keep", "drop", "left"),
    [
        ("", "", [0, 1, 2, 3, 4, 5]),
        ("2", "", [1]),
        ("6, 2 - 3,", "", [1, 2, 5]),
        ("", "1, 3–5", [1, 5]),
        ("1-4", "2,2", [0, 2, 3]),
    ],
)
def test_some_are_kept_and_some_are_dropped(keep, drop, left):
    assert banks.chosen(6, keep, drop) == left


@pytest.mark.parametrize(
    ("keep", "drop", "words"),
    [
        ("two", "", "keep: 'two' is no number; write such as '3, 7-9'"),
        ("", "0", "drop: there is no 0; the bank has the numbers 1 to 6"),
        ("5-7", "", "keep: there is no 5-7; the bank has the numbers 1 to 6"),
        ("5-4", "", "keep: there is no 5-4"),
        ("3", "1-6", "drop: nothing is left of the bank; drop less, or keep more"),
        ("9" * 5000, "", "keep: '9999"),
    ],
)
def test_numbers_that_there_are_not_are_refused(keep, drop, words):
    with pytest.raises(ValueError) as error:
        banks.chosen(6, keep, drop)
    assert str(error.value).startswith(words) and len(str(error.value)) < 100


def test_hundreds_of_journeys_between_two_or_three():
    keys = banks.samples(12, 16, 3.0, luck())
    made = banks.short_journeys(keys, 300, 4, "tangent", 0.5, luck(1))
    assert len({tuple(stops) for stops, _ in made}) == 300
    counts = [len(stops) for stops, _ in made]
    # Two or three with even chances, but there are only 132 pairs.
    assert set(counts) == {2, 3} and 100 <= counts.count(2) <= 132
    assert {stop for stops, _ in made for stop in stops} == {*range(12)}
    for stops, rows in made:
        assert len(rows) == 4 * (len(stops) - 1) + 1
        assert np.allclose(rows[::4], keys[stops]) and lengths(rows).min() > 2.5
    again = banks.short_journeys(keys, 300, 4, "tangent", 0.5, luck(1))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(made, again, strict=True))


def test_two_keyframes_have_two_journeys_and_then_the_same_again():
    keys = banks.samples(2, 5, 1.0, luck())
    made = banks.short_journeys(keys, 5, 2, "linear", 0.5, luck(1))
    assert {tuple(stops) for stops, _ in made} == {(0, 1), (1, 0)}
    with pytest.raises(ValueError, match="a journey needs two keyframes, and there is one; keep"):
        banks.short_journeys(keys[:1], 5, 2, "springs", 0.5, luck(1))


@pytest.mark.parametrize("kind", banks.AROUND)
def test_journeys_around_one_keyframe(kind):
    keys = banks.samples(3, 64, 2.0, luck())
    made = banks.short_journeys(keys, 3, 10, kind, 0.6, luck(1))
    assert sorted(stops for stops, _ in made) == [[0], [1], [2]]
    for (stop,), rows in made:
        cosines = rows @ keys[stop] / 4
        assert np.allclose(lengths(rows), 2)
        if kind == "circle":
            assert len(rows) == 40 and np.allclose(cosines, 0.8)
        else:
            assert len(rows) == 20 and np.allclose(rows[0], keys[stop])
            # Ten steps straight on would be the angle whose cosine is 0.8.
            assert 0.8 < cosines[10] < 0.99
