"""The six designs side by side: randomised, screened, duration, power and error.

Rows come from the exhibits of the single designs; a number that was simulated has its Monte-Carlo
standard error, one that was enumerated has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from equipoise.analysis.exhibit import Exhibit, Value

ADAPTIVE = "adaptive enrichment"
TWO_STAGE = "Simon's two stages"


def six_designs(
    planned: Exhibit, needed: Exhibit, adaptive: Exhibit, two_stage: Exhibit, level: float
) -> Exhibit:
    """One table of all designs: with the planned number, and what the wanted power needs.

    `level` is that of the sample size. A two-stage design has its own number in both.
    """
    rows = (
        *_fixed(planned, needed),
        *_adaptive(adaptive),
        *(_two_stage(row) for row in two_stage.rows if row["design"] in ("optimal", "none")),
    )
    return Exhibit(
        "side_by_side",
        "The six designs side by side",
        tuple(rows),
        (
            "power and error with the planned number after the loss; needed: for the wanted power",
            "power_se, error_se: Monte-Carlo standard errors where a design is simulated; the "
            "others are enumerated",
            f"{ADAPTIVE}: of finding an effect in the status, in everybody, or in both, one-sided "
            f"at {level:g}; {TWO_STAGE}: the optimal design with its own number, one-sided at "
            f"{level:g}, without a control group; its screened and months are those of the whole "
            "design",
        ),
    )


def _fixed(planned: Exhibit, needed: Exhibit) -> Iterator[Mapping[str, Value]]:
    for row, wanted in zip(planned.rows, needed.rows, strict=True):
        yield {
            **{name: row[name] for name in ("design", "question", "randomised", "screened")},
            "months": row["months"],
            **_judged(row["power"], None, row["error"], None),
            **_needed(wanted),
        }


def _adaptive(adaptive: Exhibit) -> Iterator[Mapping[str, Value]]:
    first, *rest = adaptive.rows
    yield {
        "design": ADAPTIVE,
        "question": adaptive.title.partition(": ")[2],
        **{name: first[name] for name in ("randomised", "screened", "months")},
        **_judged(first["power"], first["power_se"], first["error"], first["error_se"]),
        **_needed(rest[0] if rest else None),
    }


def _two_stage(row: Mapping[str, Value]) -> Mapping[str, Value]:
    return {
        "design": TWO_STAGE,
        "question": f"in {row['status']}: {row['p0']} v {row['p1']}",
        **{name: row[name] for name in ("randomised", "screened", "months")},
        **_judged(row["power"], None, row["error"], None),
        **_needed(row),
    }


def _judged(power: Value, power_se: Value, error: Value, error_se: Value) -> Mapping[str, Value]:
    return {"power": power, "power_se": power_se, "error": error, "error_se": error_se}


def _needed(row: Mapping[str, Value] | None) -> Mapping[str, Value]:
    names = ("randomised", "screened", "months")
    return {f"needed_{name}": None if row is None else row[name] for name in names}
