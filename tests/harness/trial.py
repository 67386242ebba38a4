"""A small trial of LUNG-TMB under test: opened, staffed, with subjects ready to be randomised."""

from __future__ import annotations

import datetime
import itertools
import zoneinfo
from collections.abc import Mapping
from typing import Any

from equipoise.conduct.conductor import Conductor
from equipoise.conduct.opening import open_trial
from equipoise.oversight.events import TrialOpened
from equipoise.randomisation.approval import approval_sha256, list_sha256
from equipoise.randomisation.events import ActivateScheme
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.study.actions import Action
from equipoise.study.definition import Study
from equipoise.study.factor_levels import factor_levels
from equipoise.study.load import load_study

STUDY = "lung-tmb"
PEOPLE = {
    "administrator": "admin",
    "data_manager": "dm",
    "statistician": "stat",
    "laboratory": "lab",
    "reader": "reader",
    "monitor": "monitor",
    "auditor": "auditor",
    "safety_officer": "safety",
    "pharmacist": "pharm",
    "nurse": "nurse",
    "investigator": "inv",
}
SITE_PEOPLE = ("pharmacist", "nurse", "investigator")
ANSWERS: Mapping[str, Mapping[str, str]] = {
    "person": {"age_years": "61", "sex": "F", "smoking": "EVER"},
    "cancer": {"histology": "ADENOCARCINOMA", "disease_stage": "IV", "first_seen": "2025"},
    "status": {"ecog_status": "1", "serum_creatinine": "81.5"},
    "scan": {"measurable": "true"},
}
_keys = itertools.count()


