"""The document's own example: lifecycle operations cover the referral architect."""

from datetime import timedelta

import pytest

from plans.engine.gates import rounds
from plans.engine.notices import delivery
from plans.engine.people import inbox
from plans.export import document
from plans.models import Notification
from tests.factories import AbsenceFactory
from tests.plans.commands.optimize_referrals.conftest import NOW

pytestmark = pytest.mark.usefixtures("db")


def test_lifecycle_operations_cover_the_architect(site, world):
    site.people["second"] = second = site.person("second", "lifecycle-ops")
    away = {"starts_at": NOW - timedelta(days=1), "ends_at": NOW + timedelta(days=20)}
    AbsenceFactory(person=site.people["architect"], **away)
    site.load(world)
    plan = site.run()
    approval = plan.approvals.get()
    assert [a.pk for a in inbox.waiting_for(second.accounts.get()).approvals] == [approval.pk]
    assert inbox.waiting_for(site.people["ops"].accounts.get()).approvals == []  # who asked for the run
    delivery.work_off()
    asked = Notification.objects.filter(subject="Your decision is needed: Playbook approval")
    assert [message.person for message in asked] == [second]
    with site.by("second"):
        rounds.decide(approval, "approve", comment="In this order.")
    covers = {cover["agent"]: cover for cover in document.build(plan)["fallbacks"]}
    vote = covers["referral-architect"]["used"][-1]
    assert (vote["task_id"], vote["outcome"], vote["person"], vote["for"], vote["why"]) == (
        "5.1",
        "approve",
        "second",
        "architect",
        "architect is away until 2026-12-13",
    )
