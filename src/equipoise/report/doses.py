"""What was given: cycles, relative dose intensity, and why doses were less or cycles late."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from equipoise.record.rule import KEY, Tables
from equipoise.report.layout import (
    Cell,
    Heading,
    Row,
    Table,
    arm_codes,
    arm_label,
    counted_in,
    seqs_of,
)
from equipoise.report.wording import NOT_GIVEN, plain, share, spread
from equipoise.study.definition import Study
from equipoise.treatment.decision import rules_in_force

DOSE = ("cycle", "drug")
HELD = ("omit", "stop")
LATE = (("1 to 7 days", 1, 7), ("8 to 14 days", 8, 14), ("More than 14 days", 15, None))
NOTE = (
    "A dose is what a cycle plans of one drug. Reduced, omitted: by the dosing rules of the study; "
    "not given: planned by the rules, and nothing was given. A subject counts under the regimen of "
    "the first cycle."
)


def cycles_table(tables: Tables, study: Study) -> Table:
    """By arm and regimen: subjects, cycles begun, time under treatment, cycles begun late, doses
    reduced, omitted and not given. Without a row while nobody was treated."""
    cycles, doses = _cycles(tables), _doses(tables)
    times = _times(tables, cycles)
    rows = []
    for arm in arm_codes(study):
        inside = cycles.filter(arm=arm)
        regimens = [
            each for each in study.treatment.regimens if len(inside.filter(first=each.code))
        ]
        if not regimens:
            continue
        rows.append(Row(arm_label(study, arm), kind="group"))
        parts = [(each.label.en, pl.col("first") == each.code) for each in regimens]
        if len(parts) > 1:
            parts.append(("All regimens", pl.lit(True)))
        rows += [
            _cycles_row(label, *(each.filter(which, arm=arm) for each in (cycles, times, doses)))
            for label, which in parts
        ]
    heads = [
        "Subjects", "Cycles", "Cycles per subject", "Weeks of treatment", "Cycles begun late",
        "Doses reduced", "Doses omitted", "Doses not given",
    ]  # fmt: skip
    return Table(
        "Treatment of randomised subjects, by arm and regimen",
        "Regimen",
        [[Heading(each) for each in heads]],
        rows,
        (
            "Per subject as median (range). Weeks: from the first to the last administration. "
            "Late: after the day on which the cycle before was over, of all cycles but the first. "
            + NOTE,
        ),
        title="Treatment",
    )


def intensity_table(tables: Tables, study: Study) -> Table:
    """By arm, regimen and drug: the relative dose intensity of each subject, median and range."""
    frame = tables["relative_dose_intensity"].join(
        _first(tables), on=[*KEY], how="inner", maintain_order="left"
    )
    doses = _doses(tables)
    rows = []
    for arm in arm_codes(study):
        for regimen in study.treatment.regimens:
            mine = frame.filter(arm=arm, first=regimen.code)
            if mine.is_empty():
                continue
            rows.append(Row(f"{arm}: {regimen.label.en}", kind="group"))
            rows += [
                _drug_row(
                    dose.label.en, mine.filter(drug=dose.drug),
                    doses.filter(arm=arm, first=regimen.code, drug=dose.drug),
                )
                for dose in regimen.doses
            ]  # fmt: skip
    heads = [
        "Subjects", "Relative dose intensity, %", "Relative dose, %", "Reduced", "Omitted",
        "Not given",
    ]  # fmt: skip
    return Table(
        "Relative dose intensity by arm, regimen and drug",
        "Drug",
        [[Heading(each) for each in heads]],
        rows,
        (
            "Of each subject over all cycles, as median (range). Relative dose: given, of what the "
            "regimen plans before any modification. Intensity: the same per day, so that late "
            "cycles lower it (Hryniuk and Bush, J Clin Oncol 1984;2:1281).",
        ),
        title="Relative dose intensity",
    )


def reasons_table(tables: Tables, study: Study) -> Table:
    """Why doses were reduced, omitted or not given, how late cycles began, why treatment ended."""
    arms, doses = arm_codes(study), _doses(tables)
    wordings = {
        f"{each.code}/{rule.code}": f"{each.label.en}: {rule.wording.en.rstrip('.')}"
        for each, rule in rules_in_force(study.treatment)
    }

    def wording(rule: str | None) -> str:
        return NOT_GIVEN if rule is None else wordings.get(rule, rule)

    def missing(why: str | None) -> str:
        return "Nothing recorded" if why is None else plain(why).capitalize()

    stops = tables["treatment_discontinued"].join(_first(tables), on=[*KEY], how="inner")
    stops = stops.with_columns(pl.concat_list("seq").alias("sources"))
    rows = [
        *_by(doses.filter("reduced"), "Doses reduced", "rule", wording, arms),
        *_by(doses.filter("omitted"), "Doses omitted or stopped", "rule", wording, arms),
        *_by(doses.filter("not_given"), "Doses not given", "why", missing, arms),
        *_late(_cycles(tables), arms),
        *_by(
            stops, "Treatment ended", "cause", lambda cause: plain(cause or "").capitalize(), arms
        ),
    ]
    return Table(
        "Reasons: reduced and omitted doses, late cycles, end of treatment, in each arm",
        "Reason",
        [
            [Heading(arm, 2) for arm in arms],
            [Heading(name) for _ in arms for name in ("Times", "Subjects")],
        ],
        rows,
        ("Wordings are those of the dosing rules of the study file. " + NOTE,),
        block=2,
        title="Reasons",
    )


def _first(tables: Tables) -> pl.DataFrame:
    """The arm of each randomised subject that began treatment, and the first cycle's regimen."""
    cycles = tables["treatment_cycle"].sort(*KEY, "cycle")
    first = cycles.unique([*KEY], keep="first", maintain_order=True)
    arms = tables["allocation"].select(*KEY, "arm")
    return first.select(*KEY, pl.col("regimen").alias("first")).join(arms, on=[*KEY], how="inner")


