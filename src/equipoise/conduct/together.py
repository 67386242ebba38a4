"""What several actions would bring about one after the other, of which nothing is recorded.

A page that identifies five lesions and then measures them asks for six actions; the last rests on
the first five.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import polars as pl

from equipoise.conduct import admission
from equipoise.conduct.context import Context
from equipoise.conduct.decisions import DECISIONS
from equipoise.errors import EquipoiseError
from equipoise.study.actions import Action
from equipoise.study.catalogue import ACTIONS


@dataclasses.dataclass(frozen=True, slots=True)
class Together:
    """The record as it would be after the actions; `refused` by their places: those that would be
    refused, each with what it would raise, and that the ones after it do without."""

    context: Context
    refused: dict[int, EquipoiseError]

    def derived(self, table: str) -> pl.DataFrame:
        """A derived table as it would be then."""
        return self.context.derived(table)


def one_after_another(context: Context, actions: Sequence[Action]) -> Together:
    """The record of a subject after `actions`, each decided on what those before it brought about.

    `context`: that of any of them. Only actions that no chance decides.
    """
    refused: dict[int, EquipoiseError] = {}
    for place, action in enumerate(actions):
        then = dataclasses.replace(context, action=action)
        try:
            body = admission.validated(action)
            admission.check_day(action, ACTIONS[action.name], context.today)
            decided = DECISIONS[action.name](then, body)
        except EquipoiseError as error:
            refused[place] = error
            continue
        for each in decided if isinstance(decided, tuple) else (decided,):
            then = then.afterwards(each)
        context = then
    return Together(context, refused)
