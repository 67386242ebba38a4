"""Bundled studies with another allocation scheme than their own."""

from __future__ import annotations

from decimal import Decimal

from equipoise.randomisation.plan import Minimised, Scheme
from equipoise.study.definition import Study

FACTORS = {"mgmt-net": ("primary_site", "grade"), "lung-tmb": ("smoking", "sex", "site")}
"""What a bundled study balances when it minimises."""


def with_scheme(study: Study, scheme: Scheme) -> Study:
    """The study with this scheme in place of its own."""
    plan = study.randomisation.model_copy(update={"scheme": scheme})
    return study.model_copy(update={"randomisation": plan})


def minimised(study: Study, name: str, *, probability: str = "0.8") -> Study:
    """A bundled study that minimises: its ratios, its factors, the last factor twice as heavy."""
    scheme, factors = study.randomisation.scheme, FACTORS[name]
    weights = {factor: 2 if factor == factors[-1] else 1 for factor in factors}
    rule = Minimised(
        probability=Decimal(probability),
        measure="range" if name == "mgmt-net" else "variance",
        weights=weights,
    )
    return with_scheme(
        study,
        scheme.model_copy(
            update={
                "method": "minimisation",
                "factors": factors,
                "minimisation": rule,
                "ratios": tuple(
                    ratio.model_copy(update={"block_sizes": ()}) for ratio in scheme.ratios
                ),
            }
        ),
    )