class Trial:
    """One record under test, and short ways to act in it."""

    def __init__(
        self, log: Log, keys: KeyStore, study: Study | None = None, *, behind: int = 0
    ) -> None:
        self.log, self.keys = log, keys
        self.study = study or load_study(STUDY)
        self.behind = datetime.timedelta(behind)
        self.conductor = Conductor(log, keys, self.now)

    def now(self) -> datetime.datetime:
        """The time in the trial, which may be some days behind.

        Days pass on the clock of the site: also over a change to winter time, as many dates pass
        as `wait` is told.
        """
        here = datetime.datetime.now(self.zone) - self.behind
        return here.astimezone(datetime.UTC)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone of the first site."""
        return zoneinfo.ZoneInfo(self.study.sites[0].time_zone)

    @property
    def today(self) -> datetime.date:
        """The day in the trial."""
        return self.now().astimezone(self.zone).date()

    def wait(self, days: int) -> None:
        """Let days pass, of those that the trial is behind."""
        self.behind -= datetime.timedelta(days)

    @classmethod
    def opened(
        cls,
        log: Log,
        keys: KeyStore,
        *,
        mode: str = "live",
        study: Study | None = None,
        behind: int = 0,
    ) -> Trial:
        """A trial with all people at its first site, the site open, version and scheme live.

        `behind`: so many days ago, so that days can pass in it.
        """
        study = study or load_study(STUDY)
        opened = TrialOpened(mode=mode, study=study.id, scenario_seed=None)  # type: ignore[arg-type]
        trial = cls(log, keys, study, behind=behind)
        open_trial(
            log, study, administrator="admin", organisation="Sponsor", opened=opened,
            recorded=trial.now() if behind else None,
        )  # fmt: skip
        site = study.sites[0].code
        for role, person in PEOPLE.items():
            if role != "administrator":
                where = site if role in SITE_PEOPLE else None
                body = {"person": person, "granted_role": role, "granted_site": where}
                trial.act("GrantGiven", body, "administrator")
        trial.act("SiteOpened", {"name": "First"}, "data_manager", site=site)
        body = {"version": study.version, "approval": "committee 1"}
        trial.act("StudyVersionActivated", body, "data_manager", site=site)
        return trial

    @property
    def site(self) -> str:
        """The site at which everybody works."""
        return self.study.sites[0].code

    def checked(self, **otherwise: Any) -> ActivateScheme:
        """What is signed before the scheme goes live: its dummy list, and a good guess rate."""
        plan = self.study.randomisation
        digest = list_sha256(plan, factor_levels(self.study), 20261)
        asked = {"dummy_seed": 20261, "dummy_sha256": digest, "guess_trials": 10_000}
        return ActivateScheme(**{**asked, "guess_excess": "0.4", **otherwise})

    def sign(self, asked: ActivateScheme) -> list[Event]:
        """The statistician's signature on a scheme as it is to be activated."""
        signed = {
            "meaning": "approval", "scope": "scheme", "reauthenticated": True,
            "content_sha256": approval_sha256(self.study.randomisation, asked),
        }  # fmt: skip
        return self.act("Signed", signed, "statistician")

    def activate(self, asked: ActivateScheme | None = None) -> list[Event]:
        """Activate the allocation scheme, signed beforehand when nothing else is asked for."""
        if asked is None:
            asked = self.checked()
            self.sign(asked)
        body = asked.model_dump(mode="json")
        return self.act("ActivateScheme", body, "statistician", site=self.site)

    def action(
        self,
        name: str,
        body: Mapping[str, Any],
        role: str = "investigator",
        *,
        subject: str | None = None,
        site: str | None = None,
        occurred: str | None = "today",
        seen: int | None = None,
        key: str | None = None,
        reason: str | None = None,
        actor: str | None = None,
    ) -> Action:
        """An action of the person who holds `role`, who has seen everything up to now."""
        if seen is None:
            known = self.log.read(subject=subject) if subject else []
            seen = known[-1].seq if known else 0
        return Action(
            name=name,
            body=body,
            actor=actor or PEOPLE.get(role, role),
            role=role,
            organisation="Hospital",
            key=key or f"test-{next(_keys)}",
            seen=seen,
            subject=subject,
            site=site or (self.site if subject else None),
            occurred=self.today.isoformat() if occurred == "today" else occurred,
            reason=reason,
        )

    def act(
        self, name: str, body: Mapping[str, Any], role: str = "investigator", **how: Any
    ) -> list[Event]:
        """Do the action."""
        return self.conductor.act(self.action(name, body, role, **how))

    def form(
        self, subject: str, form: str, answers: Mapping[str, str], instance: str = "1", **how: Any
    ) -> list[Event]:
        """Save an instance of a form with these answers."""
        items = [{"item": item, "value": value} for item, value in answers.items()]
        given = {each["item"] for each in items}
        plan = next(each for each in self.study.visits.forms if each.code == form)
        items += [
            {"item": each.code, "value_missing": "not_done"}
            for each in plan.items
            if each.code not in given
        ]
        body = {"form": form, "instance": instance, "items": items}
        return self.act("FormSaved", body, subject=subject, **how)

    def screened(self, subject: str, *, without: str = "", burden: str = "20") -> None:
        """A subject with everything that randomisation needs, but for `without`.

        Screening and consent were thirty days ago, everything else is of today.
        """
        began = (self.today - datetime.timedelta(days=30)).isoformat()
        self.act("SubjectScreened", {}, subject=subject, occurred=began)
        if without != "consent":
            body = {"consent": "participation", "version": "1"}
            self.act("ConsentSigned", body, subject=subject, occurred=began)
        self.examined(subject, without=without)
        if without != "assay":
            self.assayed(subject, burden)
        if without not in ("confirmation", "consent", *ANSWERS):
            self.act("ConfirmEligibility", {}, subject=subject)

    def examined(self, subject: str, *, without: str = "", sampled: str = "today") -> None:
        """The forms of screening but for `without`, and a sample that was received."""
        for form, answers in ANSWERS.items():
            if form == without:
                continue
            dated = {"scan_date": self.today.isoformat()} if form == "scan" else {}
            self.form(subject, form, {**answers, **dated})
        taken = {"sample": f"S-{subject}", "material": "ffpe"}
        self.act("SampleCollected", taken, subject=subject, occurred=sampled)
        body = {"sample": f"S-{subject}", "adequate": True, "tumour_cells": "60"}
        self.act("SampleReceived", body, "laboratory", subject=subject, occurred=sampled)

    def assayed(self, subject: str, burden: str, *, result: str = "1", **how: Any) -> list[Event]:
        """A result of the panel on the subject's sample."""
        body = {
            "result": f"R-{subject}-{result}", "sample": f"S-{subject}", "assay": "panel",
            "purpose": "randomisation", "technically_valid": True,
            "measurements": [{"measurement": "burden", "value": burden, "quality": "passed"}],
        }  # fmt: skip
        return self.act("AssayResultRecorded", body, "laboratory", subject=subject, **how)
