"""The CUDA renderer: its kernels run by Triton's interpreter and compiled for GPUs that are not
there, and on a GPU where there is one."""

import os
import re
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from clipdraw import render
from clipdraw.drawing import join
from tests.scenes import BLUE, RED, SCENES, polygon, random_strokes, shape, shapes, strokes

ROOT = Path(__file__).resolve().parent.parent
needs_triton = pytest.mark.skipif(
    find_spec("triton") is None, reason="Triton is not installed; it is made for Linux only"
)

# The interpreter takes seconds for a picture, and a GPU runs all of SCENES; of every kind, one.
SCENES_INTERPRETED = [
    "crossing itself", "mostly off canvas", "wholly off canvas", "a single point",
    "a single point on a pixel's centre", "opacity 0 and 1", "there and back", "nothing",
    "one pixel", "wider than a tile", "off to the left", "star, nonzero", "star, evenodd",
    "eight, evenodd", "ring, nonzero", "fill and stroke", "closed stroke", "on whole pixels",
    "sliver", "within a pixel", "no area",
]  # fmt: skip
SMALL = {"width": 18, "height": 14}
BATCH = join(
    [
        strokes(([(-3.0, 4), (9.1, 17.3), (5.2, -8.1), (16.4, 11.9)], 2.1, BLUE), **SMALL),
        strokes(**SMALL),
        shapes(
            shape(polygon((2.3, 1.4), (16.1, 7.7), (5.2, 12.6)), fill=BLUE, color=RED, width=1.3),
            **SMALL,
        ),
    ]
)
# More rows of tiles than are added up in one go.
LONG = [(3.2, 230.1), (9.4, 241.7), (1.3, 252.9), (6.1, 268.0)]
LONG = strokes((LONG, 3.1, BLUE), (LONG[::-1], 1.2, RED), width=11, height=270)


def pull(drawing, backend, paper=(0.9, 0.8, 0.6)):
    """Picture, and the gradients of a unit-scale random cotangent, summed, the same for each
    picture of a batch."""
    generator = torch.Generator().manual_seed(0)
    leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
    paper = paper and torch.tensor(paper).to(drawing.points).requires_grad_()
    picture = render(drawing.replace(**leaves), background=paper, backend=backend)
    cotangent = torch.randn(picture[0].shape, generator=generator, dtype=torch.float64)
    (picture * cotangent.to(picture)).sum().backward()
    leaves |= {} if paper is None else {"paper": paper}
    gradients = {k: torch.zeros_like(x) if x.grad is None else x.grad for k, x in leaves.items()}
    return picture.detach(), gradients


def assert_agrees(got, true):
    (picture, gradients), (true_picture, true_gradients) = got, true
    assert (picture - true_picture).abs().max() < 1e-10
    for name, gradient in true_gradients.items():
        scale = max(gradient.norm(), 1.0)
        assert (gradients[name] - gradient).norm() < 1e-8 * scale, name


def assert_same_bits(one, other):
    assert torch.equal(one[0], other[0])
    for name, gradient in one[1].items():
        assert torch.equal(gradient, other[1][name]), name


# --- By the interpreter, in a process of its own: kernels stay interpreted once imported -------


