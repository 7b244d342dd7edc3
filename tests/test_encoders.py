"""Encoders: what all of them promise, tried on a tiny open_clip model with random weights.

Nothing here says that a model draws well: it says that ours loads, normalises, normalises again
and lets gradients through.
"""

import json
import os
import pickle
import socket
import sys
import types

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from losses import encoders
from losses.encoders import Encoder, load_encoder, openclip
from losses.encoders.openclip import OPENAI_B32, find_cached, load_openclip


@pytest.fixture(scope="module")
def folder(tiny_clip):
    """Where the architecture `tiny` has its checkpoints."""
    return tiny_clip


@pytest.fixture(scope="module")
def encoder(folder):
    return load_openclip("tiny", str(folder / "tiny.safetensors"), "cpu")


@pytest.fixture
def empty_hub(monkeypatch, tmp_path):
    """A machine without weights and without network."""
    import huggingface_hub.constants as hub

    def unreachable(*args):
        raise AssertionError("asked the network")

    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(socket.socket, "connect", unreachable)
    return tmp_path


@pytest.fixture
def pocket(monkeypatch):
    """A stand-in for the pocket model, whose own tests are elsewhere."""
    module = types.ModuleType("losses.encoders.pocket")
    module.load_pocket = lambda device: types.SimpleNamespace(name="pocket", device=device)
    monkeypatch.setitem(sys.modules, "losses.encoders.pocket", module)
    monkeypatch.setattr("losses.encoders._load", encoders._load.__wrapped__)


# ---- the open_clip encoder


def test_is_an_encoder(encoder):
    assert isinstance(encoder, Encoder)
    assert encoder.size == 32
    assert encoder.name.startswith("tiny/")


def test_texts_become_unit_vectors_without_a_graph(encoder):
    vectors = encoder.embed_text(["a red fox", "a red fox", "rain"])
    assert vectors.shape == (3, 16)
    assert not vectors.requires_grad
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(vectors[0], vectors[1])
    assert (vectors[0] - vectors[2]).abs().max() > 1e-3


def test_pictures_are_normalised_and_become_unit_vectors(encoder):
    pictures = torch.rand(2, 3, 32, 32)
    vectors = encoder.embed_image(pictures)
    # OpenAI's numbers, with which open_clip's models are trained unless they say otherwise
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    expected = encoder.model.encode_image((pictures - mean) / std, normalize=True)
    torch.testing.assert_close(vectors, expected)


def test_gradients_reach_the_pictures_and_nothing_else(encoder):
    pictures = torch.rand(2, 3, 32, 32, requires_grad=True)
    encoder.embed_image(pictures)[:, 0].sum().backward()
    assert pictures.grad.abs().amax((1, 2, 3)).min() > 0
    assert not any(p.requires_grad or p.grad is not None for p in encoder.model.parameters())
    assert not encoder.model.training


def test_a_picture_is_seen_in_a_batch_as_it_is_alone(encoder):
    pictures = torch.rand(5, 3, 32, 32)
    together = encoder.embed_image(pictures)
    alone = torch.cat([encoder.embed_image(picture[None]) for picture in pictures])
    torch.testing.assert_close(together, alone)


def test_a_torch_file_is_as_good_as_safetensors(encoder, folder):
    other = load_openclip("tiny", str(folder / "tiny.pt"), "cpu")
    pictures = torch.rand(2, 3, 32, 32)
    assert torch.equal(encoder.embed_image(pictures), other.embed_image(pictures))
    assert torch.equal(encoder.embed_text(["rain"]), other.embed_text(["rain"]))


def test_a_link_to_a_checkpoint_is_as_good(encoder, folder):
    """huggingface_hub's cache is made of links to files without a suffix."""
    (folder / "blob").write_bytes((folder / "tiny.safetensors").read_bytes())
    (folder / "link.safetensors").symlink_to(folder / "blob")
    linked = load_openclip("tiny", str(folder / "link.safetensors"), "cpu")
    assert torch.equal(encoder.embed_text(["rain"]), linked.embed_text(["rain"]))


def test_a_tag_brings_its_activation_and_normalisation(folder, monkeypatch):
    """OpenAI's models need QuickGELU, and open_clip's plain names do not build it."""
    facts = {
        "file": str(folder / "tiny.pt"),
        "quick_gelu": True,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.25, 0.25),
    }
    monkeypatch.setitem(sys.modules["open_clip.pretrained"]._PRETRAINED, "tiny", {"own": facts})
    tagged = load_openclip("tiny", "own", "cpu")
    assert "QuickGELU" in {type(module).__name__ for module in tagged.model.modules()}
    assert tagged.mean == (0.5, 0.5, 0.5)
    assert tagged.std == (0.25, 0.25, 0.25)
    # a file of one's own is taken to be normalised as the published one
    assert load_openclip("tiny", str(folder / "tiny.pt"), "cpu").mean == (0.5, 0.5, 0.5)


