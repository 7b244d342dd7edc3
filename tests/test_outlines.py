"""Chains of cubics: cut, turned and evened without changing shape."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from clipdraw import outlines
from tests.scenes import LOOP, WAVE, disc, polygon


def chained(points, closed=True):
    return outlines.chain(np.array(points, float) @ np.array([1, 1j]), closed)


def wandering(seed: int, cubics: int, closed: bool):
    points = np.random.default_rng(seed).uniform(0, 40, (3 * cubics + 1 - closed, 2))
    return chained(points, closed)


SQUARE = chained(polygon((2, 3), (12, 3), (12, 13), (2, 13)))


@pytest.mark.parametrize("closed", [True, False])
def test_a_contour_comes_back_as_it_was(closed):
    points = np.random.default_rng(0).uniform(0, 9, (9 + (not closed), 2)) @ np.array([1, 1j])
    chain = outlines.chain(points, closed)
    assert chain.shape == (3, 4) and (chain[1:, 0] == chain[:-1, 3]).all()
    assert (chain[-1, 3] == chain[0, 0]) == closed
    assert (outlines.contour(chain, closed) == points).all()


def test_a_piece_of_a_cubic_is_where_the_cubic_is():
    """From a quarter to a half of its parameter. Its polar form is 8 (r + s + t) - 8 (r s + s t +
    t r) in x, and 8 (r s + s t + t r) - 16 r s t in y."""
    cubic = chained([(0, 0), (8, 0), (8, 8), (0, 8)], closed=False)
    pieces = outlines.cut(cubic, np.array([0, 0.25, 0.5, 1]))
    assert pieces[1].tolist() == [4.5 + 1.25j, 5.5 + 2j, 6 + 3j, 6 + 4j]


@hypothesis.given(strategies.integers(0, 10**6), strategies.integers(1, 5), strategies.booleans())
def test_cutting_changes_no_point_of_a_curve(seed, cubics, closed):
    chain = wandering(seed, cubics, closed)
    more = np.random.default_rng(seed).uniform(0, cubics, 4)
    ends = np.sort(np.concatenate([np.arange(cubics + 1), more]))
    pieces = outlines.cut(chain, ends)
    assert len(pieces) == cubics + 4 and (pieces[1:, 0] == pieces[:-1, 3]).all()
    for u in (0.0, 0.3, 1.0):
        there = ends[:-1] + u * np.diff(ends)
        # Where a piece ends at a joint, its last point is that of the cubic before it.
        np.testing.assert_allclose(
            outlines.at(pieces, np.arange(len(pieces)) + u), outlines.at(chain, there), atol=1e-9
        )


@hypothesis.given(
    strategies.integers(0, 10**6), strategies.integers(1, 6), strategies.integers(1, 6),
    strategies.booleans(),
)  # fmt: skip
def test_even_chains_have_as_many_cubics_and_keep_their_shapes(seed, one, other, closed):
    chains = wandering(seed, one, closed), wandering(seed + 1, other, closed)
    evened = outlines.even(*chains)
    assert len(evened[0]) == len(evened[1]) <= one + other - 1
    for before, after in zip(chains, evened, strict=True):
        # Every joint that was is one still, and dense points of one lie on the other.
        assert np.abs(before[:, 0][:, None] - after[:, 0]).min(1).max() < 1e-9
        dense = outlines.at(before, np.linspace(0, len(before), 4000))
        here = outlines.at(after, np.linspace(0, len(after), 50))
        assert np.abs(here[:, None] - dense).min(1).max() < 0.1


def test_joints_at_about_the_same_place_become_each_other():
    circle = chained(disc(20, 14, 9))
    evened = outlines.even(SQUARE, circle)
    assert [len(chain) for chain in evened] == [4, 4]
    np.testing.assert_array_equal(evened[0], SQUARE)


def test_joints_are_shared_out_by_length():
    """The second joint of one, two thirds of its way, cuts the other, a line of one cubic."""
    one = chained([(0, 0), (0, 2), (0, 4), (0, 6), (0, 7), (0, 8), (0, 9)], closed=False)
    other = chained([(0, 0), (4, 0), (8, 0), (12, 0)], closed=False)
    _, line = outlines.even(one, other)
    np.testing.assert_allclose(line, [[0, 8 / 3, 16 / 3, 8], [8, 28 / 3, 32 / 3, 12]], atol=1e-6)


def test_an_area_has_a_sign():
    assert outlines.area(SQUARE) == pytest.approx(100)
    assert outlines.area(outlines.reverse(SQUARE)) == pytest.approx(-100)
    assert outlines.area(chained(disc(5, 6, 3))) == pytest.approx(np.pi * 9, rel=0.01)


def test_there_and_back_encloses_nothing_and_ends_where_it_begins():
    chain = outlines.there_and_back(chained(WAVE, closed=False))
    assert chain.shape == (2, 4) and chain[-1, 3] == chain[0, 0]
    assert outlines.area(chain) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("start", range(4))
def test_a_closed_chain_is_started_where_it_follows_another(start):
    moved = np.roll(SQUARE, start, axis=0) * 1.5 + (7 - 4j)
    np.testing.assert_allclose(outlines.turned(SQUARE, moved), SQUARE * 1.5 + (7 - 4j))


def test_a_start_between_joints_becomes_a_joint():
    """The circle begins at the right, the ellipse at its top, an eighth of the way from a joint."""
    circle = chained(disc(0, 0, 10))
    eighth = circle * np.exp(0.25j * np.pi)
    turned = outlines.turned(circle, eighth)
    assert len(turned) == 5
    assert abs(turned[0, 0] - 10) < 0.02 and abs(turned[-1, 3] - turned[0, 0]) < 1e-9


def test_a_start_means_little_turning():
    """A lozenge could follow a square by an eighth of a turn, or start anywhere else."""
    lozenge = chained(polygon((7, 1), (14, 8), (7, 15), (0, 8)))
    turned = outlines.turned(SQUARE, lozenge)
    here, there = (z - z.mean() for z in (outlines.sample(c, 64) for c in (SQUARE, turned)))
    angle = np.angle((here.conj() * there).sum())
    assert abs(angle) < np.pi / 4 + 0.01


def test_an_open_chain_is_reversed_where_that_is_shorter():
    wave = chained(WAVE, closed=False)
    np.testing.assert_array_equal(outlines.along(wave, outlines.reverse(wave) + 3), wave + 3)
    np.testing.assert_array_equal(outlines.along(wave, wave + 3), wave + 3)


def test_equal_lengths_lie_between_samples():
    loop = outlines.there_and_back(chained(LOOP, closed=False))
    gaps = np.abs(np.diff(outlines.sample(loop, 30)))
    # Straight across a bend it is shorter.
    assert gaps.max() < 1.15 * np.median(gaps) and gaps.min() > 0.9 * np.median(gaps)


def test_a_point_can_be_cut_like_a_line():
    point = np.full((1, 4), 3 + 2j)
    evened = outlines.even(point, chained(WAVE, closed=False))
    other = outlines.even(point, outlines.there_and_back(chained(WAVE, closed=False)))
    assert len(evened[0]) == 1 and len(other[0]) == 2 and (other[0] == 3 + 2j).all()
