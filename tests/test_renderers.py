"""The fast renderer against the definition, the definition against exact answers."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from clipdraw import Drawing, render, scribble
from clipdraw.drawing import Path as OnePath
from clipdraw.drawing import assemble, join

DATA = Path(__file__).parent / "data"
WHITE = torch.ones(3, dtype=torch.float64)


def strokes(*paths, width=40, height=28) -> Drawing:
    """A drawing from (points, width, rgba) triples, in double precision."""
    points, widths, colors = zip(*paths, strict=True) if paths else ((), (), ())
    segments = torch.tensor([(len(p) - 1) // 3 for p in points], dtype=torch.int64)
    flat = [xy for p in points for xy in p]
    return Drawing(
        points=torch.tensor(flat, dtype=torch.float64).reshape(-1, 2),
        segments=segments,
        widths=torch.tensor(widths, dtype=torch.float64),
        colors=torch.tensor(colors, dtype=torch.float64).reshape(-1, 4),
        picture=torch.zeros_like(segments),
        width=width,
        height=height,
    )


def shape(*contours, fill=None, rule="nonzero", color=None, width=0.0, closed=True) -> OnePath:
    """One path in double precision."""
    double = {"dtype": torch.float64}
    return OnePath(
        contours=[torch.tensor(points, **double) for points in contours],
        closed=[closed] * len(contours),
        width=torch.tensor(width, **double),
        color=None if color is None else torch.tensor(color, **double),
        fill=None if fill is None else torch.tensor(fill, **double),
        fill_rule=rule,
    )


def shapes(*paths, width=40, height=28) -> Drawing:
    return assemble(paths, width, height)


def polygon(*corners) -> list[tuple[float, float]]:
    """A closed contour of straight segments."""
    corners = np.array(corners, dtype=float)
    sides = np.roll(corners, -1, axis=0) - corners
    points = np.stack([corners, corners + sides / 3, corners + sides * 2 / 3], axis=1)
    return [tuple(p) for p in points.reshape(-1, 2)]


def disc(x, y, radius, squeeze=1.0) -> list[tuple[float, float]]:
    """A closed contour of four cubics round to 2.7e-4 of its radius; squeezed, an ellipse."""
    k = 0.5522847498
    quarter = np.array([(1, 0), (1, k), (k, 1)])
    turn = np.array([(0, 1), (-1, 0)])
    points = np.concatenate([quarter @ np.linalg.matrix_power(turn, i) for i in range(4)])
    return [tuple(p) for p in np.array([x, y]) + radius * points * np.array([1, squeeze])]


def random_strokes(seed: int, count: int, widths, *, width=50, height=37, wander=1.0) -> Drawing:
    """CLIPDraw's scribbles with widths drawn from a range, and steps `wander` times as long."""
    generator = torch.Generator().manual_seed(seed)
    drawing = scribble(count, generator, width=width, height=height).to(torch.float64)
    low, high = widths
    starts = drawing.points[torch.arange(len(drawing.points)) // 10 * 10]
    return drawing.replace(
        points=starts + wander * (drawing.points - starts),
        widths=low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64),
    )


RED, BLUE, GLASS = (0.9, 0.1, 0.2, 1.0), (0.1, 0.3, 0.8, 0.7), (0.2, 0.9, 0.4, 0.0)
WAVE = [(4.3, 5.1), (14.2, 31.7), (23.8, -8.4), (35.6, 21.3)]
LOOP = [(8.0, 22.0), (52.0, -6.0), (-14.0, -5.0), (31.0, 23.0)]
STAR = polygon((20.2, 1.3), (27.9, 26.1), (3.2, 10.4), (36.8, 9.7), (11.7, 25.6))
EIGHT = [(4.3, 14), (4.3, -9), (35.6, 37), (35.6, 14), (35.6, -9), (4.3, 37)]

