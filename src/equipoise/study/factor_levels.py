"""The levels that each stratification factor of a study can have."""

from __future__ import annotations

from equipoise.randomisation.plan import SITE
from equipoise.study.definition import Study


def factor_levels(study: Study) -> dict[str, tuple[str, ...]]:
    """By factor of the scheme: the codes of its item in the order of the study file, or the sites.

    >>> from equipoise.study.load import load_study
    >>> factor_levels(load_study("lung-tmb"))
    {'smoking': ('EVER', 'NEVER')}
    """
    coded = {item.code: item for form in study.visits.forms for item in form.items}
    return {
        factor: tuple(site.code for site in study.sites)
        if factor == SITE
        else tuple(code.code for code in coded[factor].codes)
        for factor in study.randomisation.scheme.factors
    }
