"""A change around a plan is carried into its log by the commit, and by nothing else."""

from decimal import Decimal

import pytest
from django.db import transaction

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import GuardNotMet
from plans.export import document
from plans.models import AROUND
from programs.models import Program
from tests.factories import make_run


def told(plan):
    rows = [row for row in document.build(plan)["change_log"] if row["event"] == AROUND]
    return {row["field"]: (row["from"], row["to"]) for row in rows}


@pytest.mark.django_db(transaction=True)
def test_the_commit_of_a_change_carries_it_and_a_rollback_takes_it_away():
    with acting_as(Actor.system("Ann")):
        plan = make_run().plan
        program = plan.program
        program.gross_margin = Decimal("0.33")
        with pytest.raises(GuardNotMet), transaction.atomic():
            program.save()
            raise GuardNotMet("No.")
        assert (told(plan), plan.outside_changes.count()) == ({}, 0)
        program = Program.objects.get()
        program.gross_margin = Decimal("0.35")
        program.save()
    assert told(plan)["program/gross_margin"][1] == "0.35"
    assert [row.carried_at is None for row in plan.outside_changes.all()] == [False]
