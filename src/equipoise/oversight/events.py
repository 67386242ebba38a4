"""What can be recorded about the trial itself: versions, sites, people, queries, locks, copies."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from equipoise.record.correction import ItemPath
from equipoise.record.event import Body, ClinicalText, EventBody, FullDate, Identifier, Text
from equipoise.record.plan import Code

DeviationCategory = Literal[
    "wrong_stratum",
    "not_eligible",
    "consent",
    "visit_window",
    "dose",
    "prohibited_therapy",
    "safety_report",
    "other",
]
"""What a departure from the protocol concerns."""


class TrialOpened(EventBody):
    """The first event of every record. A rehearsal says so here, and can never become live.

    `scenario_text` is the scenario whole, as canonical JSON, as the study is kept: what was assumed
    of the world stands in the record of what came of it.
    """

    mode: Literal["live", "rehearsal"]
    study: Identifier
    scenario: str | None = None
    scenario_seed: int | None = None
    scenario_replicate: int | None = None
    scenario_text: str | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return ("trial",)


class StudyVersionAdopted(EventBody):
    """A version of the study file, whole, with its hash: from here on it can be activated."""

    version: Identifier
    study_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    study: str

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"study_version/{self.version}",)


class AdoptStudyVersion(Body):
    """Action: take a further version of the study file into the record, whole."""

    study: str = Field(min_length=2)


class SiteOpened(EventBody):
    """A hospital of the study's list of sites joined."""

    name: Text

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return ()


class StudyVersionActivated(EventBody):
    """A version is in force at a site from the day `occurred` on, its approval recorded."""

    version: Identifier
    approval: Text


class SiteClosed(EventBody):
    """A site takes no more subjects."""

    cause: Text


class GrantGiven(EventBody):
    """A person may act in a role, at a site or everywhere, from the day `occurred` on."""

    person: Identifier
    granted_role: Code
    granted_site: Identifier | None = None
    until: FullDate | None = None


class GrantRevoked(EventBody):
    """A grant ended. `grant` is the seq of the event that gave it."""

    grant: int
    cause: Text


class AccessReviewed(EventBody):
    """Somebody reviewed all grants and signed it off."""

    finding: Text


class QueryRaised(EventBody):
    """A question about a form instance, an item or an event, empty ones too."""

    query: Identifier
    target: int | None = None
    form: Code | None = None
    instance: Identifier | None = None
    item: ItemPath | None = None
    question: ClinicalText

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"query/{self.query}",)


class QueryAnswered(EventBody):
    """The site's answer to a query."""

    query: Identifier
    answer: ClinicalText


class QueryClosed(EventBody):
    """The query is settled."""

    query: Identifier
    finding: Text


class QueryReopened(EventBody):
    """A query that was closed is open again, and asks this."""

    query: Identifier
    question: ClinicalText


class SourceVerified(EventBody):
    """A monitor compared an event, or one item of it, with its source.

    Broken by any later correction of it. `content_sha256` binds it to what was compared.
    """

    target: int
    item: Text | None = None
    content_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Locked(EventBody):
    """No further change in this scope: the trial, the site, the subject, or one form instance."""

    scope: Literal["trial", "site", "subject", "form"]
    form: Code | None = None
    instance: Identifier | None = None


class Unlocked(EventBody):
    """A lock is lifted, with the reason in the envelope. `lock` is the seq of the lock."""

    lock: int


class Signed(EventBody):
    """An electronic signature: its meaning, and the hash of what was signed."""

    meaning: Literal["approval", "responsibility", "review", "authorship"]
    scope: Text
    content_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    reauthenticated: bool


class DeviationRecorded(EventBody):
    """A departure from the protocol. `important` as the protocol defines it."""

    PARTIAL_OCCURRED: ClassVar[bool] = True

    deviation: Identifier
    category: DeviationCategory
    description: ClinicalText
    important: bool
    target: int | None = None


