"""Paths between keyframes: where they lead, how smoothly, and on which shell they stay."""

from math import pi, sqrt

import numpy as np
import pytest

from journeys import paths

DIM = 512
RADIUS = sqrt(DIM)
FRAMES = 60
LUCK = np.random.default_rng(1)


def keyframes(count: int = 5, dim: int = DIM, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim))


def lengths(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows, axis=1)


def acceleration(rows: np.ndarray, closed: bool = False) -> float:
    """The most, in units of the rows per frame squared; over the seam too."""
    rows = np.concatenate([rows, rows[:2]]) if closed else rows
    return lengths(np.diff(rows, 2, axis=0)).max()


@pytest.mark.parametrize(
    ("kind", "least", "most_acceleration", "missed"),
    [
        ("linear", (0.67, 0.68), (0.91, 0.93), 0),
        ("spherical", (0.93, 0.94), (0.82, 0.84), 0),
        ("springs", (0.89, 0.90), (0.20, 0.30), 0.11),
        ("tangent", (0.93, 0.95), (0.0, 0.06), 0),
    ],
)
def test_the_known_figures(kind, least, most_acceleration, missed):
    """Why: linear's middle of two independent samples has 1 / sqrt(2) of their length, a little
    less for the leg whose ends are most unlike. Along a circle a quarter turn takes 60 frames,
    22.6 * pi / 2 / 60 = 0.59 a frame; at a keyframe it goes on at a right angle, a change of
    0.59 sqrt(2) = 0.84."""
    keys = keyframes()
    rows = paths.path(keys, FRAMES, kind, radius=RADIUS)
    assert rows.shape == (4 * FRAMES + 1, DIM)
    assert least[0] <= lengths(rows).min() / RADIUS <= least[1]
    assert most_acceleration[0] <= acceleration(rows) <= most_acceleration[1]
    assert lengths(rows[::FRAMES] - keys).max() / RADIUS <= missed + 1e-12


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_figures_hold_for_other_keyframes_nearly(seed):
    keys = keyframes(seed=seed)
    linear, spherical, springs, tangent = (
        paths.path(keys, FRAMES, kind, radius=RADIUS) for kind in paths.KINDS
    )
    least = [lengths(rows).min() / RADIUS for rows in (linear, spherical, springs, tangent)]
    assert least[0] < 0.7 and min(least[1:]) > 0.88
    assert acceleration(spherical) > 0.8 > 0.31 > acceleration(springs) > 0.06
    assert acceleration(tangent) < 0.04


@pytest.mark.parametrize("kind", paths.KINDS)
@pytest.mark.parametrize("radius", [RADIUS, None])
def test_a_loop_plays_on_over_its_seam(kind, radius):
    if (kind, radius) == ("spherical", None):
        return
    keys = keyframes(3)
    rows = paths.path(keys, 20, kind, radius=radius, closed=True)
    assert len(rows) == 60
    steps = lengths(np.diff(rows, axis=0, append=rows[:1]))
    assert steps[-1] < 1.2 * steps[:-1].max()
    if kind in ("springs", "tangent"):
        assert acceleration(rows, closed=True) < 1.2 * acceleration(rows)
    if kind != "springs":
        assert np.allclose(rows[::20], keys)


@pytest.mark.parametrize("kind", ["linear", "springs", "tangent"])
def test_flat_paths_know_no_centre(kind):
    """Moved keyframes make a moved path; of round ones, only turned keyframes a turned one."""
    keys = keyframes(4, 6)
    rows = paths.path(keys, 9, kind, radius=None)
    assert np.allclose(paths.path(keys + 7, 9, kind, radius=None), rows + 7)


@pytest.mark.parametrize("kind", paths.KINDS)
def test_round_paths_turn_with_their_keyframes(kind):
    keys = keyframes(4, 6)
    turn = np.linalg.qr(keyframes(6, 6, seed=1)).Q
    rows = paths.path(keys, 9, kind, radius=2.0)
    assert np.allclose(paths.path(keys @ turn, 9, kind, radius=2.0), rows @ turn)


