"""Shapes and types are checked, warnings are errors, and what needs a GPU waits for one."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import jaxtyping
import pytest

ROOT = Path(__file__).resolve().parent.parent
# How a GPU is found, and which are to be seen, before tests hide it.
AS_IT_IS = pytest.StashKey[tuple[Callable[[], bool], str | None]]()


def checked_modules() -> list[str]:
    """Our modules, without those whose functions are compiled: a compiler would see the checker's
    wrapper instead of the kernel."""
    packages = ("clipdraw", "losses", "journeys")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in sorted(files)
        # The name of a package stands for all that is in it.
        if file.name != "__init__.py"
        and ".jit" not in (text := file.read_text())
        and "njit" not in text
        and "@compiled" not in text
    ]


# Before anything of ours is imported; `Drawing(width=224)` is fine although it says float.
jaxtyping.install_import_hook(
    checked_modules(),
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)

# The same examples every time, or a change could fail for what was there before it. To hunt for
# new ones: scripts/test --hypothesis-profile=default
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


def pytest_configure(config):
    """One torch thread per core that we may use, two at most: small operations gain nothing from
    more, and lose a lot when another program has the core."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(min(2, cores or 1))
    config.stash[AS_IT_IS] = torch.cuda.is_available, os.environ.get("CUDA_VISIBLE_DEVICES")


def pytest_collection_modifyitems(items):
    import torch

    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="torch.cuda.is_available() is false"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Tests say what happens on a CPU, also where there is a GPU; those for one see it. (Not a
    fixture, because those of a module are set up before those of a test.)"""
    import torch

    is_available, visible = item.config.stash[AS_IT_IS]
    if not item.get_closest_marker("gpu"):
        is_available, visible = (lambda: False), ""
    torch.cuda.is_available = is_available
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)  # of the processes that a test starts
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request) -> str:
    """Where a predictor draws: a test that asks for it is run on both."""
    return request.param


TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory):
    """A folder with checkpoints of `tiny`, an open_clip architecture with random weights."""
    import torch
    from safetensors.torch import save_file

    from losses.encoders import openclip

    folder = tmp_path_factory.mktemp("weights")
    (folder / "tiny.json").write_text(json.dumps(TINY))
    open_clip = openclip._open_clip()
    open_clip.add_model_config(folder / "tiny.json")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = open_clip.create_model("tiny", load_weights=False).state_dict()
    torch.save(state, folder / "tiny.pt")
    save_file(
        {name: value.contiguous() for name, value in state.items()}, folder / "tiny.safetensors"
    )
    return folder


@pytest.fixture(scope="module")
def short_dreams():
    """What a dream is worth is tested elsewhere; here two rough ones will do."""
    import dataclasses

    from journeys import decode
    from losses.dreams import sample
    from predictors.clipdraw.presets import PRESETS

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "sample", lambda denoise, noise, steps: sample(denoise, noise, 2))
        for name in ("default", "quick"):
            small = dataclasses.replace(PRESETS[name], dreams=2, drawn=2, dream_steps=4)
            patch.setitem(PRESETS, name, small)
        yield
