"""Decisions about allocation: the sealed seed at activation, and the arm of each subject."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from equipoise.conduct.context import Context, as_it_stands
from equipoise.conduct.entry import check_eligible
from equipoise.conduct.marker import status_for_randomisation
from equipoise.errors import BadInput, RecordError
from equipoise.oversight.events import KeyUsed
from equipoise.randomisation.approval import approval_sha256, list_sha256, scheme_rule
from equipoise.randomisation.events import (
    ActivateScheme,
    FactorLevel,
    Randomise,
    Randomised,
    ReproduceAllocations,
    SchemeActivated,
)
from equipoise.randomisation.plan import SITE, Scheme
from equipoise.randomisation.rules import allocated, stratum_of, stream_of
from equipoise.record.event import EventBody
from equipoise.record.keys import KeyStore
from equipoise.record.sealing import Erased
from equipoise.statistics.predictability import LIMIT_POINTS
from equipoise.statistics.random import (
    ALLOCATION_GENERATOR,
    SEED_BYTES,
    AllocationWords,
    dummy_seed,
)
from equipoise.study.factor_levels import factor_levels
from equipoise.visits.events import ConsentWithdrawn

GUESSED_TRIALS = 10_000
"""Trials that the guess rate of a scheme is simulated in, at least (RN2)."""


def activate_scheme(context: Context, body: ActivateScheme) -> EventBody:
    """Draw the seed, seal it under a key outside the database, and go live (RN1, RN2, RN7).

    Refused unless a statistician has signed this rule with its list on a dummy seed, which is made
    again here, and with its guess rate. A live seed is 256 bits from the operating system, drawn
    after all that, and is seen by nobody; a rehearsal's is a dummy derived from its own number.
    """
    plan = context.study.randomisation
    _check_signed(context, body)
    seed = _seed(context)
    name = key_name(plan.scheme)
    context.keys.ensure(name)
    sealed = context.keys.seal(name, seed.hex(), seal_context(context.trial, plan.scheme))
    return SchemeActivated(
        scheme=plan.scheme.code,
        scheme_version=plan.scheme.version,
        algorithm=ALLOCATION_GENERATOR,
        rule=scheme_rule(plan),
        sealed_seed=sealed,
        key=name,
        **dict(body),
    )


def _check_signed(context: Context, body: ActivateScheme) -> None:
    """Refuse a scheme that is active, was checked on another list, or is not signed as it is."""
    plan = context.study.randomisation
    name = f"scheme {plan.scheme.code} {plan.scheme.version}"
    if (plan.scheme.code, plan.scheme.version) in context.state.schemes:
        raise context.refuse(
            f"{name} is active already, and its seed is drawn once",
            rule="RN5",
            way_out="give a changed scheme a new version",
        )
    if body.dummy_sha256 != list_sha256(plan, factor_levels(context.study), body.dummy_seed):
        raise context.refuse(
            f"the list of {name} that was checked is not its list on dummy seed {body.dummy_seed}",
            rule="RN7",
            way_out="make the list again from this version of the study file, check and sign it",
            value=body.dummy_sha256,
        )
    simulated = (body.guess_trials or 0) >= GUESSED_TRIALS
    excess = body.guess_excess if simulated else None
    if body.accepted is None and (excess is None or excess > LIMIT_POINTS):
        raise context.refuse(
            f"a site guesses the allocations of {name} more than {LIMIT_POINTS} points better than "
            f"the best constant guess, or this was not simulated in {GUESSED_TRIALS} trials",
            rule="RN2",
            way_out="choose a scheme that is harder to guess, or sign why this one is accepted",
            value=excess,
        )
    if approval_sha256(plan, body) not in context.state.approvals:
        raise context.refuse(
            f"{name} is not approved as it is to be activated",
            rule="RN7",
            way_out="have the statistician sign the rule with its dummy list and its guess rate",
        )


def _seed(context: Context) -> bytes:
    if context.state.rehearsal:
        number, replicate = context.state.dummy
        return dummy_seed(number, replicate)
    return secrets.token_bytes(SEED_BYTES)


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


def allocations_reproduced(context: Context, body: ReproduceAllocations) -> EventBody:
    """The use of a seed's key, recorded before the seed is opened (RN1, RN7).

    An auditor may ask at any time; a statistician, who is blinded, once the trial is locked or
    once it is recorded that they were unblinded.
    """
    activated = context.state.schemes.get((body.scheme, body.scheme_version))
    if activated is None:
        known = ", ".join(" ".join(each) for each in context.state.schemes)
        raise BadInput(
            f"an active scheme and its version: {known or 'none'}",
            where="ReproduceAllocations",
            field="scheme",
            found=f"{body.scheme} {body.scheme_version}",
        )
    action = context.action
    closed = any(lock.scope == "trial" for lock in context.state.locks.values())
    if action.role == "statistician" and not (closed or action.actor in context.state.unblinded):
        raise context.refuse(
            f"{action.actor} may not see allocations while the trial is open and they are blinded",
            rule="RN7",
            way_out="lock the trial first, or have an auditor reproduce the allocations",
        )
    return KeyUsed(key=activated["key"], purpose=body.purpose)


def randomise(context: Context, body: Randomise) -> EventBody:
    """The arm, by the sealed seed and the stratum's earlier allocations (RN3, RN4).

    Everything that must be complete is checked by the rules of its own stage; the refusal names
    what is missing.
    """
    study = context.study
    plan, scheme = study.randomisation, study.randomisation.scheme
    activated = context.state.schemes.get((scheme.code, scheme.version))
    ready = ready_for_randomisation(context)
    assert activated is not None
    status, factors = ready.status, ready.factors
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
        status_rule=study.biomarker.marker.rule_in_force,
        arm=arm,
        pending_criteria=ready.pending,
        salt=secrets.token_hex(16),
    )


class Ready(NamedTuple):
    """Who can be randomised: criteria judged provisionally, marker status, stratification."""

    pending: tuple[str, ...]
    status: str
    factors: dict[str, str]


def ready_for_randomisation(context: Context) -> Ready:
    """Everything that an allocation rests on; refused with the first thing that is missing (RN3).

    Of the allocation itself nothing is looked at.
    """
    scheme = context.study.randomisation.scheme
    pending = _check_ready(context, context.state.schemes.get((scheme.code, scheme.version)))
    items = context.derived("subject_item").row(0, named=True)
    factors = {factor: _level(context, items, factor) for factor in scheme.factors}
    return Ready(pending, status_for_randomisation(context), factors)


def _check_ready(context: Context, activated: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Consent, eligibility, marker, site and scheme are complete, and nobody is allocated twice.

    Returns the criteria that are not yet known, which are judged provisionally.
    """
    if context.site not in context.state.sites or context.site in context.state.closed:
        raise context.refuse(
            f"cannot be randomised: site {context.site} is not open",
            rule="RN3",
            way_out="open the site again first",
        )
    types = {event.type for event in context.events}
    for found, told, way_out in (
        ("Randomised", "is randomised already", "read the allocation on the subject's page"),
        ("ScreeningFailed", "is a screening failure", "screen again under a new number"),
        ("DeathRecorded", "has died", "check the subject number"),
    ):
        if found in types:
            raise context.refuse(f"cannot be randomised: {told}", rule="RN3", way_out=way_out)
    items = context.derived("subject_item").row(0, named=True)
    withdrawn = {each["consent"] for _, each in as_it_stands(context.events, ConsentWithdrawn.TYPE)}
    for consent in context.study.visits.consents:
        if consent.required_for_randomisation and (
            not items[f"consent_{consent.code}"] or consent.code in withdrawn
        ):
            raise context.refuse(
                f"cannot be randomised: consent {consent.code} {consent.version} is not signed",
                rule="RN3",
                way_out="have it signed and record it",
            )
    pending = check_eligible(context)
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
    return pending


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
    "ReproduceAllocations": allocations_reproduced,
}