SCENES = {
    "random": random_strokes(0, 20, (0.5, 12.0)),
    "random, thin and long": random_strokes(1, 12, (0.05, 1.5), wander=8.0),
    "random, wide": random_strokes(2, 6, (20.0, 60.0), width=33, height=41),
    "wider than a tile": strokes((WAVE, 47.3, BLUE), (LOOP, 21.9, RED)),
    "mostly off canvas": strokes(([(-90.0, -50), (-20, 9), (60, 11), (400, 90)], 5.2, RED)),
    "wholly off canvas": strokes(([(-90.0, -50), (-80, 9), (-60, 11), (-70, 90)], 5.2, RED)),
    "a single point": strokes(([(17.3, 11.8)] * 4, 6.4, RED)),
    "a single point on a pixel's centre": strokes(([(17.5, 11.5)] * 4, 0.9, RED)),
    "thinner than a pixel": strokes((WAVE, 0.07, RED), (LOOP, 0.6, BLUE)),
    "coincident": strokes((WAVE, 5.0, BLUE), (WAVE, 5.0, RED), (WAVE, 3.0, BLUE)),
    "opacity 0 and 1": strokes((WAVE, 7.0, GLASS), (LOOP, 4.0, RED), (WAVE, 2.0, GLASS)),
    "zero width": strokes((WAVE, 0.0, RED), (LOOP, 3.0, BLUE)),
    "crossing itself": strokes((LOOP, 5.0, BLUE)),
    "cusp": strokes(([(6.0, 20), (34, 4), (6, 4), (34, 20)], 4.4, BLUE)),
    "collinear": strokes(([(4.23, 6.17), (14.2, 11.31), (24.17, 16.45), (34.14, 21.59)], 4, RED)),
    "there and back": strokes(([(4.23, 6.17), (24.1, 16.3), (34.3, 21.4), (4.23, 6.17)], 4.0, RED)),
    "nothing": strokes(),
    "one pixel": strokes(([(0.1, 0.2), (0.5, 0.9), (0.7, 0.1), (0.9, 0.8)], 0.4, BLUE),
                         width=1, height=1),
    "tall": strokes((WAVE, 5.0, BLUE), width=17, height=70),
    "disc": shapes(shape(disc(19.3, 14.1, 9.7), fill=BLUE)),
    "wider than the canvas": shapes(shape(disc(19.3, 14.1, 60.2, 0.4), fill=BLUE)),
    "off to the left": shapes(shape(disc(-20.3, 14.1, 31.0), fill=RED)),
    "off to every side": shapes(*(shape(disc(x, y, 9.0), fill=BLUE) for x, y in
                                  ((-3.3, 9.1), (41.2, 8.8), (20.5, -4.1), (18.1, 33.0)))),
    "star, nonzero": shapes(shape(STAR, fill=BLUE)),
    "star, evenodd": shapes(shape(STAR, fill=BLUE, rule="evenodd")),
    "eight, nonzero": shapes(shape(EIGHT, fill=RED)),
    "eight, evenodd": shapes(shape(EIGHT, fill=RED, rule="evenodd")),
    "ring, evenodd": shapes(shape(disc(20, 14, 11.3), disc(21.2, 13.1, 6),
                                  fill=RED, rule="evenodd")),
    "ring, nonzero": shapes(shape(disc(20, 14, 11.3), disc(21.2, 13.1, 6)[::-1], fill=RED)),
    "overlapping": shapes(shape(disc(15, 14, 9.3), disc(24.2, 13.1, 8.0), fill=RED),
                          shape(disc(20, 14, 4.3), fill=GLASS),
                          shape(disc(20, 20, 5.3), fill=BLUE)),
    "fill and stroke": shapes(shape(disc(18.2, 13.9, 9.1, 0.7), fill=BLUE, color=RED, width=3.3),
                              shape(WAVE, fill=RED, color=BLUE, width=1.2, closed=False)),
    "closed stroke": shapes(shape(STAR, color=RED, width=2.2),
                            shape(disc(20, 14, 11.3), disc(30.2, 13.1, 6), color=BLUE, width=4.0)),
    "on whole pixels": shapes(shape(polygon((8, 4), (32, 4), (32, 20), (8, 20)), fill=BLUE)),
    "sliver": shapes(shape(polygon((2.3, 4.1), (37.7, 21.2), (37.71, 21.25)), fill=RED)),
    "within a pixel": shapes(shape(disc(7.4, 9.6, 0.3), fill=RED)),
    "no area": shapes(shape(disc(7.4, 9.6, 0.0), fill=RED, color=BLUE, width=3.0),
                      shape(polygon((2.3, 4.1), (37.7, 21.2)), fill=RED)),
    "two pictures": join([shapes(shape(STAR, fill=BLUE)), strokes((WAVE, 5.0, RED)), strokes(),
                          shapes(shape(disc(20, 14, 7), fill=RED, color=BLUE, width=2.0))]),
}  # fmt: skip


