"""Everything on the registry page of MGMT-NET is in its study file, line for line.

The page is written a second time, from the study file; what differs is the registry's own
boilerplate, which is listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from equipoise.study.definition import Study
from equipoise.study.load import load_study
from equipoise.study.registration import Intervention, StudyGroup

PAGE = Path(__file__).with_name("NCT03217097-registry-page.txt").read_text(encoding="utf-8")

BOILERPLATE = {
    "The study team has not published outcome measurements, participant flow, or safety data for "
    "this trial yet. Check back later for updates.",
    "Get a concise snapshot of the trial, including recruitment status, study phase, enrollment "
    "targets, and key timeline milestones.",
    "Review the sponsor-provided synopsis that highlights what the study is about and why it is "
    "being conducted.",
    "Dive into the extended narrative that explains the scientific background, objectives, and "
    "procedures in greater depth.",
    "See the medical conditions and disease areas that this research is targeting or "
    "investigating.",
    "Understand how the trial is structured, including allocation methods, masking strategies, "
    "primary purpose, and other design elements.",
    "Review each arm or cohort in the study, along with the interventions and objectives "
    "associated with them.",
    "Learn about the drugs, procedures, or behavioral strategies being tested and how they are "
    "applied within this trial.",
    "Check the participation requirements, including inclusion and exclusion rules, age limits, "
    "and whether healthy volunteers are accepted.",
    "Meet the organizations funding or collaborating on the study and learn about their roles.",
    "Identify the individual or organization who holds primary responsibility for the study "
    "information submitted to regulators.",
    "Explore where the study is taking place and check the recruitment status at each "
    "participating site.",
    "Review the countries where the study has at least one active or historical site.",
    "Explore related publications, articles, or registry entries linked to this study.",
    "Review additional registry numbers or institutional identifiers associated with this trial.",
    "Additional clinical trials that may be relevant based on similarity analysis.",
}


def _head(study: Study) -> Iterator[str]:
    registration = study.registration
    yield registration.brief_title
    yield f"NCT ID: {registration.identifiers.registry}"
    yield f"Last Updated: {registration.dates.last_updated}"
    yield "Study Results"
    yield "Results posted" if registration.results_posted else "Results pending"


def _basic_information(study: Study) -> Iterator[str]:
    registration = study.registration
    yield "Recruitment Status"
    yield registration.status
    yield "Clinical Phase"
    yield registration.design.phase.split(" ")[0]
    yield "Total Enrollment"
    yield f"{registration.enrolment.actual} participants"
    yield "Study Classification"
    yield registration.design.study_type
    yield "Study Start Date"
    yield str(registration.dates.start)
    yield "Study Completion Date"
    yield str(registration.dates.completion)


def _brief_summary(study: Study) -> Iterator[str]:
    yield from study.registration.brief_summary.splitlines()


def _nothing(study: Study) -> Iterator[str]:
    yield from ()


def _conditions(study: Study) -> Iterator[str]:
    yield from study.registration.conditions


def _study_design(study: Study) -> Iterator[str]:
    design = study.registration.design
    yield "Allocation Method"
    yield design.allocation
    yield "Intervention Model"
    yield design.intervention_model
    yield "Primary Study Purpose"
    yield design.primary_purpose
    yield "Blinding Strategy"
    yield design.masking


def _study_groups(study: Study) -> Iterator[str]:
    interventions = {each.name: each for each in study.registration.interventions}
    for group in study.registration.groups:
        yield from _group(group)
        for name in group.interventions:
            found = interventions[name]
            yield found.name
            yield f"Intervention Type {found.kind}"
            yield found.description


def _group(group: StudyGroup) -> Iterator[str]:
    yield group.label
    yield from group.description.splitlines()
    yield f"Group Type {group.kind}"


def _interventions(study: Study) -> Iterator[str]:
    for intervention in study.registration.interventions:
        yield from _intervention(intervention)


def _intervention(intervention: Intervention) -> Iterator[str]:
    yield intervention.name
    yield intervention.description
    yield f"Intervention Type {intervention.kind}"


def _eligibility(study: Study) -> Iterator[str]:
    lines, ages = study.registration.criteria, study.registration.ages
    yield "Inclusion Criteria"
    yield from (f"* {line.text}" for line in lines if line.kind == "inclusion")
    assert study.eligibility.allowed is not None
    yield study.eligibility.allowed.en
    yield "Exclusion Criteria"
    yield from (f"* {line.text}" for line in lines if line.kind == "exclusion")
    yield "Minimum Eligible Age"
    yield f"{ages.minimum} Years"
    yield "Eligible Sex"
    yield ages.sexes
    yield "Accepts Healthy Volunteers"
    yield "Yes" if ages.healthy_volunteers else "No"


def _sponsors(study: Study) -> Iterator[str]:
    for sponsor in study.registration.sponsors:
        yield sponsor.name
        yield sponsor.kind
        yield f"Sponsor Role {sponsor.role}"


def _responsible(study: Study) -> Iterator[str]:
    for sponsor in study.registration.sponsors:
        yield f"Responsibility Role {sponsor.responsible_party}"


def _locations(study: Study) -> Iterator[str]:
    for site in study.sites:
        yield site.name
        yield f"{site.city}, , {site.country}"
        yield "Site Status"


def _countries(study: Study) -> Iterator[str]:
    yield from study.registration.countries


def _references(study: Study) -> Iterator[str]:
    for reference in study.registration.references:
        assert reference.doi is not None and f"doi: {reference.doi}." in reference.citation
        yield reference.citation
        yield f"Reference Type {reference.kind}"
        yield f"PMID: {reference.pmid} (View on PubMed)"


def _other_identifiers(study: Study) -> Iterator[str]:
    yield study.registration.identifiers.sponsor
    yield "Identifier Type: -"
    yield "Identifier Source: org_study_id"


SECTIONS: dict[str, Callable[[Study], Iterator[str]]] = {
    "": _head,
    "Basic Information": _basic_information,
    "Brief Summary": _brief_summary,
    "Detailed Description": _nothing,
    "Conditions": _conditions,
    "Study Design": _study_design,
    "Study Groups": _study_groups,
    "Interventions": _interventions,
    "Eligibility Criteria": _eligibility,
    "Sponsors": _sponsors,
    "Responsible Party": _responsible,
    "Locations": _locations,
    "Countries": _countries,
    "References": _references,
    "Other Identifiers": _other_identifiers,
    "More Related Trials": _nothing,
}


def _sections() -> dict[str, list[str]]:
    """Lines of the page by heading, without empty lines and boilerplate."""
    found: dict[str, list[str]] = {"": []}
    heading = ""
    for line in PAGE.splitlines():
        if line in SECTIONS and line:
            heading = line
            assert heading not in found, f"the page has the heading {heading} twice"
            found[heading] = []
        elif line.strip() and line not in BOILERPLATE:
            found[heading].append(line)
    return found


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("mgmt-net")


@pytest.fixture(scope="module")
def page() -> dict[str, list[str]]:
    return _sections()


@pytest.mark.parametrize("heading", SECTIONS, ids=lambda heading: heading or "head")
def test_every_line_of_the_section_is_in_the_study_file(
    heading: str, study: Study, page: dict[str, list[str]]
) -> None:
    written = [line for line in SECTIONS[heading](study) if line.strip()]
    assert written == page[heading]


def test_no_section_of_the_page_is_left_out(page: dict[str, list[str]]) -> None:
    assert list(page) == list(SECTIONS)
    assert sum(len(lines) for lines in page.values()) > 140


def test_every_piece_of_boilerplate_is_on_the_page() -> None:
    assert set(PAGE.splitlines()) >= BOILERPLATE


def test_the_study_file_has_nineteen_sites_and_both_references(study: Study) -> None:
    assert len(study.sites) == 19
    assert [reference.pmid for reference in study.registration.references] == [
        "30824408",
        "39586038",
    ]


def test_every_registered_criterion_is_judged_by_one_of_the_study(study: Study) -> None:
    judged = [code for line in study.registration.criteria for code in line.criteria]
    assert judged == [criterion.id for criterion in study.eligibility.criteria]
    assert all(criterion.clause for criterion in study.eligibility.criteria)
