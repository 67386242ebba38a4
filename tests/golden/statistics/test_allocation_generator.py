"""The allocation generator against its published page: vectors, and the page's own program.

The words on the page were computed with OpenSSL; the program on it shares no code with Equipoise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from equipoise.statistics.allocation import (
    CompleteRandomisation,
    Method,
    PermutedBlocks,
    allocate,
)
from equipoise.statistics.minimisation import Measure, Minimisation, minimise
from equipoise.statistics.random import AllocationWords, dummy_seed

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "allocation-generator.md"
TEXT = PAGE.read_text(encoding="utf-8")
SEED = bytes(range(32))


def rows(columns: int) -> list[list[str]]:
    """The rows of the page's tables of vectors that have so many columns."""
    vectors = TEXT.split("## Test vectors")[1].split("## ")[0]
    lines = [line.strip("| \n") for line in vectors.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [row for row in cells if len(row) == columns and row[0] != "scheme"]


def integers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


@pytest.fixture(scope="module")
def program() -> dict[str, Callable[..., list[int]]]:
    """The page's program, run as printed."""
    source = TEXT.split("```python\n")[1].split("```")[0]
    names: dict[str, Callable[..., list[int]]] = {}
    exec(compile(source, str(PAGE), "exec"), names)
    return names


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize(("scheme", "stratum", "block", "counter", "words"), rows(5))
def test_words_are_those_of_openssl(
    scheme: str, stratum: str, block: str, counter: str, words: str
) -> None:
    first = 4 * int(counter)
    drawn = AllocationWords(SEED, scheme)(stratum, int(block), first + 4)[first:]
    assert [f"{word:016x}" for word in drawn] == words.split()


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize(("scheme", "stratum", "method", "ratio", "sizes", "arms"), rows(6))
def test_first_arms_are_those_on_the_page(
    scheme: str, stratum: str, method: str, ratio: str, sizes: str, arms: str
) -> None:
    rule: Method = (
        PermutedBlocks(integers(ratio), integers(sizes))
        if method == "permuted blocks"
        else CompleteRandomisation(integers(ratio))
    )
    source = AllocationWords(SEED, scheme)
    expected = integers(arms)
    assert len(expected) == 24
    assert tuple(allocate(rule, stratum, n, source).arm for n in range(24)) == expected


def test_page_has_all_its_vectors() -> None:
    assert (len(rows(5)), len(rows(6)), len(rows(8))) == (3, 5, 4)


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize(
    ("scheme", "stratum", "ratio", "weights", "p", "measure", "levels", "arms"), rows(8)
)
def test_first_minimised_arms_are_those_on_the_page(
    scheme: str,
    stratum: str,
    ratio: str,
    weights: str,
    p: str,
    measure: str,
    levels: str,
    arms: str,
) -> None:
    method = Minimisation(integers(ratio), integers(weights), Fraction(p), cast(Measure, measure))
    patients = list(islice(cycle([integers(each) for each in levels.split(";")]), 24))
    found = minimise(method, stratum, np.array(patients), AllocationWords(SEED, scheme))
    assert [each.arm for each in found] == list(integers(arms))


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize(
    ("ratio", "sizes"),
    [
        ((2, 1), (3, 6)),
        ((1, 1), (2, 4, 6)),
        ((1, 2, 1), (4,)),
        ((3, 0, 2), (5, 30)),
        ((1, 1), (128,)),
    ],
)
@pytest.mark.parametrize("replicate", range(4))
def test_permuted_blocks_equal_the_independent_program(
    program: dict[str, Callable[..., list[int]]],
    ratio: tuple[int, ...],
    sizes: tuple[int, ...],
    replicate: int,
) -> None:
    seed = dummy_seed(20260, replicate)
    expected = program["permuted_blocks"](seed, "main", "site=12", ratio, sizes, 130)
    source, method = AllocationWords(seed, "main"), PermutedBlocks(ratio, sizes)
    assert [allocate(method, "site=12", n, source).arm for n in range(130)] == expected


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize("ratio", [(2, 1), (1, 1), (1, 2, 1), (0, 1, 5)])
def test_complete_randomisation_equals_the_independent_program(
    program: dict[str, Callable[..., list[int]]], ratio: tuple[int, ...]
) -> None:
    seed = dummy_seed(7, 0)
    expected = program["complete_randomisation"](seed, "main", "low", ratio, 200)
    source, method = AllocationWords(seed, "main"), CompleteRandomisation(ratio)
    assert [allocate(method, "low", n, source).arm for n in range(200)] == expected


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize(
    ("ratio", "weights", "p"),
    [
        ((2, 1), (1, 1), Fraction(4, 5)),
        ((1, 1), (1, 2, 5), Fraction(1)),
        ((1, 2, 1), (2, 3), Fraction(85, 100)),
        ((3, 0, 2), (1,), Fraction(1, 5)),
    ],
)
@pytest.mark.parametrize("measure", ["range", "variance"])
def test_minimisation_equals_the_independent_program(
    program: dict[str, Callable[..., list[int]]],
    ratio: tuple[int, ...],
    weights: tuple[int, ...],
    p: Fraction,
    measure: Measure,
) -> None:
    seed = dummy_seed(1975, 0)
    patients = np.random.default_rng(1975).integers(0, 3, (90, len(weights)))
    expected = program["minimisation"](
        seed, "main", "low", ratio, weights, p.as_integer_ratio(), measure, patients.tolist()
    )
    method = Minimisation(ratio, weights, p, measure)
    found = minimise(method, "low", patients, AllocationWords(seed, "main"))
    assert [each.arm for each in found] == expected


def test_dummy_seed_is_the_one_on_the_page() -> None:
    assert dummy_seed(1, 0).hex() in TEXT
