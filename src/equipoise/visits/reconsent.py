"""When a subject has to sign a consent again: an amendment brought a new text (CN1).

The investigator has a revised consent signed when what is new bears on taking part (ICH E6(R3)
2.8.2). The study file says so by a new version of a consent, the site by putting the study version
in force. From that day on, procedures of the study wait for the signature; what keeps the subject
safe and what ends the participation does not: adverse events, vital status, death, withdrawals.

A signature once recorded opens them all, those of a day before it too: what was done without it
happened, and is told as a deviation beside.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

Text = tuple[str, str]
"""The code of a consent, and its version."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A study version in force at a site from a day on, and the consents that it requires."""

    since: datetime.date
    required: Mapping[str, str]


def consent_due(
    history: Sequence[InForce], signed: Collection[Text], day: datetime.date
) -> Text | None:
    """The consent that a subject has to sign before a procedure on `day`, or None.

    `history` is what was in force at the subject's site, by day; `signed` what the subject signed.
    Due is a required text of the version in force on `day` that the first version did not have of
    which the subject signed a text, if that was before; who signed it, or a text that a later
    version brought, has signed. What that first version required is the first consent's.
    Whoever has signed nothing yet is not asked here: that is the first consent.

    >>> first = InForce(datetime.date(2025, 1, 1), {"main": "1"})
    >>> second = InForce(datetime.date(2025, 6, 1), {"main": "2"})
    >>> consent_due([first, second], {("main", "1")}, datetime.date(2025, 6, 1))
    ('main', '2')
    >>> consent_due([first, second], {("main", "1")}, datetime.date(2025, 5, 31)) is None
    True
    """
    number = sum(each.since <= day for each in history) - 1
    if number < 1:
        return None
    for text in history[number].required.items():
        first = next(
            place for place, each in enumerate(history) if each.required.get(text[0]) == text[1]
        )
        before = {old for each in history[:first] for old in each.required.items()}
        enough = {(text[0], each.required.get(text[0])) for each in history[number:]}
        if before & set(signed) and not enough & set(signed):
            return text
    return None
