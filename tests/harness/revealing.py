"""A trial in which every word that tells a secret is a word of no language, so that bytes can be
searched for it: arms, regimens, drugs, marker statuses, what was seen of a tumour, a name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equipoise.errors import Refused
from equipoise.record.event import Event
from equipoise.study.actions import Action
from equipoise.study.definition import Study
from equipoise.study.load import load_study, study_path
from equipoise.treatment.plan import SignedSource
from tests.harness.hospital_reads import HOSPITAL, at_baseline, read
from tests.harness.trial import SITE_PEOPLE, STUDY, Trial

OWN, FOREIGN = "X01-001", "X02-001"
SECOND_SITE = "X02"

ALLOCATION = {
    "CHEMO": "Q_ARMONE", "COMBI": "Q_ARMTWO", "ANTIBODY": "Q_ARMTRE",
    "DOUBLET": "Q_REGONE", "TRIPLET": "Q_REGTWO", "MONO": "Q_REGTRE",
    "exemplatin": "q_drugone", "fictabine": "q_drugtwo", "inventumab": "q_drugtre",
    "Exemplatin": "Q_drugone", "Fictabine": "Q_drugtwo",
    "Chemotherapy": "Q_armchem", "Chimiothérapie": "Q_armchem", "Antibody": "Q_armanti",
    "antibody": "q_armanti", "Anticorps": "Q_armanti", "anticorps": "q_armanti",
}  # fmt: skip
"""Words of the study file that tell the arm, and what stands in their place."""

MARKER = {
    "LOW": "Q_STATLOW", "MID": "Q_STATMID", "HIGH": "Q_STATHIGH",
    "Low burden": "Q_statlow", "Middle burden": "Q_statmid", "High burden": "Q_stathigh",
    "Charge faible": "Q_statlow", "Charge moyenne": "Q_statmid", "Charge élevée": "Q_stathigh",
}  # fmt: skip
"""Words of the study file that tell the marker, and what stands in their place."""

MEASURED, OUTCOME, CLINICAL, IDENTITY = "77.77", "q_outcome", "q_clinical", "q_identity"
"""The burden measured, a lesion's description, a finding about the patient, a name."""

SECRETS: Mapping[str, frozenset[str]] = {
    "allocation": frozenset({"q_arm", "q_reg", "q_drug"}),
    "marker": frozenset({"q_stat", "77.77", "77,77"}),
    "outcome": frozenset({OUTCOME, "61.3", "61,3"}),
    "clinical": frozenset({CLINICAL}),
    "identity": frozenset({IDENTITY}),
    "scheme": frozenset({"block_sizes"}),
}
"""What tells each blinding class, in small letters."""


def revealing_study(folder: Path, *, disclosed: bool = False) -> Study:
    """LUNG-TMB in those words, its doses signed, in a new folder."""
    source = study_path(STUDY)
    told = source.read_text(encoding="utf-8")
    for word, instead in {**MARKER, **ALLOCATION}.items():
        told = re.sub(rf"(?<![\w-]){re.escape(word)}(?!\w)", instead, told)
    told = told.replace(
        "disclosed_to_sites: false", f"disclosed_to_sites: {str(disclosed).lower()}"
    )
    folder.mkdir(parents=True)
    (folder / source.name).write_text(told, encoding="utf-8")
    sites = source.with_name("sites.csv")
    (folder / sites.name).write_bytes(sites.read_bytes())
    study = load_study(folder)
    signed = SignedSource(document="label", pharmacist="P. One", investigator="I. Two")
    regimens = tuple(
        each.model_copy(
            update={
                "doses": tuple(dose.model_copy(update={"release": signed}) for dose in each.doses)
            }
        )
        for each in study.treatment.regimens
    )
    plain = study.model_dump(mode="json", exclude_none=True)
    plain["treatment"]["regimens"] = [
        each.model_dump(mode="json", exclude_none=True) for each in regimens
    ]
    plain["response"]["evaluators"].append(HOSPITAL)
    return Study.model_validate(plain)


class SecondSite(Trial):
    """The same record, looked at by the people of the second hospital."""

    def __init__(self, first: Trial) -> None:
        super().__init__(first.log, first.keys, first.study, behind=first.behind.days)
        self.conductor = first.conductor

    @property
    def site(self) -> str:
        """The second hospital."""
        return SECOND_SITE

    def action(
        self, name: str, body: Mapping[str, Any], role: str = "investigator", **how: Any
    ) -> Action:
        """An action, by those of the second hospital where a hospital does it."""
        actor = f"{role}-2" if role in SITE_PEOPLE else None
        return super().action(name, body, role, **{"actor": actor, **how})