def test_spherical_is_a_great_circle_at_an_even_speed():
    keys = np.array([[2.0, 0, 0], [0, 2, 0]])
    rows = paths.path(keys, 3, "spherical", radius=2.0)
    third = np.array([[sqrt(3), 1, 0], [1, sqrt(3), 0]])
    assert np.allclose(rows, [keys[0], *third, keys[1]])


def test_tangent_between_two_keyframes_is_the_great_circle():
    keys = keyframes(2)
    spherical = paths.path(keys, 8, "spherical", radius=RADIUS)
    assert np.allclose(paths.path(keys, 8, "tangent", radius=RADIUS), spherical)


def test_flat_tangent_is_catmull_and_rom_s():
    """Its middle is (-a + 9 b + 9 c - d) / 16 of four keyframes in a row."""
    a, b, c, d = keys = keyframes(4, 7)
    middle = paths.path(keys, 2, "tangent", radius=None)[3]
    assert np.allclose(middle, (-a + 9 * b + 9 * c - d) / 16)


def test_springs_solve_their_equation():
    """One target, no surface, critically damped: what is left after t is (1 + w t) exp(-w t)."""
    keys = np.array([[1.0, 0.0], [0.0, 0.0]])
    rows = paths.springs(keys, 4000, radius=None)
    t = np.linspace(0, 1, 4001)
    w = sqrt(paths.STIFFNESS)
    assert np.allclose(rows[:, 0], (1 + w * t) * np.exp(-w * t), atol=1e-3)
    # The surface pulls as sqrt(k_s) tells: undamped, back and forth along the radius.
    rows = paths.springs(
        np.array([[1.1, 0.0], [1.0, 0.0]]), 4000, radius=1.0, stiffness=0, surface=330.0
    )
    assert np.allclose(rows[:, 0], 1 + 0.1 * np.cos(sqrt(330) * t), atol=1e-3)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_springs_are_stable_however_few_the_frames(frames):
    rows = paths.path(keyframes(), frames, "springs", radius=RADIUS)
    assert rows.shape == (4 * frames + 1, DIM)
    assert 0.85 < lengths(rows).min() / RADIUS < lengths(rows).max() / RADIUS < 1.15


@pytest.mark.parametrize("kind", paths.KINDS)
def test_keyframes_may_repeat(kind):
    one, other = keyframes(2)
    rows = paths.path(np.stack([one, one, other]), 5, kind, radius=RADIUS)
    assert np.isfinite(rows).all() and np.allclose(rows[0], one)


@pytest.mark.parametrize("easing", paths.EASINGS)
def test_easing_keeps_ends_and_order(easing):
    times = paths.clock(3, 10, easing=easing)
    assert times[[0, 10, 20]].tolist() == [0, 1, 2] and (np.diff(times) > 0).all()
    assert times[5] == pytest.approx(0.5) and times[15] == pytest.approx(1.5)
    # Speed at rest is that of its first frame: a tenth of a leg where time passes evenly.
    assert times[1] == pytest.approx({"none": 0.1, "smooth": 0.028, "smoother": 0.00856}[easing])


def test_a_path_looked_at_evenly_changes_evenly():
    """A picture that is the square of the distance gone changes ever faster; its times do not."""
    keys = keyframes(2)
    rows = paths.path(keys, 200, "spherical", radius=RADIUS)
    seen = np.linspace(0, 1, 201) ** 2
    times = paths.even_times(np.diff(seen), 11)
    again = np.interp(times, np.arange(201), seen)
    assert np.allclose(np.diff(again), 0.1, atol=1e-3)
    retimed = paths.spherical(rows, times)
    assert np.allclose(retimed[[0, -1]], keys)


def test_even_times_of_a_loop_count_the_seam_and_of_standstill_pass_evenly():
    assert paths.even_times(np.array([1.0, 1.0, 2.0]), 4, closed=True).tolist() == [0, 1, 2, 2.5]
    assert paths.even_times(np.zeros(4), 3).tolist() == [0, 2, 4]
    # What stands still for a while is passed over.
    assert paths.even_times(np.array([1.0, 0.0, 1.0]), 3)[[0, 2]].tolist() == [0, 3]