@pytest.mark.gpu
def test_half_precision_agrees_on_cuda(encoder, folder):
    fast = load_openclip("tiny", str(folder / "tiny.safetensors"), "cuda")
    assert fast.dtype is torch.float16
    pictures = torch.rand(2, 3, 32, 32)
    vectors = fast.embed_image(pictures.cuda())
    assert vectors.dtype is torch.float32
    torch.testing.assert_close(vectors.cpu(), encoder.embed_image(pictures), atol=1e-2, rtol=0)


# ---- what layers see

# Pictures of 32 pixels: three blocks on 16 x 16 patches, or a stem to a quarter and four stages.
TOWERS = {
    "transformer": (
        {"layers": 3, "width": 64, "head_width": 32, "patch_size": 16},
        [(64, 2, 2)] * 3,
    ),
    "residual": (
        {"layers": [1, 1, 1, 1], "width": 8},
        [(8, 8, 8), (32, 8, 8), (64, 4, 4), (128, 2, 2), (256, 1, 1)],
    ),
}


@pytest.fixture(scope="module", params=["pocket", *TOWERS])
def layered(request, folder):
    """An encoder, and the shapes of what its layers see of a picture."""
    if request.param == "pocket":
        return load_encoder("pocket"), [(48, 32, 32), (96, 16, 16), (160, 8, 8), (192, 4, 4)]
    tower, shapes = TOWERS[request.param]
    name = f"tiny-{request.param}"
    config = json.loads((folder / "tiny.json").read_text())
    config["vision_cfg"] = {"image_size": 32, **tower}
    (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip = openclip._open_clip()
    open_clip.add_model_config(folder / f"{name}.json")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(open_clip.create_model(name, load_weights=False).state_dict(), folder / name)
    return load_openclip(name, str(folder / name), "cpu"), shapes


def test_layers_are_maps_of_the_picture(layered):
    encoder, shapes = layered
    assert isinstance(encoder, Encoder) and encoder.depth == len(shapes)
    pictures = torch.rand(2, 3, encoder.size, encoder.size)
    _, maps = encoder.features(pictures, range(encoder.depth))
    assert [tuple(seen.shape) for seen in maps] == [(2, *shape) for shape in shapes]
    assert {seen.dtype for seen in maps} == {torch.float32}


def test_the_vectors_are_those_of_embed_image(layered):
    encoder, _ = layered
    pictures = torch.rand(2, 3, encoder.size, encoder.size)
    for layers in ([0], [], [-1, 0]):
        vectors, _ = encoder.features(pictures, layers)
        torch.testing.assert_close(vectors, encoder.embed_image(pictures))


def test_layers_come_in_the_order_asked_for(layered):
    encoder, _ = layered
    pictures = torch.rand(1, 3, encoder.size, encoder.size)
    _, each = encoder.features(pictures, range(encoder.depth))
    _, some = encoder.features(pictures, [-1, 0, 1 - encoder.depth, -1])
    for seen, layer in zip(some, (-1, 0, 1, -1), strict=True):
        assert torch.equal(seen, each[layer])


def test_the_last_layer_is_what_the_vectors_are_made_of(layered):
    """Where nothing but a head that can be named comes after it."""
    encoder, _ = layered
    pictures = torch.rand(2, 3, encoder.size, encoder.size)
    vectors, (last,) = encoder.features(pictures, [-1])
    if encoder.name == "pocket":
        head = F.linear(last.mean((2, 3)), encoder.encoder.head.weight, encoder.encoder.head.bias)
    elif hasattr(encoder.model.visual, "attnpool"):
        head = encoder.model.visual.attnpool(last)
    else:
        pytest.skip("a transformer's vectors come from its class token, which is no place of a map")
    torch.testing.assert_close(vectors, F.normalize(head))


def test_a_map_s_places_are_the_picture_s(layered):
    """Its first layer sees a mark in one corner there, and nothing new in the opposite one; but
    for a transformer, whose blocks look everywhere, that is where it sees most of it."""
    encoder, _ = layered
    pictures = torch.full((2, 3, encoder.size, encoder.size), 0.5)
    pictures[1, :, : encoder.size // 3, -encoder.size // 3 :] = 0.0  # upper right
    _, (first,) = encoder.features(pictures, [0])
    change = (first[1] - first[0]).square().mean(0)
    corners = change[0, -1], change[-1, 0], change[0, 0], change[-1, -1]
    assert corners[0] > 2 * max(corners[1:])


def test_gradients_flow_from_each_layer_to_the_pictures(layered):
    encoder, _ = layered
    for layer in range(encoder.depth):
        pictures = torch.rand(2, 3, encoder.size, encoder.size, requires_grad=True)
        _, (seen,) = encoder.features(pictures, [layer])
        seen[0].square().sum().backward()
        assert pictures.grad[0].abs().max() > 0 and pictures.grad[1].abs().max() == 0


@pytest.mark.parametrize("beyond", [0, -1])
def test_a_layer_that_is_not_there_is_reported(layered, beyond):
    encoder, shapes = layered
    layer = len(shapes) if beyond == 0 else -len(shapes) - 1
    pictures = torch.rand(1, 3, encoder.size, encoder.size)
    with pytest.raises(ValueError, match=f"no layer {layer}; give numbers from 0, the finest, to"):
        encoder.features(pictures, [0, layer])


@pytest.mark.gpu
def test_layers_in_half_precision_come_as_single(encoder, folder):
    fast = load_openclip("tiny", str(folder / "tiny.safetensors"), "cuda")
    pictures = torch.rand(2, 3, 32, 32)
    _, (seen,) = fast.features(pictures.cuda(), [0])
    assert seen.dtype is torch.float32
    _, (expected,) = encoder.features(pictures, [0])
    torch.testing.assert_close(seen.cpu(), expected, atol=2e-2, rtol=2e-2)


# ---- weights that cannot be had


def refusal(weights, architecture="tiny"):
    with pytest.raises(RuntimeError, match=r"^cannot load the weights") as error:
        load_openclip(architecture, str(weights), "cpu")
    assert "the model pocket" in str(error.value)
    assert f"{architecture}/PATH" in str(error.value)
    assert len(str(error.value)) < 700
    return str(error.value)


def test_a_missing_file_is_reported(folder):
    assert "no file on this machine, and none of the tags (none)" in refusal(folder / "other.pt")


def test_an_unknown_tag_is_reported_with_those_that_exist(empty_hub):
    assert "none of the tags openai, " in refusal("opanai", "ViT-B-32")


def test_no_network_is_reported(empty_hub):
    assert "Failed to download" in refusal("openai", "ViT-B-32")


def test_an_unknown_architecture_is_reported_with_its_neighbours():
    with pytest.raises(ValueError, match=r"unknown open_clip model 'ViT-B32'; .* ViT-B-32,"):
        load_openclip("ViT-B32", "openai", "cpu")


def test_weights_of_another_model_are_reported(folder):
    save_file({"visual.conv1.weight": torch.zeros(64, 3, 8, 8)}, folder / "other.safetensors")
    assert "state_dict" in refusal(folder / "other.safetensors")


class Payload:
    """What an attacker would pickle: loading it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("save", ["torch", "torch_legacy", "pickle"])
@pytest.mark.parametrize("suffix", [".pt", ".bin", ".safetensors", ".npz", ""])
def test_code_in_a_checkpoint_does_not_run(folder, tmp_path, monkeypatch, save, suffix):
    # the setting under which torch runs what it loads, unless it is told not to
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    content = {"visual.proj": torch.zeros(2), "state_dict": Payload(tmp_path / "broken-into")}
    checkpoint = tmp_path / f"checkpoint{suffix}"
    if save == "pickle":
        checkpoint.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, checkpoint, _use_new_zipfile_serialization=save == "torch")
    refusal(checkpoint)
    assert not (tmp_path / "broken-into").exists()


def test_the_attack_above_is_one(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "broken-into")))
    assert (tmp_path / "broken-into").exists()


# ---- by name


def test_auto_is_pocket_where_no_weights_are(empty_hub, pocket):
    assert load_encoder("auto").name == "pocket"
    assert load_encoder().name == "pocket"


def cache(hub, file):
    """Put `file` where huggingface_hub would have downloaded it."""
    folder = hub / f"models--{OPENAI_B32.strip('/').replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True, exist_ok=True)
    (folder / "snapshots" / "abc" / file).touch()


def test_auto_is_clipdraws_encoder_where_its_weights_are(empty_hub, monkeypatch):
    asked = []
    monkeypatch.setattr("losses.encoders._load", lambda *name: asked.append(name))
    cache(empty_hub, "open_clip_model.safetensors")
    load_encoder("auto", "cpu")
    assert asked == [("ViT-B-32/openai", "cpu")]


def test_cached_weights_are_found_where_open_clip_would(empty_hub):
    facts = openclip._open_clip().get_pretrained_cfg("ViT-B-32", "openai")
    assert facts["hf_hub"] == OPENAI_B32
    assert find_cached(OPENAI_B32) is None
    for file in ("open_clip_pytorch_model.bin", "open_clip_model.safetensors"):
        cache(empty_hub, file)
        assert find_cached(OPENAI_B32).name == file
        # the library itself, offline
        assert openclip._open_clip().download_pretrained(facts) == str(find_cached(OPENAI_B32))
    assert find_cached(f"{OPENAI_B32}other.bin") is None
    cache(empty_hub, "other.safetensors")
    assert find_cached(f"{OPENAI_B32}other.bin").name == "other.safetensors"


def test_pocket_is_loaded_where_it_is_wanted(pocket):
    assert load_encoder("pocket", torch.device("cpu")).device == "cpu"


def test_a_checkpoint_is_loaded_once_per_device(folder):
    name = f"tiny/{folder / 'tiny.pt'}"
    assert load_encoder(name, "cpu") is load_encoder(name, torch.device("cpu"))


@pytest.mark.parametrize("name", ["", "clip", "/", "ViT-B-32/", "/openai"])
def test_an_unknown_name_is_reported_with_the_choices(name):
    with pytest.raises(ValueError, match=f"unknown model '{name}'; choose auto, pocket, or"):
        load_encoder(name)
