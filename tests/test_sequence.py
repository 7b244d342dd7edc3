"""z-sequences: what is written is read again, and what does not belong together is refused."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from journeys.sequence import ZSequence, measure, read, read_vectors, save


def sequence(frames: int = 6, dim: int = 5, **changes) -> ZSequence:
    rows = np.random.default_rng(0).standard_normal((frames, dim)).astype(np.float32)
    fields = {"space": "embedding", "geometry": "sphere", "radius": 1.0, "fps": Fraction(25)}
    return ZSequence(**{"rows": rows, **fields, "seed": 3, "encoder": "pocket", **changes})


def pictures(frames: int = 6, height: int = 33, width: int = 47) -> list[np.ndarray]:
    """Grey ones, each a little lighter than the one before it."""
    return [np.full((height, width, 3), 40 * i, np.uint8) for i in range(frames)]


@pytest.fixture
def walk(tmp_path) -> Path:
    """A whole z-sequence."""
    file, _, _ = save(sequence(), tmp_path / "walk.npy", pictures())
    return file


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fps": Fraction(30000, 1001)},
        {"geometry": "euclid", "radius": None, "seed": None, "encoder": None},
        {"geometry": "gaussian", "radius": 5**0.5},
    ],
)
def test_what_is_written_is_read_again(tmp_path, changes):
    written = sequence(**changes)
    files = save(written, tmp_path / "a.walk.npy", pictures())
    assert [file.name for file in files] == ["a.walk.npy", "a.walk.json", "a.walk.mp4"]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    again = read(files[0], dim=5)
    assert again.rows.dtype == np.float32 and np.array_equal(again.rows, written.rows)
    assert vars(again) | {"rows": 0} == vars(written) | {"rows": 0}


def test_a_proxy_has_a_frame_per_row_and_each_is_a_key_frame(walk):
    with av.open(str(walk.with_suffix(".mp4"))) as film:
        stream = film.streams.video[0]
        assert (stream.height, stream.width, stream.average_rate) == (34, 48, 25)
        frames = list(film.decode(stream))
    assert all(frame.key_frame for frame in frames)
    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(i, 25) for i in range(6)]
    shades = [frame.to_ndarray(format="rgb24").mean() for frame in frames]
    assert shades == pytest.approx([40 * i for i in range(6)], abs=3)
    assert measure(walk.with_suffix(".mp4")) == (6, 25)


def test_a_proxy_is_as_long_as_its_frames(tmp_path):
    """An editor takes the length from the file's head: the last frame has to count there too."""
    _, _, proxy = save(sequence(1), tmp_path / "a.npy", pictures(1))
    with av.open(str(proxy)) as film:
        stream = film.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(1, 25)


def test_without_pictures_there_is_no_proxy_not_even_an_older_one(walk):
    assert [file.name for file in save(sequence(4), walk)] == ["walk.npy", "walk.json"]
    assert len(read(walk).rows) == 4 and not walk.with_suffix(".mp4").exists()


@pytest.mark.parametrize("count", [0, 5, 7])
def test_nothing_is_left_of_what_could_not_be_written(tmp_path, count):
    with pytest.raises(ValueError, match=r"a proxy needs at least|walk.mp4: it has . frames"):
        save(sequence(), tmp_path / "walk.npy", pictures(count))
    assert not list(tmp_path.iterdir())


def test_what_was_there_stays_when_its_successor_fails(walk):
    with pytest.raises(ValueError, match="walk.mp4: it has 5 frames, but walk.npy has 6 rows"):
        save(sequence(), walk, pictures(5))
    assert len(read(walk).rows) == 6 and len(list(walk.parent.iterdir())) == 3


def test_a_changed_row_is_named(walk):
    rows = np.load(walk)
    rows[4, 2] += 1e-6
    np.save(walk, rows)
    with pytest.raises(ValueError, match=r"walk.npy: row 4 is not the one that walk.json was writ"):
        read(walk)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((6, 5)), "walk.npy: it holds float64 [6, 5], but float32 [frames, dim] is need"),
        (np.zeros(5, np.float32), "walk.npy: it holds float32 [5], but float32 [frames, dim]"),
        (np.array([{"a": 1}]), "walk.npy: this is no array ("),
        (np.zeros((5, 5), np.float32), "walk.json: it has 6 frames, but walk.npy has 5 rows; walk"),
    ],
)
def test_another_array_is_refused(walk, array, words):
    np.save(walk, array, allow_pickle=True)
    with pytest.raises(ValueError) as error:
        read(walk)
    assert str(error.value).startswith(words)


def test_an_array_that_claims_more_than_it_has_is_refused(walk):
    data = walk.read_bytes()
    assert data.count(b"(6, 5), }         ") == 1
    walk.write_bytes(data.replace(b"(6, 5), }         ", b"(6000000000, 5), }"))
    with pytest.raises(ValueError, match=r"walk.npy: this is no array \("):
        read(walk)


def test_several_arrays_in_one_file_are_refused(walk):
    with walk.open("wb") as file:
        np.savez(file, a=np.zeros(3), b=np.zeros(3))
    with pytest.raises(ValueError, match="walk.npy: it holds several arrays"):
        read(walk)


