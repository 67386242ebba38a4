"""Stages meet only in tables: what a rule requires is there before it, with the same types."""

from __future__ import annotations

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from equipoise.analysis.run import READS, operating_counts
from equipoise.record.rule import TableRule
from equipoise.record.tables import empty_tables, schema
from equipoise.simulation.run import Rehearsal, rehearsed
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import ORDER, derive, leading_to, needed, read_for, spent
from equipoise.study.load import bundled, load_study
from tests.harness.bridge import drawn, scenario_of

EVENT_TABLES = {name: schema(cls) for name, cls in CATALOGUE.tables().items()}


@pytest.mark.parametrize("position", range(len(ORDER)), ids=[rule.produces for rule in ORDER])
def test_what_a_rule_requires_is_there_with_the_same_types(position: int) -> None:
    before = dict(EVENT_TABLES) | {rule.produces: dict(rule.columns) for rule in ORDER[:position]}
    for table, columns in ORDER[position].requires.items():
        assert table in before, f"{ORDER[position].produces} requires {table}: nothing produces it"
        for column, dtype in columns.items():
            assert column in before[table], f"{table} has no column {column}"
            assert before[table][column] == dtype, f"{table}.{column}"


def test_every_table_has_one_producer() -> None:
    produced = [rule.produces for rule in ORDER]
    assert len(produced) == len(set(produced))
    assert not set(produced) & set(EVENT_TABLES)


@pytest.mark.parametrize("study", bundled())
@pytest.mark.parametrize("rule", ORDER, ids=[rule.produces for rule in ORDER])
def test_nothing_in_nothing_out_with_the_declared_types(study: str, rule: TableRule) -> None:
    found = derive(empty_tables(CATALOGUE), load_study(study), upto=rule.produces)[rule.produces]
    assert found.height == 0
    for column, dtype in rule.columns.items():
        assert found.schema[column] == dtype, column


def test_only_what_is_needed_is_derived() -> None:
    names = [rule.produces for rule in needed("marker_status")]
    assert names[-1] == "marker_status"
    assert "time_point_response" not in names
    with pytest.raises(KeyError, match="no rule produces"):
        needed("happiness")


@pytest.fixture(scope="module")
def rehearsal() -> Rehearsal:
    """A small trial of LUNG-TMB in tables, with everything in it."""
    return drawn("lung-tmb", scenario_of("lung-tmb", "planning", 24), 3)


@pytest.mark.parametrize("rule", ORDER, ids=[rule.produces for rule in ORDER])
def test_a_rule_reads_nothing_that_it_does_not_declare(
    rule: TableRule, rehearsal: Rehearsal
) -> None:
    """`conduct` keeps a derived table until what its rule declares has moved."""
    derived = derive(rehearsal.tables, rehearsal.study)
    # the columns of subject_item are the items of the study file, and so are those of entry_item
    declared = {
        name: table
        if name in ("subject_item", "entry_item")
        else table.select(list(rule.requires[name]))
        for name, table in derived.items()
        if name in rule.requires
    }
    found = rule.rule(declared, getattr(rehearsal.study, rule.plan))
    assert_frame_equal(found, derived[rule.produces])


def test_tables_let_go_on_the_way_leave_the_rest_as_it_is(rehearsal: Rehearsal) -> None:
    whole, given = derive(rehearsal.tables, rehearsal.study), dict(rehearsal.tables)
    found = spent(given, rehearsal.study, READS)
    assert not given
    assert set(found) == READS
    for name, table in found.items():
        assert_frame_equal(table, whole[name])


def test_whoever_says_what_is_wanted_gets_it_from_what_the_rules_read(rehearsal: Rehearsal) -> None:
    """Nothing is put into tables but the columns that rules on the way declare, and these rules
    give what all of them give."""
    study, replicates = rehearsal.study, rehearsal.entries.replicates
    whole, read = derive(rehearsal.tables, study), read_for(READS)
    again = rehearsed(
        rehearsal.versions, rehearsal.scenario, rehearsal.seed, replicates, wanted=READS
    )
    given = {name: table for name, table in again.tables.items() if not table.is_empty()}
    assert given.keys() <= read.keys()
    for name, table in given.items():
        assert table.columns == [
            each for each in EVENT_TABLES[name] if each in (read[name] or EVENT_TABLES[name])
        ]
    for name, table in spent(again.tables, study, READS).items():
        assert_frame_equal(table, whole[name])


def test_no_rule_runs_of_which_nothing_wanted_depends() -> None:
    names = {rule.produces for rule in leading_to(READS)}
    assert {"marker_status", "progression", "subject_item"} <= names
    assert not names & {"deviation", "query", "dose_decision", "exposure", "visit_timeline"}
    assert leading_to(frozenset(EVENT_TABLES)) == ()


def test_analyses_of_many_trials_read_no_other_tables(rehearsal: Rehearsal) -> None:
    study, replicates = rehearsal.study, rehearsal.entries.replicates
    whole = derive(rehearsal.tables, study)
    read = {name: table for name, table in whole.items() if name in READS}
    pairs = zip(
        operating_counts(whole, study, replicates),
        operating_counts(read, study, replicates),
        strict=True,
    )
    for one, other in pairs:
        np.testing.assert_array_equal(one.numerators, other.numerators)
        np.testing.assert_array_equal(one.denominators, other.denominators)
        np.testing.assert_array_equal(one.p, other.p)
