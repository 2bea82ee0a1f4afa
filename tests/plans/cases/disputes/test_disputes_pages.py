"""Records and disputes in the admin: partners' contacts see theirs, act for themselves, and nothing else."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from plans.cases.disputes import inbox
from plans.cases.disputes.models import Dispute
from tests.factories import PersonFactory
from tests.plans.cases.disputes.test_disputes_verbs import CLAIM, Joint

SEE = ("view_attributionrecord", "view_dispute")


@pytest.fixture
def joint(acting):
    joint = Joint()
    for person in (*joint.people.values(), joint.desk):
        user = person.accounts.first()
        user.is_staff = True
        user.save()
        user.user_permissions.add(*Permission.objects.filter(codename__in=SEE))
    return joint


@pytest.fixture
def as_(joint):
    def client(who):
        session = Client()
        session.force_login((joint.people | {"desk": joint.desk})[who].accounts.first())
        return session

    return client


def record_page(joint, partner, page="change"):
    return reverse(f"admin:plans_attributionrecord_{page}", args=[joint.records[partner].pk])


def page_of(dispute):
    return reverse("admin:plans_dispute_change", args=[dispute.pk])


def told(response):
    return " ".join(map(str, get_messages(response.wsgi_request)))


def test_a_contact_lists_its_own_record_and_is_shown_no_other(joint, as_):
    listed = as_("north").get(reverse("admin:plans_attributionrecord_changelist")).context["cl"].result_list
    assert [record.partner.slug for record in listed] == ["north"]
    assert as_("north").get(record_page(joint, "north")).status_code == 200
    assert as_("north").get(record_page(joint, "south")).status_code == 404
    assert as_("desk").get(record_page(joint, "south")).status_code == 200


def test_neither_history_nor_export_shows_a_contact_the_others_record(joint, as_):
    assert as_("north").get(record_page(joint, "north", "history")).status_code == 200
    assert as_("north").get(record_page(joint, "south", "history")).status_code == 403

    def exported(who):
        answer = as_(who).post(
            reverse("admin:plans_attributionrecord_export"),
            {"format": "0", "resource": "0", "attributionrecordresource_id": "on"},
        )
        return len(answer.content.decode().splitlines()) - 1

    assert (exported("north"), exported("desk")) == (1, 2)


@pytest.mark.parametrize(
    "place", ["plans_plan", "plans_task", "plans_approval", "programs_dataset", "programs_partner"]
)
def test_a_contact_reads_nothing_else_of_ours(joint, as_, place):
    assert as_("north").get(reverse(f"admin:{place}_changelist")).status_code == 403


def test_home_of_a_contact_names_no_plan(joint, as_):
    assert joint.plan.plan_id not in as_("north").get(reverse("admin:index")).content.decode()


def test_a_dispute_goes_from_claim_to_both_signatures(joint, as_):
    filed = as_("north").post(
        record_page(joint, "north"), CLAIM | {"evidence": "List of 4 January\n\nTwo mails"}
    )
    dispute = Dispute.objects.get()
    assert filed.url == page_of(dispute)
    assert dispute.evidence == ["List of 4 January", "Two mails"]
    as_("desk").post(page_of(dispute), {"act": "answer", "said": "Yours came first."})
    as_("north").post(page_of(dispute), {"act": "agree", "said": "Yes."})
    shown = as_("south").get(page_of(dispute))
    assert [(p.slug, bool(signed)) for p, signed in shown.context["signatures"]] == [
        ("north", True),
        ("south", False),
    ]
    as_("south").post(page_of(dispute), {"act": "agree", "said": "Agreed."})
    dispute.refresh_from_db()
    assert (dispute.state, dispute.answered_by) == ("settled", joint.desk)
    assert as_("south").get(page_of(dispute)).context["actions"] == []


def test_each_is_offered_what_is_theirs(joint, as_):
    dispute = joint.file()

    def offered(who):
        return [a.name for a in as_(who).get(page_of(dispute)).context["actions"]]

    assert (offered("desk"), offered("north"), offered("south")) == (["answer"], ["withdraw"], [])
    joint.answer(dispute)
    assert (offered("desk"), offered("north"), offered("south")) == (
        ["answer"],
        ["agree", "withdraw"],
        ["agree"],
    )


@pytest.mark.parametrize(
    ("who", "verb"), [("south", "withdraw"), ("north", "answer"), ("desk", "agree"), ("desk", "settle")]
)
def test_who_may_not_is_told_and_nothing_changes(joint, as_, who, verb):
    dispute = joint.answer(joint.file())
    before = dispute.version
    response = as_(who).post(page_of(dispute), {"act": verb, "said": "For them."})
    assert told(response) not in ("", "Recorded.")
    dispute.refresh_from_db()
    assert (dispute.state, dispute.version) == ("answered", before)


def test_our_people_file_no_claim_for_a_partner(joint, as_):
    assert as_("desk").post(record_page(joint, "north"), CLAIM).status_code == 403
    assert not Dispute.objects.exists()


def test_a_claim_without_words_keeps_the_form_and_says_what_is_wrong(joint, as_):
    response = as_("north").post(record_page(joint, "north"), CLAIM | {"claim": ""})
    assert list(response.context["form"].errors) == ["claim"]
    assert not Dispute.objects.exists()


def test_after_the_time_agreed_no_claim_is_offered(joint, as_, time):
    time.pass_time(days=14)
    assert as_("north").get(record_page(joint, "north")).context["form"] is None
    response = as_("north").post(record_page(joint, "north"), CLAIM)
    assert "time to dispute ended" in told(response)
    assert not Dispute.objects.exists()


def test_our_people_hand_a_dispute_over_and_parties_do_not(joint, as_):
    dispute = joint.file()
    joint.desk.accounts.first().user_permissions.add(Permission.objects.get(codename="answer_dispute"))
    colleague = PersonFactory(name="Cleo")
    may = Permission.objects.filter(codename__in=("answer_dispute", "view_dispute"))
    colleague.accounts.first().user_permissions.add(*may)
    dialog = reverse("admin:plans_dispute_hand_over_dispute", args=[dispute.pk])
    assert dialog in as_("desk").get(page_of(dispute)).content.decode()
    assert dialog not in as_("north").get(page_of(dispute)).content.decode()
    said = {"owner": colleague.pk, "reason": "She knows the deal.", "answered": "1"}
    assert as_("north").post(dialog, said).status_code == 403
    contact = said | {"owner": joint.people["north"].pk}
    assert "may not answer disputes" in as_("desk").post(dialog, contact, follow=True).content.decode()
    dispute.refresh_from_db()
    assert dispute.owner is None
    as_("desk").post(dialog, said)
    dispute.refresh_from_db()
    assert (dispute.owner, dispute.history.latest().owner, dispute.state) == (colleague, colleague, "open")
    assert "Cleo" not in as_("north").get(page_of(dispute)).content.decode()
    (waiting,) = inbox.waiting(colleague.accounts.first(), {colleague.pk}, 5)
    assert "handed to you" in waiting.detail
