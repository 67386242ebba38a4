"""A second programming of docs/reference/allocation-generator.md, from the prose of that page.

It shares no code with Equipoise nor with the program printed on the page, and works another way: a
digest is one number of 256 bits, a block is an urn that is dealt from the back, imbalance is kept
in exact fractions.
"""

from __future__ import annotations

import hmac
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from math import gcd
from typing import Any

FULL = 1 << 64


class Block:
    """One block's words in order, of which only so many may be used."""

    def __init__(self, seed: bytes, scheme: str, stratum: str, number: int, largest: int) -> None:
        self.key = seed
        self.head = "|".join(["equipoise-hmac-sha256-1", scheme, stratum, str(number)])
        self.left = 4 * ((largest + 3) // 4 + 1)
        self.words = self._words()

    def _words(self) -> Iterator[int]:
        for counter in itertools.count():
            message = bytes(f"{self.head}|{counter}", "ascii")
            whole = int(hmac.digest(self.key, message, "sha256").hex(), 16)
            for shift in (192, 128, 64, 0):
                yield (whole >> shift) % FULL

    def below(self, m: int) -> int:
        """A uniform integer of 0 to m - 1."""
        limit = FULL - FULL % m
        while self.left:
            self.left -= 1
            word = next(self.words)
            if word < limit:
                return word - m * (word // m)
        raise ArithmeticError("the words of the block are used up")


@dataclass
class Stratum:
    """One stratum under one scheme, dealt arm by arm."""

    seed: bytes
    scheme: str
    name: str
    ratio: Sequence[int]
    dealt: list[int] = field(default_factory=list)

    def block(self, number: int, largest: int) -> Block:
        return Block(self.seed, self.scheme, self.name, number, largest)


def blocks(stratum: Stratum, sizes: Sequence[int]) -> Iterator[int]:
    """Arms by permuted blocks, without end."""
    for number in itertools.count():
        block = stratum.block(number, max(sizes))
        size = sizes[block.below(len(sizes))]
        times = size // sum(stratum.ratio)
        urn = list(
            itertools.chain.from_iterable(
                [arm] * (part * times) for arm, part in enumerate(stratum.ratio)
            )
        )
        drawn = []
        while len(urn) > 1:  # the last place gets place j, and what stood last moves there
            j = block.below(len(urn))
            last = urn.pop()
            if j < len(urn):
                urn[j], last = last, urn[j]
            drawn.append(last)
        yield from [*urn, *reversed(drawn)]


def complete(stratum: Stratum) -> Iterator[int]:
    """Arms drawn one by one, without end."""
    bounds = list(itertools.accumulate(stratum.ratio))
    for number in itertools.count():
        u = stratum.block(number, 1).below(bounds[-1])
        yield sum(bound <= u for bound in bounds)


def minimised(
    stratum: Stratum,
    weights: Sequence[int],
    p: Fraction,
    measure: str,
    patients: Iterable[Sequence[Any]],
) -> Iterator[int]:
    """Arms by minimisation, one for each patient, who is a sequence of levels."""
    common = 0
    for part in stratum.ratio:
        common = gcd(common, part)
    owner = [arm for arm, part in enumerate(stratum.ratio) for _ in range(part // common)]
    k = len(owner)
    tally: dict[tuple[int, Any], list[int]] = {}
    for number, levels in enumerate(patients):
        lines = [tally.setdefault((factor, level), [0] * k) for factor, level in enumerate(levels)]
        totals = [
            sum(w * unevenness(line, j, measure) for w, line in zip(weights, lines, strict=True))
            for j in range(k)
        ]
        lowest = min(totals)
        best = [j for j in range(k) if totals[j] == lowest]
        block = stratum.block(number, 2)
        liked = best[block.below(len(best))]
        v = block.below(p.denominator * (k - 1))
        if Fraction(v) < p * p.denominator * (k - 1):
            taken = liked
        else:
            rest = [j for j in range(k) if j != liked]
            beyond = v - p.numerator * (k - 1)
            taken = rest[int(Fraction(beyond, p.denominator - p.numerator))]
        for line in lines:
            line[taken] += 1
        yield owner[taken]


def unevenness(line: Sequence[int], candidate: int, measure: str) -> Fraction:
    """How uneven the counts are once the candidate has one more; the variance exactly, times
    k (k - 1), so that weights of factors mean the same as on the page."""
    counts = [count + (place == candidate) for place, count in enumerate(line)]
    if measure == "range":
        return Fraction(max(counts) - min(counts))
    k = len(counts)
    mean = Fraction(sum(counts), k)
    variance = sum((count - mean) ** 2 for count in counts) / (k - 1)
    return variance * k * (k - 1)


def dummy_list(study: Mapping[str, Any], number: int) -> str:
    """The text of the dummy list of a study; `study` has code, version, method, arms, ratios
    (status, weights, sizes), factors with their levels, and the rule of minimisation."""
    seed = sha256(f"equipoise-dummy-seed-1|{number}|0".encode("ascii")).digest()
    scheme = f"{study['code']}/{study['version']}"
    factors: Mapping[str, Sequence[str]] = study["factors"]
    people = list(itertools.product(*factors.values()))
    text = ",".join(["stratum", "number", *factors, "arm"]) + "\n"
    for status, weights, sizes in study["ratios"]:
        if study["method"] == "minimisation":
            rule = study["rule"]
            count = max(24, 2 * len(people))
            arrivals = [people[n % len(people)] for n in range(count)]
            stratum = Stratum(seed, scheme, status, weights)
            arms = minimised(stratum, rule["weights"], rule["p"], rule["measure"], arrivals)
            text += lines(status, arrivals, arms, study["arms"])
            continue
        for person in people:
            parts = [f"{name}={level}" for name, level in zip(factors, person, strict=True)]
            stratum = Stratum(seed, scheme, "/".join([status, *parts]), weights)
            endless = blocks(stratum, sizes) if study["method"] == "permuted_blocks" else None
            arms = endless or complete(stratum)
            text += lines(stratum.name, [person] * 24, itertools.islice(arms, 24), study["arms"])
    return text


def lines(
    stratum: str, people: Sequence[Sequence[str]], arms: Iterable[int], codes: Sequence[str]
) -> str:
    """The lines of one stratum."""
    return "".join(
        ",".join([stratum, str(number), *person, codes[arm]]) + "\n"
        for number, (person, arm) in enumerate(zip(people, arms, strict=True), start=1)
    )
