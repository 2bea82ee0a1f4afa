"""Disputes at the command line: the same verbs, the same refusals."""

import pytest
from django.contrib.auth.models import Permission

from plans.cases.disputes.models import Dispute
from tests.doors import manage
from tests.plans.cases.disputes.test_disputes_verbs import Joint


@pytest.fixture
def joint(acting, settings):
    settings.GTM_ALLOW_IMPERSONATION = True
    joint = Joint()
    joint.desk.accounts.first().user_permissions.add(Permission.objects.get(codename="view_dispute"))
    return joint


def name(person):
    return person.accounts.first().get_username()


def file(joint, by="north", of="north"):
    told = ("--deal", "no-opp-1", "--claim", "Our webinar came first.", "--evidence", "Its list.")
    return manage("dispute", "file", f"{joint.plan.plan_id}/{of}", *told, "--as", name(joint.people[by]))


def test_a_dispute_goes_from_claim_to_both_signatures(joint):
    assert file(joint)[0] == 0
    dispute = Dispute.objects.get()
    assert (dispute.claim, dispute.evidence) == ("Our webinar came first.", ["Its list."])
    number = str(dispute.pk)
    assert (
        manage("dispute", "answer", number, "--said", "Yours came first.", "--as", name(joint.desk))[0] == 0
    )
    assert (
        manage("dispute", "sign-off", number, "--said", "Yes.", "--as", name(joint.people["north"]))[0] == 0
    )
    code, out = manage("dispute", "sign-off", number, "--said", "Yes.", "--as", name(joint.people["south"]))
    assert (code, out.strip()) == (
        0, f"{number} Settled: North on no-opp-1 ({joint.plan.plan_id}); signed off by north, south"
    )  # fmt: skip


def test_the_list_shows_what_one_may_see(joint):
    file(joint)
    assert "no-opp-1" in manage("dispute", "list", "--as", name(joint.people["south"]))[1]
    assert "no-opp-1" in manage("dispute", "list", "--as", name(joint.desk))[1]


def test_the_others_record_cannot_be_disputed(joint):
    code, out = file(joint, by="south")
    assert (code, Dispute.objects.count()) == (2, 0)
    assert "that you may see" in out


def test_who_may_not_is_refused_and_nothing_changes(joint):
    file(joint)
    number = str(Dispute.objects.get().pk)
    code, out = manage("dispute", "withdraw", number, "--said", "No.", "--as", name(joint.people["south"]))
    assert (code, Dispute.objects.get().state) == (1, "open")
    assert "Only North can withdraw" in out


def test_nobody_acts_nameless_or_on_nothing(joint):
    assert manage("dispute", "list")[0] == 2
    assert manage("dispute", "answer", "--said", "x", "--as", name(joint.desk))[0] == 2
    assert manage("dispute", "answer", "999", "--said", "x", "--as", name(joint.desk))[0] == 2


def test_a_claim_about_a_deal_that_the_run_has_not_read_says_so(joint):
    told = ("--deal", "NOSUCH", "--claim", "Ours.")
    code, out = manage(
        "dispute", "file", f"{joint.plan.plan_id}/north", *told, "--as", name(joint.people["north"])
    )
    assert (code, "The data of this run have no such deal. Nothing was stopped." in out) == (0, True)
