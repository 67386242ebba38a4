"""Questionnaires that patients answer themselves, with a one-time code and their year of birth.

The record holds no code: only what one can be checked against. A wrong code leaves no trace in the
record, so that nobody without one can write to it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from equipoise.conduct.context import Context, read
from equipoise.conduct.entry import answered_by_the_patient, checked_form
from equipoise.conduct.participation import Done, check_taking_part
from equipoise.errors import BadInput
from equipoise.record.event import EventBody
from equipoise.visits.events import AnswerQuestionnaire, FormSaved, QuestionnaireOffered
from equipoise.visits.plan import Form

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Signs of a code: none that is taken for another."""
GROUP, GROUPS = 4, 3


def new_code() -> str:
    """A code of three groups, of which the first finds the offer and the others prove it.

    >>> len(new_code())
    14
    """
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


def plain_code(text: str) -> str:
    """A code as it is compared: capitals, no spaces or dashes.

    >>> plain_code("ab2c -de3f-gh4j")
    'AB2CDE3FGH4J'
    """
    return "".join(sign for sign in text.upper() if sign.isalnum())


def offer_of(code: str) -> str:
    """The part of a code by which its offer is found."""
    return plain_code(code)[:GROUP]


def new_proof(code: str, birth_year: str) -> str:
    """What a code and a year of birth are checked against later, with a salt of its own."""
    return _proof(code, birth_year, secrets.token_bytes(16))


def _proof(code: str, birth_year: str, salt: bytes) -> str:
    text = f"{plain_code(code)}/{birth_year.strip()}".encode()
    made = hashlib.scrypt(text, salt=salt, n=2**14, r=8, p=1, dklen=32)
    return f"{salt.hex()}${made.hex()}"


def proves(proof: str, code: str, birth_year: str) -> bool:
    """Whether a code and a year of birth are those of the proof.

    >>> proves(new_proof("AB2C-DE3F-GH4J", "1961"), "ab2cde3fgh4j", "1961")
    True
    """
    salt = bytes.fromhex(proof.partition("$")[0])
    return hmac.compare_digest(_proof(code, birth_year, salt), proof)


def questionnaire_offered(context: Context, body: QuestionnaireOffered) -> EventBody:
    """An offer of a questionnaire of the study that is not answered yet."""
    _questionnaire(context, body.form)
    if body.until < context.today:
        raise BadInput("a day not before today", where="QuestionnaireOffered", field="until",
                       found=body.until.isoformat())  # fmt: skip
    check_taking_part(context, Done("FormSaved", body, context.today.isoformat()))
    saved = FormSaved(form=body.form, instance=body.instance, items=())
    if answered_by_the_patient(context, saved):
        raise BadInput("an instance that is not answered yet", where="QuestionnaireOffered",
                       field="instance", found=body.instance)  # fmt: skip
    return body


def _questionnaire(context: Context, code: str) -> Form:
    forms = {each.code: each for each in context.study.visits.forms if each.instrument}
    if code not in forms:
        raise BadInput(
            f"a questionnaire of the study: {', '.join(forms) or 'it has none'}",
            where=context.action.name, field="form", found=code,
        )  # fmt: skip
    return forms[code]


def questionnaire_answered(context: Context, body: AnswerQuestionnaire) -> EventBody:
    """The answers of a patient whose code and year of birth are right, once."""
    offer = open_offer(context, body.code, body.birth_year)
    _questionnaire(context, offer.form)
    saved = FormSaved(form=offer.form, instance=offer.instance, items=body.items)
    check_taking_part(context, Done("FormSaved", saved, context.today.isoformat()))
    return checked_form(context, saved)


def open_offer(context: Context, code: str, birth_year: str) -> QuestionnaireOffered:
    """The offer that a code and a year of birth open now.

    BadInput, the same for every cause, when there is none: they are wrong, the code is too old,
    was replaced by a later one, or was used.
    """
    offers = [
        QuestionnaireOffered.model_validate(dict(read(event)))
        for event in context.events
        if event.type == QuestionnaireOffered.TYPE
    ]
    found = next((each for each in offers if each.offer == offer_of(code)), None)
    if found is not None and proves(found.proof, code, birth_year):
        same = [e for e in offers if (e.form, e.instance) == (found.form, found.instance)]
        saved = FormSaved(form=found.form, instance=found.instance, items=())
        if (
            same[-1] is found
            and context.today <= found.until
            and not answered_by_the_patient(context, saved)
        ):
            return found
    raise BadInput("a code that is open, and the year of birth", field="code")


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "QuestionnaireOffered": questionnaire_offered,
    "AnswerQuestionnaire": questionnaire_answered,
}
