"""Nature's streams: the published generator, and the same draws whatever the batch."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.random import nature_words, stream, uniforms


@given(st.integers(0, 2**70), st.text(max_size=20), st.integers(0, 2**40), st.integers(0, 41))
@settings(max_examples=30, deadline=None)
def test_machine_code_has_the_bits_of_numpys_philox(
    seed: int, name: str, first: int, size: int
) -> None:
    """200 replicates go through the compiled core; each row is NumPy's own Philox4x64-10."""
    digest = hashlib.sha256(f"equipoise-philox-1|{seed}|{name}".encode()).digest()
    key = int.from_bytes(digest[:16], "little")
    words = nature_words(seed, name, range(first, first + 200), size)
    assert words.shape == (200, size)
    for row in (0, 1, 77, 199):
        reference = np.random.Philox(key=key, counter=(first + row) << 128)
        assert words[row].tolist() == reference.random_raw(size).tolist()


@given(st.lists(st.integers(0, 300), min_size=1, max_size=5), st.integers(1, 30))
@settings(max_examples=25, deadline=None)
def test_a_replicate_has_the_same_draws_in_every_batch(chosen: list[int], size: int) -> None:
    whole = uniforms(3, "response", range(301), 30)
    part = uniforms(3, "response", chosen, size)
    assert (part == whole[chosen, :size]).all()
    assert (
        uniforms(3, "response", chosen, (size, 2)).reshape(len(chosen), -1)[:, :size] == part
    ).all()


def test_uniforms_come_from_the_words_of_the_stream() -> None:
    words = stream(3, "response", 5).bit_generator.random_raw(30)
    assert uniforms(3, "response", [5], 30)[0].tolist() == [
        ((int(word) >> 12) + 0.5) / 2**52 for word in words
    ]


def test_uniforms_are_never_zero_or_one() -> None:
    assert ((2**52 - 1) + 0.5) * 2.0**-52 < 1.0
    draws = uniforms(1, "edge", range(200), 500)
    assert 0.0 < draws.min() and draws.max() < 1.0


def test_streams_differ_by_seed_name_and_replicate() -> None:
    rows = [(1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1), (11, "a", 0), (1, "1|a", 0)]
    words = {tuple(nature_words(seed, name, [number], 4)[0]) for seed, name, number in rows}
    assert len(words) == len(rows)


def test_empty_batches_and_sizes_are_empty() -> None:
    assert uniforms(1, "a", [], 3).shape == (0, 3)
    assert uniforms(1, "a", range(100), 0).shape == (100, 0)


@pytest.mark.parametrize("replicate", [-1, 2**63])
def test_an_impossible_replicate_is_refused(replicate: int) -> None:
    with pytest.raises(BadInput, match="replicate"):
        stream(1, "a", replicate)


def test_one_patient_is_randomised_without_loading_the_compiler() -> None:
    program = (
        "import sys\n"
        "from equipoise.statistics import allocation, kaplan_meier, log_rank, power, random\n"
        "source = random.AllocationWords(bytes(32), 'main')\n"
        "allocation.allocate(allocation.PermutedBlocks((2, 1), (3, 6)), 'A', 3, source)\n"
        "random.uniforms(1, 'a', [0], 5)\n"
        "print([name for name in ('numba', 'scipy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