def work() -> dict:
    """All that the tests want to know of interpreted kernels."""
    from clipdraw.renderers import cuda

    torch.set_num_threads(1)
    launches, run = {}, cuda._run

    def recorded(kernel, programs, warps, *arguments, **constants):
        of_type = launches.setdefault(str(floats), {})
        of_type[kernel.fn.__name__, *constants.values()] = (
            [f"*{x.dtype}" if torch.is_tensor(x) else "i32" for x in arguments], constants, warps
        )  # fmt: skip
        run(kernel, programs, warps, *arguments, **constants)

    cuda._run = recorded
    floats = torch.float64
    results = {name: pull(SCENES[name], "cuda") for name in SCENES_INTERPRETED}
    results["transparent"] = pull(SCENES["within a pixel"], "cuda", paper=None)
    results["batch"] = pull(BATCH, "cuda")
    results["long"] = pull(LONG, "cuda")
    cuda.BAND = 1
    results["long, in bands"] = pull(LONG, "cuda")
    floats = torch.float32
    results["batch, single precision, in bands"] = pull(BATCH.to(floats), "cuda")
    cuda.BAND = 1 << 17
    results["batch, single precision"] = pull(BATCH.to(floats), "cuda")
    alone = BATCH.to(floats).split()
    results["alone, single precision"] = [pull(drawing, "cuda") for drawing in alone]
    return {"results": results, "launches": launches}


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    file = tmp_path_factory.mktemp("interpreted") / "results.pt"
    script = "import sys, torch; from tests.test_cuda import work; torch.save(work(), sys.argv[1])"
    run_python(script, str(file), TRITON_INTERPRET="1")
    return torch.load(file)


def run_python(script: str, *arguments: str, **environment: str) -> str:
    """What a script prints in a Python of its own."""
    command = [sys.executable, "-c", script, *arguments]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path} | environment
    return subprocess.run(
        command, cwd=ROOT, env=environment, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


@needs_triton
@pytest.mark.parametrize("name", SCENES_INTERPRETED)
def test_interpreted_kernels_agree_with_the_reference(name, interpreted):
    assert_agrees(interpreted["results"][name], pull(SCENES[name], "reference"))


@needs_triton
def test_interpreted_kernels_paint_transparent_pictures_batches_and_long_ones(interpreted):
    results = interpreted["results"]
    transparent = pull(SCENES["within a pixel"], "reference", paper=None)
    assert transparent[0].shape[1] == 4
    assert_agrees(results["transparent"], transparent)
    assert_agrees(results["batch"], pull(BATCH, "reference"))
    assert_agrees(results["long"], pull(LONG, "reference"))


@needs_triton
def test_interpreted_bands_change_no_bits(interpreted):
    results = interpreted["results"]
    assert_same_bits(without_paper(results["long"]), without_paper(results["long, in bands"]))
    batch, banded = (results["batch, single precision" + more] for more in ("", ", in bands"))
    assert_same_bits(without_paper(batch), without_paper(banded))


@needs_triton
def test_an_interpreted_batch_holds_the_same_bits_as_each_picture_alone(interpreted):
    results = interpreted["results"]
    alone = results["alone, single precision"]
    names = [name for name in alone[0][1] if name not in ("paper", "fills")]
    pictures = torch.cat([picture for picture, _ in alone])
    gradients = {name: torch.cat([g[name] for _, g in alone]) for name in names}
    picture, together = results["batch, single precision"]
    assert_same_bits((picture, {name: together[name] for name in names}), (pictures, gradients))


@needs_triton
def test_interpreted_single_precision_points_the_same_way(interpreted):
    picture, gradients = interpreted["results"]["batch, single precision"]
    true_picture, true_gradients = interpreted["results"]["batch"]
    assert (picture - true_picture).abs().max() < 1e-5
    for name, true in true_gradients.items():
        assert (gradients[name] - true).norm() < 1e-4 * true.norm(), name


def without_paper(result):
    """The paper belongs to all pictures of a batch, so that bands may show in its gradient."""
    picture, gradients = result
    return picture, {name: x for name, x in gradients.items() if name != "paper"}


# --- Compiled, as the interpreter has seen them called --------------------------------------------

POINTERS = {
    "*torch.float32": "*fp32",
    "*torch.float64": "*fp64",
    "*torch.int32": "*i32",
    "*torch.int64": "*i64",
}


@needs_triton
@pytest.mark.parametrize("capability", [75, 80, 90])
@pytest.mark.parametrize("floats", [torch.float32, torch.float64], ids=str)
def test_every_kernel_compiles(capability, floats, interpreted):
    import triton
    from triton.backends.compiler import GPUTarget

    from clipdraw.renderers import cuda_kernels

    launches = interpreted["launches"][str(floats)]
    ours = {n for n, x in vars(cuda_kernels).items() if getattr(x, "do_not_specialize", None)}
    assert {name for name, *_ in launches} == ours
    for (name, *_), (types, constants, warps) in launches.items():
        kernel = getattr(cuda_kernels, name)
        types = [POINTERS.get(one, one) for one in types] + ["constexpr"] * len(constants)
        signature = dict(zip(kernel.arg_names, types, strict=True))
        compiled = triton.compile(
            triton.compiler.ASTSource(kernel, signature, constexprs=constants),
            target=GPUTarget("cuda", capability, 32),
            options={"num_warps": warps, "enable_fp_fusion": False},
        )
        code = compiled.asm["ptx"]
        assert len(compiled.asm["cubin"]) > 1000
        assert re.search(r"^\.target sm_(\d+)", code, re.M)[1] == str(capability)
        # No atomics, no fused products: what bits must not depend on.
        assert not re.search(r"\b(atom|red|fma\.rn)\.", code), name


# --- Where it cannot run --------------------------------------------------------------------------


def test_without_triton_it_says_where_triton_comes_from():
    script = """
import sys
sys.modules["triton"] = None
try:
    import clipdraw.renderers.cuda
except ImportError as error:
    print(error)
"""
    assert run_python(script).startswith(
        "the cuda backend needs Triton, which comes with PyTorch's CUDA builds for Linux; install"
    )


@needs_triton
def test_without_a_gpu_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ImportError, match="the cuda backend needs an NVIDIA GPU, and .* is false"):
        render(SCENES["disc"], backend="cuda")


