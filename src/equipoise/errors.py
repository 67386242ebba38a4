"""The exceptions of Equipoise: each names the thing, the value, the rule and the way out.

The command line and the web application print these messages verbatim, so every message is
written for the person who has to act on it.
"""

from __future__ import annotations

from collections.abc import Sequence


class EquipoiseError(Exception):
    """Base of every error that Equipoise raises on purpose; exit code 2 on the command line."""


class BadInput(EquipoiseError):
    """A file or value that cannot be accepted: where it stands, what was found, what is allowed.

    >>> print(BadInput("must be at least 18", where="subjects.csv line 4", field="age", found="17"))
    subjects.csv line 4, age: found '17'; must be at least 18.
    """

    def __init__(
        self,
        allowed: str,
        *,
        where: str | None = None,
        field: str | None = None,
        found: object = None,
    ) -> None:
        self.allowed, self.where, self.field, self.found = allowed, where, field, found
        place = ", ".join(str(part) for part in (where, field) if part)
        seen = "" if found is None else f"found {_shown(found)}; "
        super().__init__(f"{place + ': ' if place else ''}{seen}{allowed.rstrip('.')}.")
        self.problems: tuple[BadInput, ...] = (self,)

    @classmethod
    def together(cls, problems: Sequence[BadInput], *, told: int = 50) -> BadInput:
        """One error that tells `problems` line by line, and counts what exceeds `told`.

        >>> print(BadInput.together([BadInput("must be given", field="age"),
        ...                          BadInput("must be a code", field="sex", found="?")]))
        age: must be given.
        sex: found '?'; must be a code.
        """
        if len(problems) == 1:
            return problems[0]
        error = cls(f"{len(problems)} problems")
        lines = [str(problem) for problem in problems[:told]]
        if len(problems) > told:
            lines.append(f"... and {len(problems) - told} more problems.")
        error.args = ("\n".join(lines),)
        error.problems = tuple(problems)
        return error


class Refused(EquipoiseError):
    """An action that a rule of the trial does not allow.

    >>> print(Refused("cannot be randomised: no valid MGMT status", subject="01-004",
    ...               rule="RN3", clause="protocol 6.2", way_out="record an assay result first"))
    Refused: subject 01-004 cannot be randomised: no valid MGMT status \
(RN3, protocol 6.2). Way out: record an assay result first.
    """

    def __init__(
        self,
        what: str,
        *,
        rule: str,
        way_out: str,
        subject: str | None = None,
        clause: str | None = None,
        value: object = None,
    ) -> None:
        self.what, self.rule, self.way_out = what, rule, way_out
        self.subject, self.clause, self.value = subject, clause, value
        who = f"subject {subject} " if subject else ""
        seen = "" if value is None else f" [value: {_shown(value)}]"
        cited = ", ".join(part for part in (rule, clause) if part)
        super().__init__(f"Refused: {who}{what}{seen} ({cited}). Way out: {way_out.rstrip('.')}.")


class Conflict(EquipoiseError):
    """Somebody else changed the subject or the form after its author last saw it."""

    def __init__(self, what: str, *, seen: int, now: int) -> None:
        self.seen, self.now = seen, now
        super().__init__(
            f"Conflict: {what} was changed after you opened it (you saw event {seen}, the record "
            f"now holds event {now}). Nothing was saved. Way out: open it again, compare, and save."
        )


class RecordError(EquipoiseError):
    """The record, its store or a key cannot be used as asked; nothing was written."""


class StoreFailed(RecordError):
    """The store does not answer, or fails: what was asked for may be asked for again."""


class StoreFull(StoreFailed):
    """There is no room left where the record or its keys lie; nothing was written."""


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= 80 else text[:77] + "...")