def _cycles(tables: Tables) -> pl.DataFrame:
    """Cycles with arm and first regimen; `late` by more than no day."""
    cycles = tables["treatment_cycle"].join(_first(tables), on=[*KEY], how="inner")
    return cycles.with_columns((pl.col("delay") > 0).fill_null(False).alias("late"))


def _doses(tables: Tables) -> pl.DataFrame:
    """Every planned dose: whether the rules reduced or omitted it and by which rule, whether it was
    not given and why; sources."""
    decided = tables["dose_decision"].select(
        *KEY, *DOSE, "decision", "rule", pl.col("sources").alias("decided_by")
    )
    none = tables["dose_given"].filter(pl.col("amount_missing").is_not_null())
    none = none.unique([*KEY, *DOSE], keep="first", maintain_order=True)
    none = none.select(*KEY, *DOSE, pl.col("amount_missing").alias("why"))
    frame = tables["dose_intensity"].join(_first(tables), on=[*KEY], how="inner")
    frame = frame.join(decided, on=[*KEY, *DOSE], how="left")
    frame = frame.join(none, on=[*KEY, *DOSE], how="left")
    omitted = pl.col("decision").is_in(HELD).fill_null(False)
    both = [pl.col(name).fill_null([]) for name in ("sources", "decided_by")]
    return frame.with_columns(
        (pl.col("decision") == "reduce").fill_null(False).alias("reduced"),
        omitted.alias("omitted"),
        ((pl.col("administered") == 0) & ~omitted).alias("not_given"),
        pl.concat_list(both).alias("sources"),
    )


def _times(tables: Tables, cycles: pl.DataFrame) -> pl.DataFrame:
    """Of each subject the number of cycles, and weeks under treatment in tenths."""
    given = tables["exposure"].group_by(*KEY).agg(
        pl.col("first_dose").min(),
        pl.col("last_dose").max(),
        pl.col("sources").list.explode(keep_nulls=False, empty_as_null=False).alias("given"),
    )  # fmt: skip
    days = (pl.col("last_dose") - pl.col("first_dose")).dt.total_days() + 1
    counted = cycles.group_by(*KEY, "arm", "first").agg(
        pl.len().alias("cycles"),
        pl.col("sources").list.explode(keep_nulls=False, empty_as_null=False),
    )
    return counted.join(given, on=[*KEY], how="left").with_columns(
        ((20 * days + 7) // 14).alias("weeks")
    )


def _cycles_row(label: str, cycles: pl.DataFrame, times: pl.DataFrame, doses: pl.DataFrame) -> Row:
    due = cycles.filter(pl.col("due").is_not_null())
    cells = [
        counted_in(times),
        counted_in(cycles),
        Cell(spread(times["cycles"].to_list(), 0), seqs_of(times["sources"])),
        Cell(spread(_tenths(times["weeks"]), 1, halves=False), seqs_of(times["given"])),
        _part(due.filter("late"), due),
        *(_part(doses.filter(name), doses) for name in ("reduced", "omitted", "not_given")),
    ]
    return Row(label, cells, "level")


def _drug_row(label: str, subjects: pl.DataFrame, doses: pl.DataFrame) -> Row:
    cells = [counted_in(subjects)]
    for name in ("relative_intensity", "relative_dose"):
        known = subjects.filter(pl.col(name).is_not_null())
        tenths = (known[name] + 5) // 10
        cells.append(Cell(spread(_tenths(tenths), 1, halves=False), seqs_of(known["sources"])))
    cells += [_part(doses.filter(name), doses) for name in ("reduced", "omitted", "not_given")]
    return Row(label, cells, "level")


def _tenths(values: pl.Series) -> list[float]:
    return [value / 10 for value in values.drop_nulls()]


def _part(those: pl.DataFrame, whole: pl.DataFrame) -> Cell:
    """A count with its share, which leads to those counted."""
    return Cell(share(len(those), len(whole)), seqs_of(those["sources"]))


def _by(
    frame: pl.DataFrame,
    heading: str,
    name: str,
    wording: Callable[[str | None], str],
    arms: Sequence[str],
) -> Iterator[Row]:
    """A line for each value of a column, the most frequent first."""
    if frame.is_empty():
        return
    yield Row(heading, kind="group")
    counted = frame.group_by(name).len().sort("len", name, descending=[True, False])
    for value in counted[name]:
        yield _reason(wording(value), frame.filter(pl.col(name).eq_missing(value)), arms)


def _late(cycles: pl.DataFrame, arms: Sequence[str]) -> Iterator[Row]:
    late = cycles.filter("late")
    if late.is_empty():
        return
    yield Row("Cycles begun late", kind="group")
    for label, least, most in LATE:
        inside = pl.col("delay") >= least
        inside &= pl.lit(True) if most is None else pl.col("delay") <= most
        yield _reason(label, late.filter(inside), arms)


def _reason(label: str, frame: pl.DataFrame, arms: Sequence[str]) -> Row:
    cells = []
    for arm in arms:
        mine = frame.filter(arm=arm)
        subjects = Cell(str(mine.select(*KEY).n_unique()), seqs_of(mine["sources"]))
        cells += [counted_in(mine), subjects if len(mine) else Cell("0")]
    return Row(label, cells, "level")
