"""Which backend renders, and what the optional ones are handed."""

import importlib
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from clipdraw import render, renderers
from clipdraw.renderers import BACKENDS, _load
from tests.scenes import BLUE, RED, SCENES, WAVE, disc, shape, shapes, strokes


def test_the_fastest_is_picked_by_device():
    assert _load(None, "cpu").__name__ == BACKENDS["cpu"]
    assert _load(None, "mps").__name__ == BACKENDS["cpu"]
    assert _load("reference", "cuda").__name__ == BACKENDS["reference"]


def test_a_gpu_without_triton_is_told_and_served_all_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    for name in ("cuda", "cuda_kernels"):  # from the package, too, once they have been imported
        monkeypatch.delitem(sys.modules, f"clipdraw.renderers.{name}", raising=False)
        monkeypatch.delattr(renderers, name, raising=False)
    with pytest.warns(UserWarning, match="needs Triton, which comes with .* on the CPU, with cop"):
        assert _load(None, "cuda").__name__ == BACKENDS["cpu"]
    with pytest.raises(ImportError, match="the cuda backend needs Triton"):
        render(strokes((WAVE, 2.0, RED)), backend="cuda")


def test_diffvg_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydiffvg", None)
    monkeypatch.delitem(sys.modules, "clipdraw.renderers.diffvg", raising=False)
    with pytest.raises(ImportError, match="needs the package pydiffvg, which is built from source"):
        render(strokes((WAVE, 2.0, RED)), backend="diffvg")


@pytest.fixture
def recorded(monkeypatch):
    """The calls that pydiffvg would get; it draws a blank sheet, and only they are looked at."""
    calls = []

    def apply(width, height, *settings):
        calls.append((width, height, *settings))
        return settings[3].clone()

    module = ModuleType("pydiffvg")
    module.Path = module.ShapeGroup = SimpleNamespace
    module.RenderFunction = SimpleNamespace(
        serialize_scene=lambda width, height, shapes, groups: (shapes, groups), apply=apply
    )
    monkeypatch.setitem(sys.modules, "pydiffvg", module)
    monkeypatch.delitem(sys.modules, "clipdraw.renderers.diffvg", raising=False)
    yield calls
    sys.modules.pop("clipdraw.renderers.diffvg", None)


def test_diffvg_is_handed_half_widths_and_a_group_for_each_layer(recorded):
    ring = [disc(20, 14, 11.3), disc(21.2, 13.1, 6)]
    drawing = shapes(
        shape(*ring, fill=BLUE, rule="evenodd", color=RED, width=3.0),
        shape(WAVE, color=BLUE, width=5.0, closed=False),
    )
    picture = render(drawing, backend="diffvg", background=[0.9, 0.8, 0.6])
    assert picture.shape == (1, 3, 28, 40)
    assert picture[0, :, 3, 4].tolist() == pytest.approx([0.9, 0.8, 0.6])
    ((width, height, *_, paper, shapes_, groups),) = recorded
    assert (width, height) == (40, 28)
    assert paper.shape == (28, 40, 4)
    assert [s.is_closed for s in shapes_] == [True] * 4 + [False]
    assert [s.num_control_points.tolist() for s in shapes_] == [[2] * 4] * 4 + [[2]]
    assert [float(s.stroke_width) for s in shapes_[2:]] == [1.5, 1.5, 2.5]
    assert [g.shape_ids.tolist() for g in groups] == [[0, 1], [2, 3], [4]]
    assert [g.use_even_odd_rule for g in groups] == [True, True, False]
    assert groups[0].stroke_color is None and groups[1].fill_color is None
    assert torch.equal(groups[0].fill_color, torch.tensor(BLUE, dtype=torch.float64))


def test_diffvg_is_not_asked_for_what_ends_it(recorded):
    assert (render(SCENES["nothing"], backend="diffvg") == 1).all()
    assert not recorded
    with pytest.raises(ValueError, match="paints on an opaque background only"):
        render(strokes((WAVE, 2.0, RED)), backend="diffvg", background=None)


@pytest.mark.parametrize("name", sorted(set(BACKENDS) - {"cuda", "diffvg"}))
def test_every_backend_is_one_function(name):
    assert callable(importlib.import_module(BACKENDS[name]).render)


def test_a_second_pull_adds_to_the_first():
    """pydiffvg doubles the gradient where a graph is kept, and forgets a background's first one."""
    drawing = strokes((WAVE, 5.0, BLUE))
    points = drawing.points.clone().requires_grad_()
    paper = torch.ones(3, dtype=torch.float64, requires_grad=True)
    picture = render(drawing.replace(points=points), background=paper)
    picture.sum().backward(retain_graph=True)
    once, once_paper = points.grad.clone(), paper.grad.clone()
    picture.sum().backward()
    assert torch.equal(points.grad, 2 * once)
    assert torch.equal(paper.grad, 2 * once_paper)


def test_the_stroke_lies_on_its_fill():
    drawing = shapes(shape(disc(20, 14, 9.0), fill=(0, 0, 1, 1), color=(1, 0, 0, 1), width=4.0))
    picture = render(drawing)[0]
    assert picture[:, 14, 20].tolist() == [0, 0, 1]
    assert picture[:, 14, 28].tolist() == [1, 0, 0]
