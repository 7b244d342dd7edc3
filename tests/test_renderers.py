"""The fast renderer against the definition, the definition against exact answers."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from clipdraw import Drawing, render, scribble
from clipdraw.drawing import join

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