class Exported(EventBody):
    """Data left the record: what, how many rows, its hash, and the head it was read at."""

    content: Text
    rows: int
    content_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    as_of: int


class CertifiedCopyMade(EventBody):
    """A site took its certified copy."""

    content_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    as_of: int


class AnchorIssued(EventBody):
    """A signed head left the record, so that a cut or rewritten chain can be found."""

    anchored_seq: int
    anchored_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    purpose: Text


class LoginsAnchored(EventBody):
    """The day's head of the separate chain of logins."""

    login_seq: int
    login_hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class CutOffDeclared(EventBody):
    """A data cut: a date (what had happened) and a position (what was known)."""

    cut_off: Identifier
    cut: FullDate
    as_of: int

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"cut_off/{self.cut_off}",)


class AnalyseCutOff(Body):
    """Action: run the analyses of the plan on the data as of a cut-off that was declared."""

    cut_off: Identifier


class AnalysisRun(EventBody):
    """Somebody ran the analyses of the plan at a cut-off, before they saw a result.

    `by_arm`: they see results by arm; else all arms together. Which study version is analysed, and
    what comes of it, follows from the position and the release of the envelope.
    """

    cut_off: Identifier
    cut: FullDate
    as_of: int
    by_arm: bool


class KeyUsed(EventBody):
    """A sealed key was used outside an allocation: reproduction, audit, recovery."""

    key: Identifier
    purpose: Text


class KeyDestroyed(EventBody):
    """A key was destroyed: what it covered is erased, and the chain still verifies."""

    key: Identifier
    basis: Text


class IdentityRevealed(EventBody):
    """Somebody saw a direct identifier, and why."""

    item: Code
    purpose: Text


class Redact(Body):
    """Action: destroy the keys of every value that the item `item` of the event `target` had."""

    target: int = Field(ge=1)
    item: str = Field(min_length=1, max_length=300)


class Notified(Body):
    """Somebody who is told at once, and in which role."""

    TABLE: ClassVar[str] = "code_break_notice"
    ID: ClassVar[str] = "person"

    person: Identifier
    held_role: Code


class CodeBroken(EventBody):
    """The allocation of one subject was revealed to somebody blinded, and who is told of it."""

    person: Identifier
    circumstance: Text
    arm: Code
    notified: tuple[Notified, ...]


class BreakCode(Body):
    """Action: reveal the arm of one subject to the person who must know it, and say why."""

    person: Identifier
    circumstance: Text


class PersonUnblinded(EventBody):
    """A person saw unblinded data: from here on no blinded role, ever."""

    person: Identifier
    by: Text


class OutageDeclared(EventBody):
    """Nobody could enter anything from one day to another, at one site or (without one) anywhere.

    What happened on these days and is entered later is a back-entry, and says why.
    """

    first_day: FullDate
    last_day: FullDate
    cause: Text


class AuditTrailReviewed(EventBody):
    """Somebody reviewed the audit trail up to a position and signed it off."""

    up_to: int
    finding: Text


class ActionRefused(EventBody):
    """An action that a rule did not allow, kept because refusals are part of the trial's story."""

    action: Identifier
    rule: Text
    finding: Text


EVENTS: tuple[type[EventBody], ...] = (
    TrialOpened,
    StudyVersionAdopted,
    SiteOpened,
    StudyVersionActivated,
    SiteClosed,
    GrantGiven,
    GrantRevoked,
    AccessReviewed,
    QueryRaised,
    QueryAnswered,
    QueryClosed,
    QueryReopened,
    SourceVerified,
    Locked,
    Unlocked,
    Signed,
    DeviationRecorded,
    Exported,
    CertifiedCopyMade,
    AnchorIssued,
    LoginsAnchored,
    CutOffDeclared,
    AnalysisRun,
    KeyUsed,
    KeyDestroyed,
    IdentityRevealed,
    CodeBroken,
    PersonUnblinded,
    OutageDeclared,
    AuditTrailReviewed,
    ActionRefused,
)