# --- On a GPU -------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.parametrize("name", SCENES)
def test_a_gpu_agrees_with_the_reference(name):
    """The drawing is on the CPU, and so are picture and gradients again."""
    got = pull(SCENES[name], "cuda")
    assert got[0].device.type == "cpu"
    assert_agrees(got, pull(SCENES[name], "reference"))


@pytest.mark.gpu
@pytest.mark.parametrize("floats", [torch.float32, torch.float64], ids=str)
def test_a_gpu_gives_the_same_bits_every_time(floats):
    drawing = random_strokes(6, 60, (1.0, 9.0), width=150, height=90).to("cuda", floats)
    first, *others = (pull(drawing, "cuda") for _ in range(3))
    assert first[0].is_cuda
    for other in others:
        assert_same_bits(first, other)


@pytest.mark.gpu
@pytest.mark.parametrize("floats", [torch.float32, torch.float64], ids=str)
def test_a_gpu_paints_a_batch_with_the_bits_of_each_picture_alone(floats):
    drawings = [random_strokes(s, n, (0.5, 12.0)) for s, n in ((3, 5), (4, 37), (5, 1))]
    drawings = [drawing.to("cuda", floats) for drawing in drawings]
    picture, gradients = without_paper(pull(join(drawings), "cuda"))
    alone = [pull(drawing, "cuda") for drawing in drawings]
    pictures = torch.cat([picture for picture, _ in alone])
    apart = {name: torch.cat([g[name] for _, g in alone]) for name in gradients}
    assert_same_bits((picture, gradients), (pictures, apart))


@pytest.mark.gpu
def test_a_gpu_is_waited_for_once():
    from clipdraw.renderers import cuda

    drawing = random_strokes(6, 60, (1.0, 9.0), width=150, height=90).to("cuda", torch.float32)
    drawing.points.requires_grad_()
    paper = torch.ones(3, device="cuda")
    cuda.render(drawing, paper).sum().backward()  # compiles
    try:
        torch.cuda.set_sync_debug_mode("warn")
        with warnings.catch_warnings(record=True) as waited:
            warnings.simplefilter("always")
            picture = cuda.render(drawing, paper).sum()
        torch.cuda.set_sync_debug_mode("error")
        picture.backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(waited) == 1