def pull(drawing: Drawing, backend: str, seed: int = 0):
    """Picture, and the gradients of a unit-scale random cotangent, summed."""
    generator = torch.Generator().manual_seed(seed)
    leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
    paper = torch.tensor([0.9, 0.8, 0.6], dtype=drawing.points.dtype, requires_grad=True)
    picture = render(drawing.replace(**leaves), background=paper, backend=backend)
    cotangent = torch.randn(picture.shape, generator=generator, dtype=torch.float64).to(picture)
    (picture * cotangent).sum().backward()
    gradients = {name: x.grad for name, x in {**leaves, "paper": paper}.items()}
    return picture.detach(), gradients


@pytest.mark.parametrize("backend", ["cpu"])
@pytest.mark.parametrize("name", SCENES)
def test_agrees_with_the_reference(backend, name):
    picture, gradients = pull(SCENES[name], backend)
    true_picture, true_gradients = pull(SCENES[name], "reference")
    assert (picture - true_picture).abs().max() < 1e-10
    for tensor, true in true_gradients.items():
        true = torch.zeros_like(gradients[tensor]) if true is None else true
        scale = max(true.norm(), 1.0)
        assert (gradients[tensor] - true).norm() < 1e-8 * scale, tensor


@pytest.mark.parametrize("name", ["random", "random, wide", "wider than a tile", "crossing itself"])
def test_single_precision_points_the_same_way(name):
    drawing = SCENES[name]
    picture, gradients = pull(drawing.to(torch.float32), "cpu")
    true_picture, true_gradients = pull(drawing, "cpu")
    assert (picture - true_picture).abs().max() < 1e-4
    for tensor, true in true_gradients.items():
        got = gradients[tensor].double()
        assert torch.cosine_similarity(got.flatten(), true.flatten(), dim=0) > 0.9999, tensor
        assert abs(got.norm() / true.norm() - 1) < 1e-3, tensor


@pytest.mark.parametrize("name", ["random", "thinner than a pixel", "crossing itself", "cusp"])
def test_the_gradient_is_that_of_what_is_drawn(name):
    """Central differences of the reference in double precision, along random directions."""
    drawing = SCENES[name]
    _, gradients = pull(drawing, "reference")
    generator = torch.Generator().manual_seed(1)
    shape = (1, 3, int(drawing.height), int(drawing.width))
    same_as_in_pull = torch.Generator().manual_seed(0)
    cotangent = torch.randn(shape, generator=same_as_in_pull, dtype=torch.float64)

    def value(**moved):
        picture = render(drawing.replace(**moved), background=[0.9, 0.8, 0.6], backend="reference")
        return float((picture * cotangent).sum())

    for tensor, x in drawing.floats.items():
        way = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        step = 1e-7
        slope = (value(**{tensor: x + step * way}) - value(**{tensor: x - step * way})) / (2 * step)
        assert slope == pytest.approx(float((gradients[tensor] * way).sum()), rel=1e-4, abs=1e-4)


def test_a_transparent_picture_is_laid_over_paper():
    """By one line of arithmetic: its colours are multiplied by alpha."""
    drawing = SCENES["fill and stroke"]
    paper = torch.tensor([0.9, 0.8, 0.6], dtype=torch.float64)
    for backend in ("cpu", "reference"):
        clear = render(drawing, background=None, backend=backend)
        opaque = render(drawing, background=paper, backend=backend)
        assert clear.shape == (1, 4, 28, 40)
        laid = clear[:, :3] + (1 - clear[:, 3:]) * paper[:, None, None]
        assert (laid - opaque).abs().max() < 1e-12
        assert clear[0, :, 0, 0].tolist() == [0, 0, 0, 0]
        assert clear[0, 3].max() <= 1


