"""Base classes of the study file: frozen, closed, each value with its source or its assumption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Code = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]
"""A name that expressions, tables and exports use."""


class Plan(BaseModel):
    """A part of the study file.

    `source` says where the content was read. `assumption` says that it was not found, and why this
    value was taken: every assumption is listed by `equipoise study assumptions` and printed in
    reports.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = None
    assumption: str | None = None


class Label(BaseModel):
    """A text in the languages of the trial; English is obligatory.

    >>> Label(en="Weight", fr="Poids").fr
    'Poids'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str = Field(min_length=1)
    fr: str | None = None


def assumptions(plan: BaseModel, path: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of (path in the study file, assumption), in file order."""
    if isinstance(plan, Plan) and plan.assumption:
        yield path or ".", plan.assumption
    for name in type(plan).model_fields:
        yield from _inside(getattr(plan, name), f"{path}.{name}" if path else name)


def _inside(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        yield from assumptions(value, path)
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            name = getattr(item, "id", None) or getattr(item, "code", None) or position
            yield from _inside(item, f"{path}[{name}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _inside(item, f"{path}.{key}")
