"""What rendering promises for every drawing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clipdraw import Drawing, render

SIDE = 24
BACKENDS = ["cpu", "reference"]


def numbers(low: float, high: float):
    # At most so many digits as a person would type: properties are about shapes, not about bits.
    return st.integers(round(low * 1000), round(high * 1000)).map(lambda n: n / 1000)


def drawings(spot, width, paths: int = 3):
    """Drawings of up to `paths` strokes of one or two segments."""
    color = st.tuples(*[numbers(0, 1)] * 4)
    curve = st.one_of(*(st.lists(st.tuples(spot, spot), min_size=n, max_size=n) for n in (4, 7)))
    stroke = st.tuples(curve, width, color)
    return st.lists(stroke, min_size=1, max_size=paths).map(assemble)


def assemble(strokes) -> Drawing:
    curves, widths, colors = zip(*strokes, strict=True)
    segments = torch.tensor([(len(c) - 1) // 3 for c in curves])
    return Drawing(
        points=torch.tensor([xy for c in curves for xy in c], dtype=torch.float64),
        segments=segments,
        widths=torch.tensor(widths, dtype=torch.float64),
        colors=torch.tensor(colors, dtype=torch.float64),
        picture=torch.zeros_like(segments),
        width=SIDE,
        height=SIDE,
    )


ordinary = drawings(numbers(-6, 30), numbers(0.1, 9))


@pytest.mark.parametrize("backend", BACKENDS)
@given(ordinary, st.integers(-5, 5), st.integers(-5, 5))
@settings(max_examples=20)
def test_a_shift_by_whole_pixels_shifts_the_picture(backend, drawing, right, down):
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
def test_a_quarter_turn_turns_the_picture(backend, drawing):
    x, y = drawing.points.unbind(1)
    turned = drawing.replace(points=torch.stack([y, SIDE - x], dim=1))
    pictures = render(turned, backend=backend), render(drawing, backend=backend)
    assert (pictures[0] - pictures[1].rot90(1, (2, 3))).abs().max() < 1e-9


@pytest.mark.parametrize("backend", BACKENDS)
@given(ordinary)
@settings(max_examples=20)
def test_a_path_looks_the_same_backwards(backend, drawing):
    curves = drawing.points.split((3 * drawing.segments + 1).tolist())
    backwards = drawing.replace(points=torch.cat([curve.flip(0) for curve in curves]))
    pictures = render(backwards, backend=backend), render(drawing, backend=backend)
    assert (pictures[0] - pictures[1]).abs().max() < 1e-9


@pytest.mark.parametrize("backend", BACKENDS)
@given(drawings(numbers(-6, 30), numbers(0.1, 9), paths=1))
@settings(max_examples=20)
def test_a_segment_may_be_split_in_two(backend, drawing):
    """Up to the flatness of the polylines: a twentieth of a pixel on either side of the border."""
    curve = drawing.points
    p01, p12, p23 = (curve[:3] + curve[1:4]) / 2
    p012, p123 = (p01 + p12) / 2, (p12 + p23) / 2
    halves = [curve[0], p01, p012, (p012 + p123) / 2, p123, p23, *curve[3:]]
    split = drawing.replace(points=torch.stack(halves), segments=drawing.segments + 1)
    pictures = render(split, backend=backend), render(drawing, backend=backend)
    assert (pictures[0] - pictures[1]).abs().max() < 0.25
    assert (pictures[0] - pictures[1]).abs().mean() < 0.01


@pytest.mark.parametrize("backend", BACKENDS)
def test_strokes_apart_may_change_places(backend):
    apart = [
        ([(3, 3), (5, 9), (7, 2), (9, 8)], 2.0, (1, 0, 0, 0.7)),
        ([(14, 14), (16, 20), (18, 12), (20, 20)], 3.0, (0, 0, 1, 0.4)),
    ]
    one, other = (render(assemble(strokes), backend=backend) for strokes in (apart, apart[::-1]))
    assert (one - other).abs().max() < 1e-12


extreme = st.one_of(
    st.floats(-1e30, 1e30), st.sampled_from([0.0, 12.5, 12.0, -1e30, 1e30, 1e-30, 5e-324])
)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(drawings(extreme, st.one_of(st.floats(0, 1e30), st.sampled_from([0.0, 1e-30, 1e30]))))
@settings(max_examples=40)
def test_finite_numbers_in_finite_numbers_out(backend, dtype, drawing):
    leaves = {name: x.to(dtype).requires_grad_() for name, x in drawing.floats.items()}
    picture = render(drawing.replace(**leaves), backend=backend)
    assert torch.isfinite(picture).all()
    assert picture.min() >= -1e-6
    assert picture.max() <= 1 + 1e-6
    picture.sum().backward()
    assert all(torch.isfinite(x.grad).all() for x in leaves.values())


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(backend):
    """torch's own check of every entry of the Jacobian, by central differences."""
    drawing = assemble(
        [
            ([(2.3, 3.1), (9.7, 14.2), (15.1, -2.4), (21.3, 18.9)], 3.7, (0.9, 0.2, 0.4, 0.8)),
            ([(20.1, 2.2), (4.9, 7.7), (22.6, 12.3), (3.3, 20.8)], 1.3, (0.1, 0.5, 0.9, 0.6)),
        ]
    ).replace(width=SIDE, height=SIDE)

    def paint(points, widths, colors):
        moved = drawing.replace(points=points, widths=widths, colors=colors)
        return render(moved, 16, 18, backend=backend)

    leaves = [x.clone().requires_grad_() for x in drawing.floats.values()]
    assert torch.autograd.gradcheck(paint, leaves, eps=1e-7, atol=2e-4, rtol=1e-3)