def test_the_gradient_through_a_transparent_picture():
    found = []
    for backend in ("cpu", "reference"):
        drawing = SCENES["fill and stroke"]
        leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
        picture = render(drawing.replace(**leaves), background=None, backend=backend)
        weights = torch.linspace(-1, 1, picture.numel(), dtype=torch.float64)
        (picture * weights.reshape(picture.shape)).sum().backward()
        found.append({name: x.grad for name, x in leaves.items()})
    for name, gradient in found[1].items():
        assert (found[0][name] - gradient).norm() < 1e-8 * gradient.norm(), name


def parity(seed: int) -> tuple[Drawing, dict[str, torch.Tensor]]:
    with np.load(DATA / f"parity_strokes_{seed}.npz") as file:
        data = {key: torch.from_numpy(file[key]).double() for key in file.files}
    points = data["offsets"].long().diff()
    drawing = Drawing(
        points=data["points"],
        segments=(points - 1) // 3,
        widths=2 * data["half_width"],
        colors=data["color"],
        picture=torch.zeros(len(points), dtype=torch.int64),
        width=224,
        height=224,
    )
    return drawing, data


def cosine(a, b) -> float:
    return float(torch.cosine_similarity(a.flatten(), b.flatten(), dim=0))


@pytest.mark.parametrize("seed", [0, 1])
def test_truth(seed, record_property):
    """Against exact pictures and exact gradients; the figures are those of the README."""
    drawing, data = parity(seed)
    leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
    picture = render(drawing.replace(**leaves))[0].permute(1, 2, 0)
    (picture * data["dL_dimg_white"]).sum().backward()
    noise = (picture.detach() - data["img_exact_white"]).square().mean()
    figures = {
        "psnr": float(-10 * noise.log10()),
        "points": cosine(leaves["points"].grad, data["exact_points"]),
        "widths": cosine(leaves["widths"].grad, data["exact_half_width"]),
        "colors": cosine(leaves["colors"].grad, data["fd_color"]),
        "pydiffvg's points": cosine(data["gwhite_points"], data["exact_points"]),
    }
    print("  ".join(f"{name} {value:.5f}" for name, value in figures.items()))
    assert figures["psnr"] > 58
    assert figures["points"] > 0.998
    assert figures["widths"] > 0.9999
    assert figures["colors"] > 0.99999
    assert figures["pydiffvg's points"] < 0.9


def test_a_straight_bar_has_its_exact_area():
    """A bar of 20 x 6 with round caps, at any angle: ink is 20 * 6 + pi * 3^2.

    A pixel takes the caps' circle for its tangent, which is too much by 1 / (24 radius) for each
    unit of border: pi / 12 for a full circle, whatever its radius.
    """
    for angle in (0.0, 0.3, np.pi / 4, 1.3):
        way = np.array([np.cos(angle), np.sin(angle)])
        ends = [tuple(np.array([30.3, 30.7]) + s * 10 * way) for s in (-1, -1 / 3, 1 / 3, 1)]
        bar = strokes((ends, 6.0, (0.0, 0.0, 0.0, 1.0)), width=61, height=60)
        ink = float((1 - render(bar, backend="reference")[0, 0]).sum())
        assert ink == pytest.approx(20 * 6 + np.pi * 9 + np.pi / 12, abs=0.05)


def test_a_hairline_keeps_its_ink():
    line = strokes(([(5.2, 7.3), (15, 9.1), (25, 10.9), (35.2, 12.7)], 0.02, (0, 0, 0, 1)))
    ink = float((1 - render(line)[0, 0]).sum())
    length = np.hypot(30.0, 5.4)
    # Each end fans out by less than half a pixel.
    assert 0.02 * length < ink < 0.02 * (length + 1)


