"""From prompts to z, and from z to pictures."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from journeys import decode
from journeys.decode import Decoder, embed
from journeys.paths import neighbours, path
from losses import Guidance, load_encoder
from losses.dreams import dream, inked


@pytest.fixture(scope="module")
def pocket():
    return load_encoder("pocket")


def differ(a: torch.Tensor, b: torch.Tensor) -> float:
    return (a - b).abs().mean().item()


def test_a_prompt_s_z_is_dreamt_as_the_prompt(pocket):
    """The one picture that `dream` makes of the prompt by the same noise, on white paper."""
    guided = Guidance.to_prompt(pocket, "a blue fish", strength=4.0)
    wanted = dream(guided, 1, torch.Generator().manual_seed(5), steps=6)[0]
    (picture,) = Decoder(pocket, seed=5, strength=4.0, steps=6)(embed(pocket, ["a blue fish"]))
    torch.testing.assert_close(picture, inked(wanted, decode.WHITE), atol=1e-3, rtol=0)


def test_only_the_direction_counts_and_no_neighbour_in_the_batch(pocket, monkeypatch):
    rows = embed(pocket, ["a heart", "a tree", "a house"])
    monkeypatch.setattr(decode, "BATCH", 2)
    together = list(Decoder(pocket, steps=4)(rows))
    alone = [picture for row in rows for picture in Decoder(pocket, steps=4)(7 * row[None])]
    assert len(together) == 3
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=0)
    assert differ(together[0], together[1]) > 0.05


def test_a_path_is_a_film(pocket):
    """Pictures a sixteenth of the way apart differ far less than the ends do; another seed's
    pictures of the same z differ more than neighbours do."""
    keys = embed(pocket, ["a red heart", "a blue house"]).astype(np.float64)
    rows = path(keys, 16, "spherical", radius=1.0).astype(np.float32)
    film = list(Decoder(pocket, steps=6)(rows))
    steps = [differ(a, b) for a, b in pairwise(film)]
    assert np.median(steps) < 0.25 * differ(film[0], film[-1])
    (other,) = Decoder(pocket, seed=1, steps=6)(rows[:1])
    assert differ(film[0], other) > np.median(steps)


def test_near_neighbours_look_like_the_centre_and_far_ones_do_not(pocket):
    centre = embed(pocket, ["a fish"])
    luck = np.random.default_rng(0)
    rows = [neighbours(centre[0].astype(np.float64), s, 4, luck) for s in (0.3, 0.9)]
    fish, *others = Decoder(pocket, steps=6)(np.concatenate([centre, *rows]).astype(np.float32))
    near, far = (np.mean([differ(fish, x) for x in part]) for part in (others[:4], others[4:]))
    assert 0 < 2 * near < far


def test_white_becomes_paper(pocket):
    paper = (0.2, 0.4, 0.6)
    (picture,) = Decoder(pocket, steps=4, paper=paper)(embed(pocket, ["a heart"]))
    assert torch.allclose(picture[:, 0, 0], torch.tensor(paper))


def test_texts_of_a_prompt_add_up_by_weight(pocket):
    both, heart, house = embed(pocket, ["a heart | a house:0.5", "a heart", "a house"])
    wanted = heart + 0.5 * house
    assert np.allclose(both, wanted / np.linalg.norm(wanted), atol=1e-6)
    with pytest.raises(ValueError, match="prompt: the parts of 'a heart | a heart:-1' cancel each"):
        embed(pocket, ["a heart | a heart:-1"])
