"""What templates ask for: words by key, labels of the study, times with their zone, fields."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

from django import template
from django.template.context import Context
from django.utils import formats

from equipoise.record.plan import Label
from equipoise.web.page import MenuPart
from equipoise.web.page import menu as parts
from equipoise.web.wording import wording

register = template.Library()


@register.simple_tag(takes_context=True)
def say(context: Context, key: str, *others: str) -> str:
    """The word of a key in the language of the page; KeyError for one nobody wrote down."""
    words = context["words"]
    return str(words.of(key, *others) if others else words[key])


@register.simple_tag(takes_context=True)
def named(context: Context, *keys: str) -> str:
    """The first word that there is, else the last key made readable."""
    return str(context["words"].of(*[str(key) for key in keys]))


@register.simple_tag(takes_context=True)
def label(context: Context, found: Label) -> str:
    """A label of the study file in the language of the page."""
    return str(context["words"].label(found))


@register.simple_tag(takes_context=True)
def regimen(context: Context, code: str) -> str:
    """What the study calls a regimen."""
    asking = context["asking"]
    regimens = asking.trial.ask.study(asking.site).treatment.regimens
    found = next((each.label for each in regimens if each.code == code), None)
    return code if found is None else str(context["words"].label(found))


@register.simple_tag(takes_context=True)
def menu(context: Context) -> list[MenuPart]:
    """The parts of the main menu that the person who asks may open."""
    return parts(context["asking"].role)


@register.filter
def moment(recorded: str, zone: str = "UTC") -> str:
    """A recorded time at a place, with its zone.

    >>> moment("2026-11-23T03:22:55.000000Z", "Europe/Paris")
    '2026-11-23 04:22:55 CET'
    """
    at = datetime.datetime.fromisoformat(recorded.replace("Z", "+00:00"))
    return at.astimezone(zoneinfo.ZoneInfo(zone or "UTC")).strftime("%Y-%m-%d %H:%M:%S %Z")


@register.filter
def decimal(text: Any) -> str:
    """An exact decimal, as tables give it, with the separator of the page's language."""
    return str(text).replace(".", formats.get_format("DECIMAL_SEPARATOR"))


@register.filter
def in_a_row(value: Any) -> Any:
    """Several values, one after another; of anything else the value itself."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


@register.filter
def lookup(found: Any, key: Any) -> Any:
    """An entry of a mapping, None if it has none."""
    return found.get(key) if hasattr(found, "get") else None


@register.inclusion_tag("parts/field.html", takes_context=True)
def field(context: Context, bound: Any) -> dict[str, Any]:
    """One field: label, unit, input, limits, what is wrong with it."""
    measure = getattr(bound.field, "measure", None)
    return {
        "field": bound,
        "unit": ""
        if measure is None or measure.unit == "as given" or "unit" in measure.unit
        else measure.unit,
        "words": context["words"],
        "language": context.get("language"),
    }


@register.simple_tag
def in_language(language: str, key: str) -> str:
    """A word in a language that is not the page's, such as the name of the other language."""
    return wording(language)[key]


@register.filter
def item_of(shown: Any, name: str) -> Any:
    """An item of an event as somebody sees it, or of one of its rows, by its name."""
    items = shown if isinstance(shown, tuple) else shown.items
    return next((each for each in items if each.name == name), None)
