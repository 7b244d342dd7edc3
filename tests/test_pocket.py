"""The pocket model keeps its promises: small, quick to load, and it knows what things look like."""

import pickle

import pytest
import torch

from losses import Guidance, load_encoder
from losses.dreams import best, dream, noise_levels
from losses.encoders.pocket import FOLDER, Pocket

WORDS = ("heart", "sun", "tree", "face", "house", "fish")


@pytest.fixture(scope="module")
def pocket():
    return load_encoder("pocket")


@pytest.fixture(scope="module")
def dreams(pocket):
    """Eight dreams of each of six words: `[6, 8, 3, 48, 48]`."""
    return torch.stack(
        [
            dream(
                Guidance.to_prompt(pocket, f"a {word}"),
                8,
                torch.Generator().manual_seed(1),
                steps=15,
            )
            for word in WORDS
        ]
    )


def cosine(pocket, one, other):
    a, b = pocket.embed_text([one, other])
    return float(a @ b)


def test_fits_in_a_pocket():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) < 16e6


def test_is_loaded_once_and_never_trained(pocket):
    assert load_encoder("pocket") is pocket
    assert not pocket.training
    assert not any(p.requires_grad for p in pocket.parameters())
    assert {p.dtype for p in pocket.parameters()} == {torch.float32}


def test_a_pickle_is_refused(tmp_path):
    for path in FOLDER.glob("*"):
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "prior.safetensors").write_bytes(pickle.dumps({"null": [0.0]}))
    with pytest.raises(Exception, match="(?i)header"):
        Pocket(tmp_path)


def test_vectors_have_unit_length(pocket):
    images = torch.rand(3, 3, pocket.size, pocket.size)
    for vectors in (pocket.embed_text(["a cat", "", "qwxz 17"]), pocket.embed_image(images)):
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize(
    ("word", "synonym", "stranger"),
    [("house", "home", "fish"), ("cat", "kitten", "car"), ("car", "automobile", "tree")],
)
def test_synonyms_are_closer_than_strangers(pocket, word, synonym, stranger):
    assert cosine(pocket, f"a {word}", f"a {synonym}") > 0.5 + cosine(
        pocket, f"a {word}", f"a {stranger}"
    )


def test_case_articles_and_punctuation_do_not_matter(pocket):
    assert cosine(pocket, "A Red House!", "the red house") == pytest.approx(1, abs=1e-5)


def test_colours_stay_apart(pocket):
    red, blue = "a red house", "a blue house"
    assert cosine(pocket, red, blue) < 0.85 < cosine(pocket, red, "a scarlet house") + 0.05


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a zeugma", ["zeugma"]),
        ("Zeugma, zeugma and a red qwxzly", ["zeugma", "qwxzly"]),
        ("three red houses with two leaves, 5 cherries and foxes", []),
        ("a drawing of a turquoise elephant on white paper", []),
        ("", []),
    ],
)
def test_unknown_words(pocket, prompt, unknown):
    assert pocket.unknown_words(prompt) == unknown


def test_embed_image_has_a_gradient_and_is_right_about_it(pocket):
    """Along its own gradient the similarity rises by what the gradient says."""
    text = pocket.embed_text(["a red heart"])[0]
    images = torch.full((1, 3, pocket.size, pocket.size), 0.5, requires_grad=True)
    score = (pocket.embed_image(images) @ text).sum()
    (gradient,) = torch.autograd.grad(score, images)
    length = gradient.norm()
    step = 0.01 * gradient / length
    rise = (pocket.embed_image(images.detach() + step) @ text).sum() - score.detach()
    assert float(rise) == pytest.approx(float(0.01 * length), rel=0.1)


def test_almost_no_noise_is_left_alone(pocket):
    clean = torch.ones(2, 3, 48, 48)
    clean[:, 1:, 12:36, 12:36] = -1
    sigma = torch.full((2,), 1e-3)
    noisy = clean + 1e-3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    for text in (None, pocket.embed_text(["a red square", "a sun"])):
        assert float((pocket.denoise(noisy, sigma, text) - clean).abs().max()) < 0.02