def test_a_proxy_of_other_length_or_speed_is_refused(walk, tmp_path):
    proxy = walk.with_suffix(".mp4")
    for frames, fps, words in (
        (5, 25, "walk.mp4: it has 5 frames, but walk.npy has 6 rows; walk.mp4 lacks row 5"),
        (7, 25, "walk.mp4: it has 7 frames, but walk.npy has 6 rows; walk.npy lacks row 6"),
        (6, 24, "walk.mp4: it runs at 24 frames per second, but walk.json says 25"),
    ):
        other = sequence(frames, fps=Fraction(fps))
        save(other, tmp_path / "b.npy", pictures(frames))[2].replace(proxy)
        with pytest.raises(ValueError, match=words):
            read(walk)
    proxy.write_text("no film")
    with pytest.raises(ValueError, match="walk.mp4: this is no film"):
        read(walk)
    proxy.unlink()
    assert len(read(walk).rows) == 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fps": "0/0"}, "walk.json: this is no note of a z-sequence ("),
        ({"fps": "-25"}, "walk.npy: fps is -25; give frames per second, above 0"),
        ({"geometry": "torus"}, "walk.npy: the geometry 'torus' is unknown; choose one of sphere"),
        ({"radius": None}, "walk.npy: the radius is None in sphere; a sphere and a Gaussian"),
        ({"radius": 0.0}, "walk.npy: the radius is 0.0; give a finite one above 0"),
        ({"digest": ["00000000"]}, "walk.json: it has 1 frames, but walk.npy has 6 rows"),
        ({"seed": "x"}, "walk.json: this is no note of a z-sequence (seed is 'x')"),
    ],
)
def test_a_note_that_cannot_be_is_refused(walk, change, words):
    note = walk.with_suffix(".json")
    note.write_text(json.dumps(json.loads(note.read_text()) | change))
    with pytest.raises(ValueError) as error:
        read(walk)
    assert str(error.value).startswith(words)


@pytest.mark.parametrize("text", ["", "[1, 2]", "7", "{", "[" * 100_000, "\udc80"])
def test_what_is_no_note_is_refused(walk, text):
    walk.with_suffix(".json").write_text(text, errors="surrogateescape")
    with pytest.raises(ValueError, match=r"walk.json: this is no note of a z-sequence \("):
        read(walk)


def test_a_note_that_is_missing_or_lacks_something_is_refused(walk):
    note = walk.with_suffix(".json")
    note.write_text("{}")
    with pytest.raises(ValueError, match="walk.json: it does not say the space"):
        read(walk)
    note.unlink()
    with pytest.raises(ValueError, match="walk.json: it is missing; hand it in with the array"):
        read(walk)
    walk.unlink()
    with pytest.raises(ValueError, match="walk.npy: there is no such file"):
        read(walk)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, "row 2 has nan in column 1, but all numbers have to be finite"),
        (-np.inf, "row 2 has -inf in column 1"),
    ],
)
def test_numbers_that_are_not_finite_are_refused_by_their_place(value, words):
    rows = np.ones((4, 3), np.float32)
    rows[2, 1] = value
    with pytest.raises(ValueError, match=words):
        sequence(rows=rows)


def test_zero_is_no_direction_but_a_place_elsewhere():
    rows = np.ones((4, 3), np.float32)
    rows[3] = 0
    with pytest.raises(ValueError, match="row 3 is zero, which is no direction on a sphere; leave"):
        sequence(rows=rows)
    assert sequence(rows=rows, geometry="gaussian").dim == 3


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_is_no_sequence(shape):
    with pytest.raises(ValueError, match="is empty; give it rows of numbers"):
        sequence(rows=np.zeros(shape, np.float32))


def test_rows_of_other_width_are_refused(walk):
    with pytest.raises(ValueError, match="walk.npy: rows have 5 numbers, but 384 are needed"):
        read(walk, dim=384)


def test_vectors_need_no_note_but_may_not_contradict_it(walk):
    rows = np.load(walk)
    assert np.array_equal(read_vectors(walk, 5, "pocket").rows, rows)
    with pytest.raises(ValueError, match="walk.npy: these are vectors of pocket, but those of"):
        read_vectors(walk, 5, "ViT-B-32/openai")
    np.save(walk, rows + 1)
    with pytest.raises(ValueError, match="walk.npy: row 0 is not the one that walk.json was writt"):
        read_vectors(walk, 5, "pocket")
    walk.with_suffix(".json").unlink()
    alone = read_vectors(walk, 5, "pocket")
    assert np.array_equal(alone.rows, rows + 1)
    assert (alone.fps, alone.geometry, alone.encoder) == (25, "sphere", "pocket")
    with pytest.raises(ValueError, match="walk.npy: rows have 5 numbers, but 256 are needed"):
        read_vectors(walk, 256, "pocket")
    rows[3] = 0
    np.save(walk, rows)
    with pytest.raises(ValueError, match="walk.npy: row 3 is zero, which is no direction"):
        read_vectors(walk, 5, "pocket")