def test_a_batch_holds_the_same_bits_as_each_picture_alone():
    drawings = [random_strokes(s, n, (0.5, 12.0)) for s, n in ((3, 5), (4, 17), (5, 1))]
    drawings.insert(1, strokes(width=50, height=37))
    together, gradients = pull_alike(join(drawings))
    apart = [pull_alike(d) for d in drawings]
    assert torch.equal(together, torch.cat([picture for picture, _ in apart]))
    for name, gradient in gradients.items():
        assert torch.equal(gradient, torch.cat([g[name] for _, g in apart])), name


def pull_alike(drawing):
    """Picture and gradients under a cotangent that is the same for every picture."""
    leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
    picture = render(drawing.replace(**leaves))
    cotangent = torch.linspace(-1, 1, picture[0].numel(), dtype=torch.float64)
    (picture * cotangent.reshape(picture[0].shape)).sum().backward()
    return picture.detach(), {name: x.grad for name, x in leaves.items()}


def test_the_same_bits_on_any_number_of_threads():
    drawing = random_strokes(6, 60, (1.0, 9.0), width=150, height=90).to(torch.float32)
    before = torch.get_num_threads()
    try:
        runs = []
        for count in (1, 2, 8):
            torch.set_num_threads(count)
            runs.append(pull(drawing, "cpu"))
    finally:
        torch.set_num_threads(before)
    for picture, gradients in runs[1:]:
        assert torch.equal(picture, runs[0][0])
        assert all(torch.equal(gradients[k], runs[0][1][k]) for k in gradients)


def test_two_threads_do_not_disturb_each_other():
    drawings = [random_strokes(s, 40, (1.0, 9.0)) for s in (7, 8)]
    alone = [render(d) for d in drawings]
    seen = [[], []]

    def work(i):
        for _ in range(10):
            seen[i].append(render(drawings[i]))

    workers = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(len(s) == 10 for s in seen)
    assert all(torch.equal(picture, alone[i]) for i in (0, 1) for picture in seen[i])


def test_the_size_is_free_and_the_drawing_the_same():
    drawing = strokes((WAVE, 6.0, BLUE))
    small, large = render(drawing, 28, 40), render(drawing, 280, 400)
    shrunk = torch.nn.functional.avg_pool2d(large, 10)
    assert large.shape == (1, 3, 280, 400)
    # The same ink to a thousandth, and a picture that differs only where a border bends in a pixel.
    assert float((1 - small).sum()) == pytest.approx(float((1 - shrunk).sum()), rel=1e-3)
    assert (small - shrunk).abs().max() < 0.05


def test_later_strokes_lie_on_top():
    bar = [(10.0, 14.0), (17.0, 14.0), (23.0, 14.0), (30.0, 14.0)]
    red_on_top = strokes((bar, 9.0, (0, 0, 1, 1)), (bar, 9.0, (1, 0, 0, 1)))
    assert render(red_on_top)[0, :, 14, 20].tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"backend": "abacus"}, "unknown backend 'abacus'"),
        ({"height": 0}, "at least 1 x 1 pixels, got 40 x 0"),
    ],
)
def test_errors_say_what_came(change, words):
    with pytest.raises(ValueError, match=words):
        render(strokes((WAVE, 2.0, RED)), **change)


@pytest.mark.parametrize("name", ["points", "widths", "colors"])
def test_a_number_that_is_not_finite_is_refused(name):
    drawing = strokes((WAVE, 2.0, RED))
    values = drawing.floats[name].clone()
    values[..., 0] = float("nan")
    with pytest.raises(ValueError, match=f"the drawing's {name} hold a number that is not finite"):
        render(drawing.replace(**{name: values}))


def test_the_backend_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("CLIPDRAW_BACKEND", "abacus")
    with pytest.raises(ValueError, match="unknown backend 'abacus'"):
        render(strokes((WAVE, 2.0, RED)))


def test_segments_that_do_not_add_up_are_refused():
    good = strokes((WAVE, 2.0, RED))
    with pytest.raises(ValueError, match=r"points has shape \[4, 2\], but 1 paths of 2 segments"):
        good.replace(segments=torch.tensor([2]))
