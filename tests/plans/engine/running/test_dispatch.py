"""Approvals, stops and ends ask for an anchor as soon as they are committed; nothing else does."""

import pytest

from gtm.core import events
from gtm.core.actors import Actor, acting_as
from gtm.core.fsm import perform
from gtm.core.models import Anchor
from gtm.core.tasks import anchor_changelog
from plans.engine.running import dispatch
from plans.engine.stopping import ripcord
from tests.factories import PersonFactory, make_plan, round_of


@pytest.fixture
def asked(acting, monkeypatch):
    """How many anchors were asked for so far, of transactions that committed."""
    calls = []
    monkeypatch.setitem(events._subscribers, dispatch.AnchorWanted, [calls.append])
    return calls


@pytest.mark.parametrize(
    ("act", "anchors"),
    [
        (lambda plan, vote, person: vote(person, round_of(plan)), 1),
        (lambda plan, vote, person: vote(person, round_of(plan), "recuse"), 0),
        (lambda plan, vote, person: ripcord.pull("plan", plan=plan, reason="Odd"), 1),
        (lambda plan, vote, person: perform(plan, "cancel", comment="Not needed"), 1),
        (lambda plan, vote, person: perform(plan, "pause", comment="Wait"), 0),
    ],
    ids=["approval", "recusal", "stop", "end", "pause"],
)
def test_what_asks_for_an_anchor(asked, vote, django_capture_on_commit_callbacks, act, anchors):
    person = PersonFactory(roles=["finance"])
    with acting_as(Actor.system("Test")):
        plan = make_plan()
    with django_capture_on_commit_callbacks(execute=True):
        act(plan, vote, person)
    assert len(asked) == anchors


def test_one_anchor_does_for_all_that_asked_while_it_was_on_its_way(acting):
    with acting_as(Actor.system("Test")):
        first, second = make_plan(), make_plan()
        for plan in (first, second):
            perform(plan, "cancel", comment="Not needed")
        anchor_changelog(tell_auditors=False, wanted_by=first.change_chain())
        anchor_changelog(tell_auditors=False, wanted_by=second.change_chain())
        assert [*Anchor.objects.values_list("number", flat=True)] == [1]
        first.objective = "Another objective"
        first.save()
        anchor_changelog(tell_auditors=False, wanted_by=first.change_chain())
        anchor_changelog()  # the day's, which the auditors get
    assert [*Anchor.objects.order_by("number").values_list("number", flat=True)] == [1, 2, 3]
