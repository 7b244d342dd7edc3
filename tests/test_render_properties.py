"""What rendering promises for every drawing."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clipdraw import Drawing, render
from clipdraw.drawing import Path, assemble

SIDE = 24
BACKENDS = ["cpu", "reference"]


def numbers(low: float, high: float):
    # At most so many digits as a person would type: properties are about shapes, not about bits.
    return st.integers(round(low * 1000), round(high * 1000)).map(lambda n: n / 1000)


def drawings(spot, width, paths: int = 3):
    """What `build` makes a drawing of: strokes, filled shapes and both, of up to two contours.

    Not the drawing itself: type checkers roll dice, which strategies must not.
    """
    points = st.tuples(spot, spot)
    color = st.none() | st.tuples(*[numbers(0, 1)] * 4)
    closed = st.booleans()
    contour = st.tuples(closed, st.sampled_from([1, 2])).flatmap(
        lambda kind: st.tuples(
            st.just(kind[0]),
            st.lists(points, min_size=(n := 3 * kind[1] + 1 - kind[0]), max_size=n),
        )
    )
    contours = st.lists(contour, min_size=1, max_size=2)
    rule = st.sampled_from(["nonzero", "evenodd"])
    return st.lists(st.tuples(contours, width, color, color, rule), min_size=1, max_size=paths)


def build(paths) -> Drawing:
    return assemble([shaped(*path) for path in paths], SIDE, SIDE)


def shaped(contours, width, color, fill, rule) -> Path:
    double = {"dtype": torch.float64}
    return Path(
        contours=[torch.tensor(points, **double) for _, points in contours],
        closed=[closed for closed, _ in contours],
        width=torch.tensor(width, **double),
        color=None if color is None else torch.tensor(color, **double),
        fill=None if fill is None else torch.tensor(fill, **double),
        fill_rule=rule,
    )


def changed(drawing: Drawing, contour) -> Drawing:
    """Every contour put through `contour(points, closed)`."""
    paths = [
        replace(path, contours=[contour(*c) for c in zip(path.contours, path.closed, strict=True)])
        for path in drawing.each_path()
    ]
    return assemble(paths, SIDE, SIDE)


def stroke(points, width, color) -> Path:
    return shaped([(False, points)], width, color, None, "nonzero")


ordinary = drawings(numbers(-6, 30), numbers(0.1, 9))


@pytest.mark.parametrize("backend", BACKENDS)
@given(ordinary, st.integers(-5, 5), st.integers(-5, 5))
@settings(max_examples=20)
def test_a_shift_by_whole_pixels_shifts_the_picture(backend, paths, right, down):
    drawing = build(paths)
    shift = torch.tensor([right, down], dtype=torch.float64)
    there = render(drawing.replace(points=drawing.points + shift), backend=backend)
    here = torch.roll(render(drawing, backend=backend), (down, right), (2, 3))
    kept = torch.ones(SIDE, SIDE, dtype=torch.bool)
    rows, columns = torch.arange(SIDE) - down, torch.arange(SIDE) - right
    kept = ((rows >= 0) & (rows < SIDE))[:, None] & ((columns >= 0) & (columns < SIDE))
    assert (there - here)[..., kept].abs().max() < 1e-9


@pytest.mark.parametrize("backend", BACKENDS)
@given(ordinary)
@settings(max_examples=20)
def test_a_quarter_turn_turns_the_picture(backend, paths):
    drawing = build(paths)
    x, y = drawing.points.unbind(1)
    turned = drawing.replace(points=torch.stack([y, SIDE - x], dim=1))
    pictures = render(turned, backend=backend), render(drawing, backend=backend)
    assert (pictures[0] - pictures[1].rot90(1, (2, 3))).abs().max() < 1e-9


@pytest.mark.parametrize("backend", BACKENDS)
@given(ordinary)
@settings(max_examples=20)
def test_a_path_looks_the_same_backwards(backend, paths):
    drawing = build(paths)
    backwards = changed(
        drawing, lambda points, closed: points.flip(0).roll(1, 0) if closed else points.flip(0)
    )
    pictures = render(backwards, backend=backend), render(drawing, backend=backend)
    assert (pictures[0] - pictures[1]).abs().max() < 1e-9


@pytest.mark.parametrize("backend", BACKENDS)
@given(drawings(numbers(-6, 30), numbers(0.1, 9), paths=1))
@settings(max_examples=20)
def test_a_segment_may_be_split_in_two(backend, paths):
    """Up to the flatness of the polylines: a twentieth of a pixel on either side of the border."""
    drawing = build(paths)

    def halved(curve, closed):
        p01, p12, p23 = (curve[:3] + torch.cat([curve, curve[:1]])[1:4]) / 2
        p012, p123 = (p01 + p12) / 2, (p12 + p23) / 2
        end = curve[3:] if len(curve) > 3 else curve[:0]
        return torch.stack([curve[0], p01, p012, (p012 + p123) / 2, p123, p23, *end])

    split = changed(drawing, halved)
    pictures = render(split, backend=backend), render(drawing, backend=backend)
    assert (pictures[0] - pictures[1]).abs().max() < 0.25
    assert (pictures[0] - pictures[1]).abs().mean() < 0.01


@pytest.mark.parametrize("backend", BACKENDS)
def test_strokes_apart_may_change_places(backend):
    apart = [
        ([(3, 3), (5, 9), (7, 2), (9, 8)], 2.0, (1, 0, 0, 0.7)),
        ([(14, 14), (16, 20), (18, 12), (20, 20)], 3.0, (0, 0, 1, 0.4)),
    ]
    shape = shaped(
        [(True, [(16, 2), (20, 4), (18, 8)])], 0.5, (0, 1, 0, 1), (1, 1, 0, 1), "evenodd"
    )
    paths = [*(stroke(*s) for s in apart), shape]
    one, other = (
        render(assemble(order, SIDE, SIDE), backend=backend) for order in (paths, paths[::-1])
    )
    assert (one - other).abs().max() < 1e-12


extreme = st.one_of(
    st.floats(-1e30, 1e30), st.sampled_from([0.0, 12.5, 12.0, -1e30, 1e30, 1e-30, 5e-324])
)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(drawings(extreme, st.one_of(st.floats(0, 1e30), st.sampled_from([0.0, 1e-30, 1e30]))))
@settings(max_examples=40)
def test_finite_numbers_in_finite_numbers_out(backend, dtype, paths):
    drawing = build(paths).to(dtype)
    leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
    picture = render(drawing.replace(**leaves), backend=backend)
    assert torch.isfinite(picture).all()
    assert picture.min() >= -1e-6
    assert picture.max() <= 1 + 1e-6
    gradients = torch.autograd.grad(
        picture.sum() + sum(0 * x.sum() for x in leaves.values()), list(leaves.values())
    )
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(backend):
    """torch's own check of every entry of the Jacobian, by central differences."""
    wave = [(2.3, 3.1), (9.7, 14.2), (15.1, -2.4), (21.3, 18.9)]
    blob = [(3.2, 12.1), (6.7, 9.2), (11.1, 11.4), (14.3, 14.9), (12.2, 20.3), (5.1, 21.7)]
    hole = [(7.3, 14.2), (8.1, 16.9), (10.2, 15.1)]
    drawing = assemble(
        [
            stroke(wave, 3.7, (0.9, 0.2, 0.4, 0.8)),
            stroke([(20.1, 2.2), (4.9, 7.7), (22.6, 12.3), (3.3, 20.8)], 1.3, (0.1, 0.5, 0.9, 0.6)),
            shaped([(True, blob), (True, hole)], 1.2, (0.3, 0, 0, 0.5), (0, 1, 0, 0.7), "evenodd"),
            shaped([(False, wave)], 1.0, None, (0.2, 0.3, 0.9, 0.4), "nonzero"),
        ],
        SIDE, SIDE,
    )  # fmt: skip

    def paint(points, widths, colors, fills):
        moved = drawing.replace(points=points, widths=widths, colors=colors, fills=fills)
        return render(moved, 16, 18, backend=backend)

    leaves = [x.clone().requires_grad_() for x in drawing.floats.values()]
    assert torch.autograd.gradcheck(paint, leaves, eps=1e-7, atol=2e-4, rtol=1e-3)
