"""Decisions about allocation: the sealed seed at activation, and the arm of each subject."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from equipoise.conduct.context import Context
from equipoise.conduct.entry import check_eligible
from equipoise.errors import RecordError
from equipoise.randomisation.events import (
    ActivateScheme,
    FactorLevel,
    Randomise,
    Randomised,
    SchemeActivated,
)
from equipoise.randomisation.plan import SITE, RandomisationPlan, Scheme
from equipoise.randomisation.rules import allocated, stratum_of, stream_of
from equipoise.record.canonical import canonical
from equipoise.record.event import EventBody
from equipoise.record.keys import KeyStore
from equipoise.record.sealing import Erased
from equipoise.statistics.random import (
    ALLOCATION_GENERATOR,
    SEED_BYTES,
    AllocationWords,
    dummy_seed,
)


def scheme_rule(plan: RandomisationPlan) -> str:
    """What is signed before activation: scheme and arms as canonical JSON."""
    dumped = plan.model_dump(mode="json", include={"scheme": True, "arms": {"__all__": {"code"}}})
    return canonical(dumped)


def activate_scheme(context: Context, body: ActivateScheme) -> EventBody:
    """Draw the seed, seal it under a key outside the database, and go live (RN1, RN7).

    Refused unless a statistician has signed this rule. A live seed is 256 bits from the operating
    system and is seen by nobody; a rehearsal's is a dummy derived from its own number.
    """
    plan = context.study.randomisation
    rule = scheme_rule(plan)
    if not _signed(context, hashlib.sha256(rule.encode()).hexdigest()):
        raise context.refuse(
            f"scheme {plan.scheme.code} {plan.scheme.version} is not approved",
            rule="RN7",
            way_out="have the statistician sign the rule after its simulation on a dummy seed",
        )
    seed = _seed(context)
    name = key_name(plan.scheme)
    context.keys.ensure(name)
    sealed = context.keys.seal(name, seed.hex(), seal_context(context.trial, plan.scheme))
    return SchemeActivated(
        scheme=plan.scheme.code,
        scheme_version=plan.scheme.version,
        algorithm=ALLOCATION_GENERATOR,
        rule=rule,
        sealed_seed=sealed,
        key=name,
    )


def _seed(context: Context) -> bytes:
    if context.state.rehearsal:
        number, replicate = context.state.dummy
        return dummy_seed(number, replicate)
    return secrets.token_bytes(SEED_BYTES)


def _signed(context: Context, digest: str) -> bool:
    return digest in context.state.approvals


def key_name(scheme: Scheme) -> str:
    """The name of the key under which a scheme version's seed is sealed."""
    return f"seed/{scheme.code}/{scheme.version}"


def seal_context(trial: str, scheme: Scheme) -> str:
    """The one place where the sealed seed opens."""
    return f"{trial}/{scheme.code}/{scheme.version}/seed"


def allocation_source(
    keys: KeyStore, trial: str, scheme: Scheme, sealed_seed: str
) -> AllocationWords:
    """The words of a live scheme. RecordError when the key is gone: then nobody can allocate."""
    seed = keys.unseal(sealed_seed, seal_context(trial, scheme))
    if isinstance(seed, Erased):
        raise RecordError(f"the key of the seed of scheme {scheme.code} was destroyed")
    return AllocationWords(bytes.fromhex(seed), stream_of(scheme))


def randomise(context: Context, body: Randomise) -> EventBody:
    """The arm, by the sealed seed and the stratum's earlier allocations (RN3, RN4).

    Everything that must be complete is checked by the rules of its own stage; the refusal names
    what is missing.
    """
    study = context.study
    plan, scheme = study.randomisation, study.randomisation.scheme
    activated = context.state.schemes.get((scheme.code, scheme.version))
    _check_ready(context, activated)
    assert activated is not None
    items = context.derived("subject_item").row(0, named=True)
    factors = {factor: _level(context, items, factor) for factor in scheme.factors}
    rule = study.biomarker.marker.rule_in_force
    status = _marker_status(context, rule)
    stratum = stratum_of(scheme, status, factors)
    earlier = context.state.in_stratum.get((scheme.code, scheme.version, stratum), [])
    words = allocation_source(context.keys, context.trial, scheme, activated["sealed_seed"])
    arm, _ = allocated(plan, status, factors, earlier, words)
    return Randomised(
        scheme=scheme.code,
        scheme_version=scheme.version,
        allocation=context.state.allocations.get((scheme.code, scheme.version), 0) + 1,
        stratum=stratum,
        stratum_allocation=len(earlier) + 1,
        factors=tuple(FactorLevel(factor=name, level=level) for name, level in factors.items()),
        marker_status=status,
        status_rule=rule,
        arm=arm,
    )


def _check_ready(context: Context, activated: Mapping[str, Any] | None) -> None:
    """Consent, eligibility, marker, site and scheme are complete, and nobody is allocated twice."""
    types = {event.type for event in context.events}
    for found, told, way_out in (
        ("Randomised", "is randomised already", "read the allocation on the subject's page"),
        ("ScreeningFailed", "is a screening failure", "screen again under a new number"),
        ("DeathRecorded", "has died", "check the subject number"),
    ):
        if found in types:
            raise context.refuse(f"cannot be randomised: {told}", rule="RN3", way_out=way_out)
    items = context.derived("subject_item").row(0, named=True)
    withdrawn = {each["consent"] for each in context.bodies("ConsentWithdrawn")}
    for consent in context.study.visits.consents:
        if consent.required_for_randomisation and (
            not items[f"consent_{consent.code}"] or consent.code in withdrawn
        ):
            raise context.refuse(
                f"cannot be randomised: consent {consent.code} {consent.version} is not signed",
                rule="RN3",
                way_out="have it signed and record it",
            )
    check_eligible(context)
    if "EligibilityConfirmed" not in types:
        raise context.refuse(
            "cannot be randomised: the investigator has not confirmed eligibility",
            rule="RN3",
            way_out="confirm eligibility first",
        )
    if activated is None:
        raise context.refuse(
            "cannot be randomised: the allocation scheme of the version in force is not active",
            rule="RN3",
            way_out="the statistician activates the scheme",
        )
    if activated["rule"] != scheme_rule(context.study.randomisation):
        raise context.refuse(
            "cannot be randomised: the active scheme differs from the study file's",
            rule="RN5",
            way_out="give the changed scheme a new version, sign it and activate it",
        )


def _marker_status(context: Context, rule: str) -> str:
    """The status by the version of the rule in force, from results for randomisation only."""
    for row in context.derived("marker_status").iter_rows(named=True):
        if row["basis"] == "randomisation" and row["rule"] == rule and row["status"] is not None:
            return str(row["status"])
    marker = context.study.biomarker.marker
    assays = " or ".join(each.code for each in marker.assays)
    raise context.refuse(
        f"cannot be randomised: no valid {marker.code} status by rule {rule}",
        rule="RN3",
        clause=marker.source,
        way_out=f"record an interpretable result of {assays}",
    )


def _level(context: Context, items: Mapping[str, Any], factor: str) -> str:
    value = context.site if factor == SITE else items.get(factor)
    if value is None:
        raise context.refuse(
            f"cannot be randomised: the stratification factor {factor} is not known",
            rule="RN3",
            way_out=f"record the item {factor}",
        )
    return str(value)


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "ActivateScheme": activate_scheme,
    "Randomise": randomise,
}