def test_a_circle_keeps_its_distance_and_closes():
    centre = keyframes(1)[0]
    rows = paths.circle(centre, 0.4, 12, np.random.default_rng(1))
    assert np.allclose(lengths(rows), lengths(centre[None]))
    cosines = rows @ centre / lengths(rows) ** 2
    assert np.allclose(cosines, np.cos(0.4))
    steps = lengths(np.diff(rows, axis=0, append=rows[:1]))
    assert np.allclose(steps, steps[0])
    # Three dimensions hold it: the centre's and the plane's two.
    assert np.linalg.matrix_rank(rows, tol=1e-6) == 3
    other = paths.circle(centre, 0.4, 12, np.random.default_rng(2))
    assert lengths(rows - other).min() > 1


def test_a_walk_without_turns_is_a_great_circle_and_with_them_keeps_its_speed():
    start = keyframes(1)[0]
    for turn in (0.0, 0.2, pi / 2):
        rows = paths.walk(start, 50, 0.1, turn, np.random.default_rng(1))
        assert np.allclose(rows[0], start) and np.allclose(lengths(rows), lengths(start[None]))
        unit = rows / lengths(rows)[:, None]
        assert np.allclose(paths.angles(unit[1:], unit[:-1]), 0.1)
        # From one step to the next the direction turns by as much, whatever the sphere adds.
        on = paths.exp(unit[1:-1], -paths.log(unit[1:-1], unit[:-2]))
        turned = paths.angles(
            paths.log(unit[1:-1], on) / 0.1, paths.log(unit[1:-1], unit[2:]) / 0.1
        )
        assert np.allclose(turned, turn, atol=1e-6)
        assert (np.linalg.matrix_rank(rows, tol=1e-6) == 2) == (turn == 0)


@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0])
def test_neighbours_stay_on_the_shell_at_their_distance(spread):
    centre = keyframes(1)[0]
    rows = paths.neighbours(centre, spread, 8, np.random.default_rng(1))
    assert np.allclose(lengths(rows), lengths(centre[None]))
    assert np.allclose(rows @ centre / (centre @ centre), sqrt(1 - spread**2))
    # Each in a direction of its own: cosines of independent ones are about 1 / sqrt(512).
    if spread:
        away = rows - sqrt(1 - spread**2) * centre
        cosines = away @ away.T / (spread**2 * (centre @ centre))
        assert np.abs(cosines - np.eye(8)).max() < 0.2
        again = paths.neighbours(centre, spread, 8, np.random.default_rng(1))
        assert np.array_equal(rows, again)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda k: paths.path(k, 5, "arc", radius=1.0), "kind: 'arc' is unknown; choose one of li"),
        (lambda k: paths.path(k, 5, "spherical", radius=None), "kind: spherical needs something r"),
        (lambda k: paths.path(k[:1], 5, radius=1.0), "keyframes: there is 1, and a path needs two"),
        (lambda k: paths.path(k[:1], 5, "springs", radius=1.0), "keyframes: there is 1, and a pat"),
        (lambda k: paths.path(k, 0, radius=1.0), "frames: 0 is too few; give each leg one at leas"),
        (lambda k: paths.path(k, 5, radius=1.0, easing="x"), "easing: 'x' is unknown; choose one"),
        (lambda k: paths.path(0 * k, 5, radius=1.0), "keyframes: number 0 is zero, which is no di"),
        (lambda k: paths.neighbours(k[0], 1.5, 3, LUCK), "spread: 1.5 is not between 0 and 1; cho"),
    ],
)
def test_what_is_no_path_is_refused(call, words):
    with pytest.raises(ValueError) as error:
        call(keyframes())
    assert str(error.value).startswith(words)


@pytest.mark.parametrize("kind", ["spherical", "springs", "tangent"])
def test_opposite_keyframes_have_no_way_between_them(kind):
    one, other = keyframes(2)
    with pytest.raises(ValueError, match="keyframes: from number 1 the next is right across the"):
        paths.path(np.stack([one, other, -2 * other]), 5, kind, radius=RADIUS)
    # First and last are neighbours in a loop only.
    keys = np.stack([one, other, -one])
    assert len(paths.path(keys, 5, kind, radius=RADIUS)) == 11
    with pytest.raises(ValueError, match="keyframes: from number 2 the next is right across the"):
        paths.path(keys, 5, kind, radius=RADIUS, closed=True)
