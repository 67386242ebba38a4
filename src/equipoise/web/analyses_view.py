"""The analyses at a cut-off: the work beside the page, and its results as rows of a table.

Nothing is computed here: `workflow.analysing` reads and analyses, `report` says it in words. What
somebody blinded gets holds no group of an arm and no entry that they are not told of.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from typing import Any

from equipoise.analysis.result import Result, results_json, synthetic
from equipoise.analysis.result_claim import contradictions
from equipoise.record.event import Event
from equipoise.record.stores import examine, opened
from equipoise.report.findings import ResultView, result_views
from equipoise.report.provenance import events_summary
from equipoise.report.report import report
from equipoise.study.access import may_see_type
from equipoise.study.analysis_plan import AnalysisPlan
from equipoise.study.catalogue import guards_of
from equipoise.study.definition import Study
from equipoise.web.configuration import Configuration
from equipoise.workflow.analysing import Analysed, analysed, facts_of


def worked_out(
    configuration: Configuration, *, as_of: int, cut: datetime.date, by_arm: bool, role: str
) -> dict[str, Any]:
    """The analyses of the plan on the record up to `as_of`, cut at `cut`, as plain values.

    `results` and (by arm alone) `report` are the texts of results.json and report.html, the bytes
    that `equipoise analyse` writes; `rows` are those of the page. Through a connection of its own.
    """
    schema = configuration.schema
    with closing(opened(configuration.record, schema=schema)) as log:
        events = log.read(upto=as_of)
    _, wrong = examine(configuration.record, schema=schema, guards_of=guards_of)
    findings = tuple(f"event {each.seq}: {each.kind}: {each.message}" for each in wrong)
    if findings and not by_arm:  # what does not verify may be of an entry that they are not told of
        findings = (f"the record does not verify: {len(findings)} findings",)
    now = analysed(events, cut, by_arm=by_arm)
    results = now.results if by_arm else _told(now.results, events, role)
    contradicted, facts = contradictions(results), facts_of(events, cut, findings)
    text = results_json(synthetic(results) if facts.mode == "rehearsal" else results)
    found = {
        "results": text, "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "rows": _rows(now.study, results), "sources": [each.sources for each in results],
        "findings": findings, "contradictions": contradicted, "release": facts.release,
        "version": now.study.version, "number": len(results),
    }  # fmt: skip
    if by_arm:
        found["report"] = _report(now, contradicted, findings)
    return found


def _report(now: Analysed, contradicted: Sequence[str], findings: tuple[str, ...]) -> str:
    facts, summary = facts_of(now.events, now.cut, findings), events_summary(now.events)
    return report(now.study, now.tables, now.results, summary, facts, contradicted)


def _told(results: Sequence[Result], events: Sequence[Event], role: str) -> list[Result]:
    """Results without the entries that whoever is blinded is not told of."""
    kinds = {event.seq: event.type for event in events}
    seen = {name for name in set(kinds.values()) if may_see_type(role, name)}
    return [
        dataclasses.replace(
            each, sources=tuple(seq for seq in each.sources if kinds[seq] in seen)
        )
        for each in results
    ]  # fmt: skip


def _rows(study: Study, results: list[Result]) -> list[dict[str, Any]]:
    """One row per result, texts of the study file in both languages; `span` of the first row of an
    analysis says of how many rows it is, and is 0 for the others."""
    views = result_views(study, results, [""] * len(results))
    rows = []
    for _, together in groupby(views, lambda each: (each.result.analysis, each.result.method)):
        found = [_row(study.analysis, view) for view in together]
        rows += [{**row, "span": 0 if place else len(found)} for place, row in enumerate(found)]
    return rows


def _row(plan: AnalysisPlan, view: ResultView) -> dict[str, Any]:
    estimand = next(each for each in plan.estimands if each.code == view.result.estimand)
    population = next(each for each in plan.populations if each.code == estimand.population)
    end_point = next(each for each in plan.end_points if each.code == estimand.end_point)
    labels = {
        "label": view.analysis.label, "estimand": estimand.label,
        "population": population.label, "end_point": end_point.label,
    }  # fmt: skip
    return {
        **{name: {"en": each.en, "fr": each.fr or each.en} for name, each in labels.items()},
        "analysis": view.result.analysis, "role": view.role, "status": estimand.status_basis,
        "rule": estimand.status_rule, "flags": view.flags, "method": view.result.method,
        "groups": [(each.label, each.count, each.share) for each in view.groups],
        "kind": view.kind_in_words, "value": view.in_words, "p": view.p.text, "why": view.why,
        "claim": view.claim, "sources": len(view.result.sources),
    }  # fmt: skip


def work(
    configuration: Configuration, run: Mapping[str, Any], role: str
) -> Callable[[], dict[str, Any]]:
    """The work of a run: `run` is what its entry says."""
    cut = datetime.date.fromisoformat(run["cut"])
    return lambda: worked_out(
        configuration, as_of=run["as_of"], cut=cut, by_arm=run["by_arm"], role=role
    )
