"""The fast renderer against the definition, the definition against exact answers."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from clipdraw import Drawing, render
from clipdraw.drawing import join
from clipdraw.renderers import cpu
from tests.scenes import BLUE, RED, SCENES, WAVE, disc, random_strokes, shape, shapes, strokes

ROOT = Path(__file__).resolve().parent.parent


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


def moved(drawing: Drawing, transform: torch.Tensor) -> Drawing:
    points = drawing.points @ transform[:, :2].T + transform[:, 2]
    grown = torch.linalg.det(transform[:, :2]).abs().sqrt()
    return drawing.replace(points=points, widths=drawing.widths * grown)


VIEWS = torch.tensor(
    [
        [[1.2, 0.3, -4.0], [-0.2, 0.9, 3.0]],
        [[0.7, 0.0, 5.0], [0.0, -0.7, 20.0]],
        [[0.0, 1.4, 0.0], [1.4, 0.0, 0.0]],
    ],
    dtype=torch.float64,
)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_view_is_the_drawing_moved(backend):
    drawing = SCENES["fill and stroke"]
    views = render(drawing, 21, 30, transforms=VIEWS, backend=backend)
    assert views.shape == (3, 3, 21, 30)
    for view, transform in zip(views, VIEWS, strict=True):
        alone = render(moved(drawing, transform), 21, 30, backend=backend)[0]
        assert (view - alone).abs().max() < 1e-10


def test_views_of_a_batch_lie_side_by_side_and_hold_the_bits_of_each_alone():
    scenes = ["ring, evenodd", "nothing", "fill and stroke"]
    drawings = [SCENES[name].to(torch.float32) for name in scenes]
    views = torch.cat([VIEWS[:2], VIEWS[1:], VIEWS[:2].flip(0)])
    leaf = join(drawings).points.clone().requires_grad_()
    together = render(join(drawings).replace(points=leaf), 50, 70, transforms=views)
    together.square().sum().backward()
    gradients = leaf.grad.split([len(d.points) for d in drawings])
    for i, drawing in enumerate(drawings):
        points = drawing.points.clone().requires_grad_()
        some = views[2 * i : 2 * i + 2]
        alone = render(drawing.replace(points=points), 50, 70, transforms=some)
        alone.square().sum().backward()
        assert torch.equal(alone, together[2 * i : 2 * i + 2])
        assert torch.equal(points.grad, gradients[i])
        for view, transform in zip(alone, some, strict=True):
            single = render(drawing, 50, 70, transforms=transform[None])[0]
            assert torch.equal(view, single)


def test_bands_change_no_bits(monkeypatch):
    """Neither where a picture is painted in several, nor where a batch is."""
    batch = join([random_strokes(3, 9, (0.5, 12.0)), random_strokes(4, 5, (0.5, 12.0))])
    for drawing in (SCENES["fill and stroke"], SCENES["two pictures"], batch):
        whole, gradients = pull(drawing, "cpu")
        for band in (1, 5):
            monkeypatch.setattr(cpu, "BAND", band)
            picture, banded = pull(drawing, "cpu")
            assert torch.equal(picture, whole)
            for name in ("points", "widths", "colors"):
                assert torch.equal(gradients[name], banded[name])
        monkeypatch.undo()


def test_what_is_kept_for_the_backward_pass_changes_no_bits(monkeypatch):
    for name in ("random", "fill and stroke", "two pictures", "nothing"):
        kept = pull(SCENES[name].to(torch.float32), "cpu")
        monkeypatch.setattr(cpu, "KEPT", 0)
        again = pull(SCENES[name].to(torch.float32), "cpu")
        monkeypatch.undo()
        assert torch.equal(kept[0], again[0])
        for tensor, gradient in kept[1].items():
            assert gradient is None or torch.equal(gradient, again[1][tensor])


def test_a_print_needs_little_more_memory_than_its_pixels():
    """2400 x 3600 pixels are 104 MB of floats; in a process of its own, where nobody else asks."""
    script = """
import resource, torch
from clipdraw import render, scribble
drawing = scribble(200, torch.Generator().manual_seed(0), stroke_width=20.0)
render(drawing, 64, 64)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with torch.no_grad():
    picture = render(drawing, 2400, 3600)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
scale = 1 if __import__("sys").platform == "darwin" else 1024
print((after - before) * scale - picture.nbytes)
"""
    extra = int(python(script))
    assert extra < 60e6


def python(script: str, **environment: str) -> str:
    """What a script prints in an interpreter of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, env=environment, check=True, text=True, capture_output=True
    ).stdout


def test_where_no_cache_can_be_written_kernels_are_compiled_all_the_same():
    script = """
from numba.core import caching
def refuse(locator):
    raise OSError("read-only")
caching._CacheLocator.ensure_cache_path = refuse
from clipdraw.renderers.cpu_kernels import bernstein
print(sum(bernstein(0.25)))
"""
    assert python(script) == "1.0\n"


def test_processes_that_start_at_once_share_a_cache(tmp_path):
    """They compile side by side, and none reads what another has half written."""
    script = "from clipdraw.renderers.cpu_kernels import bernstein; print(sum(bernstein(0.25)))"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    several = [
        subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [process.communicate()[0] for process in several] == ["1.0\n"] * 4
    assert list(tmp_path.rglob("*.nbi"))


def test_a_forked_process_renders():
    """Threads do not survive a fork, and one that waits for them waits for ever."""
    if not hasattr(os, "fork"):
        pytest.skip("os.fork is not on this system")
    script = """
import os, torch
from clipdraw import render, scribble
torch.set_num_threads(2)
drawing = scribble(20, torch.Generator().manual_seed(0))
parent = render(drawing)
if pid := os.fork():
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
else:
    # Not torch.equal, whose own threads do not survive either.
    os._exit(0 if render(drawing).numpy().tobytes() == parent.numpy().tobytes() else 1)
"""
    assert python(script) == "0\n"


def test_the_same_bits_on_any_number_of_threads():
    drawing = random_strokes(6, 60, (1.0, 9.0), width=150, height=90).to(torch.float32)
    blobs = shapes(*[shape(disc(30 + i, 40, 9 + i), fill=BLUE) for i in range(0, 60, 7)])
    blobs = blobs.replace(width=150, height=90).to(torch.float32)
    for scene in (drawing, blobs):
        same_on_threads(scene)


def same_on_threads(drawing: Drawing) -> None:
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
        ({"background": [1.0, 1.0]}, r"background has shape \[2\]; give three numbers"),
        ({"transforms": torch.eye(3)}, r"transforms has shape \[3, 3\]; give \[views, 2, 3\]"),
        ({"transforms": torch.full((1, 2, 3), torch.nan)}, "transforms hold a number that is not"),
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
