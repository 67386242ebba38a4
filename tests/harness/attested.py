"""A subject with one form, whose items are verified, asked about, signed and locked."""

from __future__ import annotations

from equipoise.conduct.inquiry import Inquiry
from tests.harness.web import Web

NUMBER = "X01-001"
CREATININE = "items/serum_creatinine/value"


def entered(site: Web) -> int:
    """A subject with one form of two answered items; the seq of the form's entry."""
    trial = site.trial
    trial.act("SubjectScreened", {}, subject=NUMBER)
    trial.act("ConsentSigned", {"consent": "participation", "version": "1"}, subject=NUMBER)
    trial.form(NUMBER, "status", {"ecog_status": "1", "serum_creatinine": "81.5"})
    (event,) = trial.log.read(subject=NUMBER, types={"FormSaved"})
    return event.seq


def ask(site: Web) -> Inquiry:
    """What pages ask the record of the trial under test."""
    return Inquiry(site.trial.conductor)
