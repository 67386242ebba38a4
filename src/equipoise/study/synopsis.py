"""A study on one screen: what a reader of its protocol's synopsis looks for."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator

from equipoise.biomarker.plan import StatusInterval
from equipoise.record.event import decimal_text
from equipoise.record.plan import assumed_values
from equipoise.study.analysis_plan import Analysis
from equipoise.study.definition import Study
from equipoise.study.interim_limits import interim_limits
from equipoise.study.interim_plan import Interims
from equipoise.treatment.rules import released

WIDTH = 96


def synopsis(study: Study) -> str:
    """Title, design, marker, strata, arms, criteria, visits, analyses and size, as text."""
    parts = (
        _identity, _marker, scheme_lines, _arms, _criteria, _schedule, _analyses, _interims,
        _closed, _size, _standing,
    )  # fmt: skip
    told = ("\n".join(part(study)) for part in parts)
    return "\n\n".join(each for each in told if each)


def _line(name: str, text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=f"{name:<16}", subsequent_indent=" " * 16,
        break_long_words=False,
    )  # fmt: skip


def _identity(study: Study) -> Iterator[str]:
    registration = study.registration
    identifiers = registration.identifiers
    design, dates, size = registration.design, registration.dates, registration.enrolment
    yield textwrap.fill(study.title.en, WIDTH)
    if study.assumption:
        yield _line("NOTE", study.assumption)
    numbers = [identifiers.registry, identifiers.sponsor, *identifiers.other]
    yield _line("study", f"{study.id}, version {study.version}")
    yield _line("numbers", ", ".join(number for number in numbers if number))
    yield _line("sponsor", ", ".join(f"{s.name} ({s.role})" for s in registration.sponsors))
    yield _line("conditions", ", ".join(registration.conditions))
    words = (design.allocation, design.intervention_model, f"masking {design.masking}")
    yield _line("design", f"{', '.join(word.lower().replace('_', ' ') for word in words)}")
    yield _line("phase", design.phase)
    yield _line("status", registration.status.lower().replace("_", " "))
    yield _line("dates", f"start {dates.start or 'unknown'}, end {dates.completion or 'unknown'}")
    yield _line("size", f"planned {size.planned or 'unknown'}, enrolled {size.actual or 'unknown'}")
    yield _line("sites", f"{len(study.sites)} in {', '.join(registration.countries)}")


def _marker(study: Study) -> Iterator[str]:
    marker = study.biomarker.marker
    yield _line("MARKER", f"{marker.code}: {marker.label.en}")
    for status in marker.statuses:
        yield _line("  status", f"{status.code}: {status.label.en}")
    for rule in marker.rules:
        force = " (in force)" if rule.version == marker.rule_in_force else ""
        steps = [
            f"{step.assay}: " + "; ".join(_interval(interval) for interval in step.intervals)
            for step in rule.steps
        ]
        yield _line("  rule", f"{rule.version}{force}: " + ". If not interpretable, ".join(steps))
    if path := marker.path:
        steps = [f"{step.label.en} by day {step.within_days}" for step in path.steps]
        last = "not randomised" if path.then == "not_randomised" else f"stratum {path.status}"
        since = path.counted_from.replace("_", " ")
        yield _line("  without a status", f"{', then '.join(steps)} from {since}; then {last}")


def _interval(interval: StatusInterval) -> str:
    signs = (
        (">=", interval.at_least),
        (">", interval.above),
        ("<", interval.below),
        ("<=", interval.at_most),
    )
    limits = [f"{sign} {decimal_text(limit)}" for sign, limit in signs if limit is not None]
    return f"{interval.status} {' and '.join(limits) or 'always'}"


def scheme_lines(study: Study) -> Iterator[str]:
    """The allocation scheme in lines: method, ratios, factors, minimisation; no block sizes."""
    scheme = study.randomisation.scheme
    yield _line("RANDOMISATION", f"{scheme.method.replace('_', ' ')}, scheme {scheme.code}")
    for ratio in scheme.ratios:
        weights = ":".join(str(weight) for weight in ratio.ratio.values())
        yield _line("  stratum", f"{ratio.status}: {':'.join(ratio.ratio)} {weights}")
    if scheme.factors:
        yield _line("  factors", ", ".join(scheme.factors))
    if rule := scheme.minimisation:
        weights = ", ".join(f"{factor} {weight}" for factor, weight in rule.weights.items())
        coin = f"coin {decimal_text(rule.probability)}, {rule.measure}, weights {weights}"
        yield _line("  minimisation", coin)


def _arms(study: Study) -> Iterator[str]:
    regimens = {regimen.code: regimen for regimen in study.treatment.regimens}
    yield "ARMS"
    for arm in study.randomisation.arms:
        yield _line(f"  {arm.code}", f"{arm.label.en}. {arm.description.en}")
        for regimen in (regimens[code] for code in arm.regimens):
            doses = [
                f"{dose.label.en} {decimal_text(dose.amount)} {dose.unit}"
                + (f" x {dose.times_per_day} daily" if dose.times_per_day > 1 else "")
                + f", {_days(dose.days)}"
                for dose in regimen.doses
            ]
            yield _line("", f"{regimen.code}, {regimen.cycle_days} days: {'; '.join(doses)}")


def _days(days: tuple[int, ...]) -> str:
    """Days of a cycle in words.

    >>> _days((1,)), _days((10, 11, 12)), _days((1, 8))
    ('day 1', 'days 10 to 12', 'days 1, 8')
    """
    if len(days) == 1:
        return f"day {days[0]}"
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"days {days[0]} to {days[-1]}"
    return "days " + ", ".join(map(str, days))


def _criteria(study: Study) -> Iterator[str]:
    yield "ELIGIBILITY"
    for criterion in study.eligibility.criteria:
        yield _line(f"  {criterion.id}", f"{criterion.kind}: {criterion.wording.en}")


def _schedule(study: Study) -> Iterator[str]:
    yield "VISITS"
    for visit in study.visits.visits:
        every = f", then every {visit.repeat_every} days" if visit.repeat_every else ""
        window = f"-{visit.window_before}/+{visit.window_after}"
        imaging = ", imaging" if visit.imaging else ""
        anchor = visit.anchor.replace("_", " ")
        text = f"{visit.label.en}: day {visit.day} from {anchor} ({window}){every}{imaging}"
        yield _line("  visit", text)
    measured = [
        f"{each.item} by {each.analyte}, exactly, in {each.unit}" for each in study.answered
    ]
    if measured:
        yield _line("  laboratory", f"reports answer {'; '.join(measured)}")
    treated = [
        f"{item.code} ({', '.join(item.therapies)})"
        for form in study.visits.forms
        for item in form.items
        if item.therapies
    ]
    if treated:
        yield _line("  therapies", f"recorded as prior ones answer {'; '.join(treated)}")


def _analyses(study: Study) -> Iterator[str]:
    yield "ANALYSES"
    for analysis in study.analysis.analyses:
        yield _line(
            f"  {analysis.role}", f"{analysis.id}: {analysis.label.en}; {_method(analysis)}"
        )


def _method(analysis: Analysis) -> str:
    parts = [
        analysis.method,
        analysis.test or "none",
        analysis.side,
        analysis.estimate,
        analysis.interval,
        f"adjusted for {' and '.join(analysis.adjust)}" if analysis.adjust else "none",
        f"stratified by {' and '.join(analysis.stratify)}" if analysis.stratify else "none",
        "interaction of arm and status" if analysis.interaction else "none",
        analysis.denominator or "none",
        "post_hoc" if analysis.post_hoc else "none",
        "our_reconstruction" if analysis.reconstruction else "none",
    ]
    return ", ".join(part.replace("_", " ") for part in parts if part != "none")


def _interims(study: Study) -> Iterator[str]:
    """When the trial is looked at, and what then stops it; nothing where nobody looks."""
    for analysis in study.analysis.analyses:
        interims = analysis.interims
        if interims is None:
            continue
        limits = interim_limits(interims)
        side = interims.side.replace("_", "-")
        yield _line(
            "INTERIM LOOKS", f"of {analysis.id}; {side}, alpha {decimal_text(interims.alpha)}"
        )
        for number, share in enumerate(limits.information):
            told = [f"information {share:.3g}", f"efficacy {_limit(limits.critical[number])}"]
            if number + 1 == len(limits.information):
                told[1] = f"rejects at {limits.critical[number]:.3f}"
            elif limits.futility is not None:
                told.append(f"futility {_limit(limits.futility[number])}")
            yield _line(
                f"  look {number + 1}", f"{look_comes(interims, number)}: {', '.join(told)}"
            )
        yield from (_line("  stops", each) for each in _stops(interims))


def look_comes(interims: Interims, number: int) -> str:
    """When a look comes (from 0), in words.

    >>> plan = Interims(counted="events", at=(35, 70), side="less", alpha="0.025")
    >>> look_comes(plan, 0), look_comes(plan, 1)
    ('35 events', 'the end')
    """
    if number >= len(interims.counts):
        return "the end"
    count = interims.counts[number]
    return f"month {count}" if interims.counted == "months" else f"{count} {interims.counted}"


def _limit(z: float) -> str:
    return "none" if math.isinf(z) else f"Z {z:.3f}"


def _stops(interims: Interims) -> Iterator[str]:
    """Which rules make the limits."""
    efficacy, futility = interims.efficacy, interims.futility
    if efficacy is not None:
        parameter = "" if efficacy.parameter is None else f" {decimal_text(efficacy.parameter)}"
        yield f"for efficacy: {efficacy.family.replace('_', ' ')}{parameter}"
    if futility is None:
        return
    binding = "binding" if futility.binding else "not binding"
    if futility.threshold is not None:
        under = (futility.under or "").replace("_", " ")
        rule = f"conditional power below {decimal_text(futility.threshold)} under the {under}"
    else:
        parameter = "" if futility.parameter is None else f" {decimal_text(futility.parameter)}"
        rule = f"beta spending, {(futility.family or '').replace('_', ' ')}{parameter}"
    yield f"for futility: {rule}, {binding}"


def _closed(study: Study) -> Iterator[str]:
    """What is tested together; nothing where every analysis stands alone."""
    closed = study.analysis.closed_testing
    if closed is None:
        return
    weights = ", ".join(f"{name} {decimal_text(each)}" for name, each in closed.weights.items())
    yield _line("CLOSED TEST", f"alpha {decimal_text(closed.alpha)}; weights {weights}")
    for name, shares in closed.transitions.items():
        onwards = ", ".join(f"{other} {decimal_text(each)}" for other, each in shares.items())
        yield _line(f"  {name}", f"passes on to {onwards}")


def _size(study: Study) -> Iterator[str]:
    size = study.analysis.sample_size
    if size is None:
        yield _line("SAMPLE SIZE", "not given")
        return
    rates = " v ".join(f"{status} {decimal_text(rate)}" for status, rate in size.rates.items())
    text = (
        f"{size.planned} planned: {rates}, {'two' if size.sided == 2 else 'one'}-sided alpha "
        f"{decimal_text(size.alpha)}, power {decimal_text(size.power)}, "
        f"loss {decimal_text(size.loss)}"
    )
    yield _line("SAMPLE SIZE", text)


def _standing(study: Study) -> Iterator[str]:
    number = sum(1 for _ in assumed_values(study))
    unsigned = unreleased_regimens(study)
    yield _line("ASSUMPTIONS", f"{number}; equipoise study assumptions {study.id} lists them")
    if unsigned:
        yield _line("DOSES", f"for rehearsal only, no signed source: {', '.join(unsigned)}")


def unreleased_regimens(study: Study) -> list[str]:
    """Regimens with a dose that pharmacist and investigator did not release by signing its source.

    Source: REQUIREMENTS PH1 (a dose without a signed source is refused).
    """
    return [
        regimen.code
        for regimen in study.treatment.regimens
        if not all(released(dose) for dose in regimen.doses)
    ]