def opened_second_site(trial: Trial) -> SecondSite:
    """The second hospital, open, with people of its own."""
    for role in SITE_PEOPLE:
        body = {"person": f"{role}-2", "granted_role": role, "granted_site": SECOND_SITE}
        trial.act("GrantGiven", body, "administrator")
    trial.act("SiteOpened", {"name": "Second"}, "data_manager", site=SECOND_SITE)
    body = {"version": trial.study.version, "approval": "committee 1"}
    trial.act("StudyVersionActivated", body, "data_manager", site=SECOND_SITE)
    return SecondSite(trial)


def lived_through(trial: Trial, subject: str) -> None:
    """A subject to whom everything that can tell something has happened."""
    trial.screened(subject, burden=MEASURED)
    trial.act("RecordIdentity", {"item": "name", "value": f"{IDENTITY} {subject}"}, subject=subject)
    trial.form(
        subject, "status", {"ecog_status": "1", "serum_creatinine": "81.5", "remark": CLINICAL}, "2"
    )
    (event,) = trial.act("Randomise", {}, subject=subject)
    _refused(trial, "Randomise", {}, subject)
    arm = next(
        each
        for each in trial.study.randomisation.arms
        if each.code == json.loads(event.body)["arm"]
    )
    regimen = next(each for each in trial.study.treatment.regimens if each.code == arm.regimens[0])
    trial.act("RegimenChosen", {"regimen": regimen.code}, subject=subject)
    cycle = {"cycle": 1, "regimen": regimen.code, "height": "170", "weight": "70"}
    trial.act("CycleStarted", cycle, subject=subject)
    drug = regimen.doses[0].drug
    dispensed = {
        "dispensing": f"D-{subject}", "cycle": 1, "drug": drug, "lot": f"{drug}-7",
        "expiry": f"{trial.today.year + 1}-12-31", "unit": "1", "units": 1, "statement_seen": True,
    }  # fmt: skip
    trial.act("DrugDispensed", dispensed, "pharmacist", subject=subject)
    given = {"cycle": 1, "day": 1, "drug": drug, "amount": "1"}
    dose = trial.act("DoseGiven", given, subject=subject, reason=f"{drug} was short")[0]
    changed = {"target": dose.seq, "item": "amount", "new": '"2"', "new_missing": None}
    trial.act("Correct", changed, subject=subject, reason="misread")
    _harmed(trial, subject, drug)
    _read(trial, subject)
    asked = {"query": f"Q-{subject}", "target": dose.seq, "question": f"{drug}: which lot?"}
    trial.act("QueryRaised", asked, "monitor", subject=subject)
    _refused(trial, "CycleStarted", {**cycle, "cycle": 7}, subject)
    trial.act(
        "BreakCode", {"person": f"relative-{subject}", "circumstance": "overdose by a relative"},
        subject=subject, reason="emergency",
    )  # fmt: skip


def _harmed(trial: Trial, subject: str, drug: str) -> None:
    reported = {
        "adverse_event": "1", "term": "Nausea", "specified": CLINICAL, "grade": 3,
        "outcome": "recovered", "serious": True,
    }  # fmt: skip
    trial.act("AdverseEventReported", reported, subject=subject)
    serious = {
        "adverse_event": "1", "report": 1, "criteria": ["hospitalisation"],
        "aware": trial.today.isoformat(), "narrative": f"{CLINICAL}, taking {drug}",
    }  # fmt: skip
    trial.act("SeriousAdverseEventReported", serious, subject=subject)
    opinion = {"adverse_event": "1", "opinion_of": "investigator", "drug": drug,
               "related": "related"}  # fmt: skip
    trial.act("CausalityAssessed", opinion, subject=subject)


def _read(trial: Trial, subject: str) -> None:
    """Read by the hospital, and by a central reader: neither knows of the other."""
    today = trial.today.isoformat()
    lesion = {
        "lesion": "T9", "evaluator": "hospital", "role": "non_target", "organ": "lung",
        "node": False, "description": OUTCOME,
    }  # fmt: skip
    trial.act("LesionIdentified", lesion, subject=subject)
    sizes = {"T1": "61.3", "T2": "20"}
    for each in sizes:
        target = {**lesion, "lesion": each, "role": "target"}
        trial.act("LesionIdentified", target, subject=subject)
    read(
        trial, subject, sizes, day=today, baseline=True,
        non_targets=[{"lesion": "T9", "state": "present"}],
    )  # fmt: skip
    at_baseline(trial, subject, day=today, evaluator="committee", role="reader")


def _refused(trial: Trial, name: str, body: Mapping[str, Any], subject: str) -> None:
    """A refusal, which the record keeps."""
    try:
        trial.act(name, body, subject=subject)
    except Refused:
        return
    raise AssertionError(f"{name} should have been refused")


def sealed_seed(events: list[Event]) -> str:
    """The sealed seed of the scheme in force."""
    found = [json.loads(each.body) for each in events if each.type == "SchemeActivated"]
    return str(found[-1]["sealed_seed"])
