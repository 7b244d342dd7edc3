"""Prompts, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from losses.prompts import MOST_CHARACTERS, MOST_PARTS, parse_prompts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a red fox", [("a red fox", 1)]),
        ("a | b:0.5", [("a", 1), ("b", 0.5)]),
        ("  a red fox  :  2 | b ", [("a red fox", 2), ("b", 1)]),
        ("a:-0.3", [("a", -0.3)]),
        ("a:1e-3", [("a", 0.001)]),
        ("a fox: red", [("a fox: red", 1)]),
        ("fox:red:2", [("fox:red", 2)]),
        ("a:", [("a:", 1)]),
        ("99", [("99", 1)]),
        ("nan", [("nan", 1)]),
        ("the clock at 12:30:1", [("the clock at 12:30", 1)]),
        ("狐狸:0.5|🦊", [("狐狸", 0.5), ("🦊", 1)]),
    ],
)
def test_reads(text, parts):
    assert parse_prompts(text) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "prompt is empty, got ''; write what to draw"),
        (" \n", "prompt is empty"),
        ("a |", "prompt has a part without words, got 'a |'; write something"),
        ("| a", "prompt has a part without words"),
        ("a || b", "prompt has a part without words"),
        ("a | :0.5", "prompt has a part without words"),
        ("a:inf", "prompt has the weight inf in 'a:inf', but a weight is a finite number"),
        ("a:nan", "prompt has the weight nan"),
        ("a:1e999", "prompt has the weight 1e999"),
        ("|".join("a" * (MOST_PARTS + 1)), "prompt has 17 parts, but at most 16"),
        ("a" * (MOST_CHARACTERS + 1), "prompt is 1001 characters long, but at most 1000"),
    ],
)
def test_refuses(text, message):
    with pytest.raises(ValueError) as refusal:
        parse_prompts(text)
    assert str(refusal.value).startswith(message)


def test_an_error_names_the_input_that_was_wrong():
    with pytest.raises(ValueError, match=r"^negative_prompt is empty"):
        parse_prompts("", "negative_prompt")


def test_the_longest_prompts_are_read():
    assert len(parse_prompts("|".join("a" * MOST_PARTS))) == MOST_PARTS
    assert parse_prompts("a" * MOST_CHARACTERS) == [("a" * MOST_CHARACTERS, 1)]


words = st.text(min_size=1, max_size=20).map(lambda text: text.replace("|", "").strip())
weights = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(words.filter(bool), weights), min_size=1, max_size=MOST_PARTS))
def test_every_text_can_be_written_with_a_weight_of_its_own(parts):
    assert parse_prompts("|".join(f"{text}:{weight}" for text, weight in parts)) == parts


@given(st.text(max_size=60))
def test_anything_is_either_read_or_refused(text):
    try:
        parts = parse_prompts(text)
    except ValueError:
        return
    assert all(part.text == part.text.strip() != "" for part in parts)
