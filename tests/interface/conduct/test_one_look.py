"""Questions of one page are answered as of one event; an action looks at the record anew."""

from __future__ import annotations

import pytest

from equipoise.conduct.conductor import Conductor
from equipoise.conduct.inquiry import Inquiry
from equipoise.errors import Refused
from tests.harness.trial import Trial


def test_questions_within_one_look_are_of_one_moment(trial: Trial) -> None:
    """Somebody else goes on recording meanwhile: it is seen at the next look."""
    trial.screened("A-001", without="confirmation")
    page = Inquiry(Conductor(trial.log, trial.conductor.keys, trial.now))
    with page.conductor.one_look():
        before, known = page.head, len(page.events("A-001"))
        trial.screened("A-002")
        trial.act("DeathRecorded", {"cause": "disease"}, subject="A-001")
        assert page.head == before
        assert "A-002" not in page.state.screened
        assert len(page.events("A-001")) == known
    assert page.head == trial.log.head().seq
    assert "A-002" in page.state.screened
    assert page.events("A-001")[-1].type == "DeathRecorded"


def test_an_action_within_one_look_sees_what_others_did(trial: Trial) -> None:
    """The rules decide on what is recorded, not on what the page showed."""
    trial.screened("A-001", without="confirmation")
    elsewhere = Conductor(trial.log, trial.conductor.keys, trial.now)
    with elsewhere.one_look():
        assert elsewhere.caught_up("A-001") and not elsewhere.state.locks
        trial.act("Locked", {"scope": "subject"}, "data_manager", subject="A-001", occurred=None)
        assert not elsewhere.state.locks
        with pytest.raises(Refused) as error:
            elsewhere.act(trial.action("DeathRecorded", {"cause": "disease"}, subject="A-001"))
        assert "A-001" in str(error.value) and "lock" in str(error.value)
        assert elsewhere.state.locks