def test_no_noise_is_needed_to_tell_colours(pocket):
    """From noise alone the prior already expects more red ink of a red heart than of a blue one."""
    noise = 20 * torch.randn(4, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    texts = pocket.embed_text(["a red heart", "a blue heart"])
    red, blue = (pocket.denoise(noise, torch.full((4,), 20.0), t.expand(4, -1)) for t in texts)
    middle = (slice(None), slice(None), slice(16, 30), slice(16, 32))
    difference = (red - blue)[middle].mean((0, 2, 3))
    assert difference[0] > 0.5 and difference[2] < -0.5


def test_noise_levels_fall_to_nothing():
    levels = noise_levels(5)
    assert levels.tolist() == sorted(levels.tolist(), reverse=True)
    assert levels[0] == pytest.approx(40) and levels[-2] == pytest.approx(0.05) and levels[-1] == 0
    # ((40^(1/7) + 0.05^(1/7)) / 2)^7 = ((1.6938 + 0.6518) / 2)^7 = 1.1728^7
    assert float(levels[2]) == pytest.approx(3.052, abs=3e-3)


def test_same_seed_same_bits_and_more_dreams_keep_the_first(pocket):
    def two(count):
        return dream(
            Guidance.to_prompt(pocket, "a sun"), count, torch.Generator().manual_seed(3), steps=6
        )

    assert torch.equal(two(2), two(2))
    torch.testing.assert_close(two(2), two(3)[:2], atol=1e-3, rtol=0)


def test_dreaming_leaves_the_global_generator_alone(pocket):
    before = torch.get_rng_state()
    dream(Guidance.to_prompt(pocket, "a sun"), 1, torch.Generator().manual_seed(3), steps=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_negative_prompt_leads_away(pocket):
    """Away from a red heart there is less red than away from nothing in particular."""

    def redness(negative):
        guided = Guidance.to_prompt(pocket, "a heart", negative)
        pictures = dream(guided, 4, torch.Generator().manual_seed(0), steps=10)
        return float((pictures[:, 0] - pictures[:, 1:].mean(1)).mean())

    assert redness("a red heart") < redness("")


def test_a_red_heart_is_red_in_the_middle_and_has_a_white_margin(pocket):
    hearts = dream(
        Guidance.to_prompt(pocket, "a red heart"), 8, torch.Generator().manual_seed(2), steps=15
    )
    red, green, blue = hearts[:, :, 17:31, 17:31].mean((2, 3)).unbind(1)
    assert int(((red > 0.6) & (green < 0.45) & (blue < 0.45)).sum()) == 8
    border = torch.ones(48, 48, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    assert int((hearts[:, :, border].mean((1, 2)) > 0.95).sum()) == 8


def test_most_dreams_are_recognised(pocket, dreams):
    images = torch.nn.functional.interpolate(
        dreams.flatten(0, 1), size=(pocket.size, pocket.size), mode="bilinear"
    )
    guess = (pocket.embed_image(images) @ pocket.embed_text([f"a {w}" for w in WORDS]).T).argmax(1)
    right = (guess.view(6, 8) == torch.arange(6)[:, None]).sum(1)
    assert int(right.sum()) >= 46, dict(zip(WORDS, right.tolist(), strict=True))
    assert int(right.min()) >= 7, dict(zip(WORDS, right.tolist(), strict=True))


def test_best_puts_the_dreams_of_the_word_first(pocket, dreams):
    mixed = torch.cat([dreams[1, :4], dreams[0, :4]])  # suns, then hearts
    order = best(mixed, "a heart", pocket)
    assert sorted(order.tolist()) == list(range(8))
    assert set(order[:4].tolist()) == {4, 5, 6, 7}
