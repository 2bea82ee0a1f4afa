"""Disputes of published records: who may, until when, who hears, and when it is over."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission

from gtm.core import canonical, clock
from gtm.core.actors import REST, Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.cases.disputes import verbs
from plans.cases.disputes.models import AttributionRecord, Dispute
from plans.cases.disputes.section import published
from plans.cases.disputes.selectors import visible_attribution, visible_disputes
from plans.engine.escalation import ladder
from plans.engine.notices import delivery
from plans.engine.people.inbox import waiting_for
from plans.models import Escalation, Notification, RipcordPull
from plans.runs.start import describe_dataset
from plans.selectors import visible_plans
from programs.models import Campaign, Partner
from programs.services import load_dataset
from tests.factories import PersonFactory, ProgramFactory, UserFactory, make_plan
from tests.plans.engine.conftest import actor_of

TRIGGER = {
    "signal": verbs.TRIGGER,
    "title": "A partner disputes",
    "breaches": 1,
    "pulls_ripcord": True,
    "at_once": ["governance-board"],
}
CLAIM = {"deal": "no-opp-1", "claim": "Our webinar came first."}


class Joint:
    """Two partners with a contact each, a campaign, a plan and a published record of each partner."""

    def __init__(self, *, is_over=True):
        program = ProgramFactory(kind="partner")
        self.campaign = Campaign(slug="tour", name="Tour", program=program)
        self.campaign.save()
        self.people = {slug: PersonFactory() for slug in ("north", "south")}
        self.partners = {}
        for slug, person in self.people.items():
            partner = Partner(slug=slug, name=slug.title(), contact=person)
            partner.save()
            self.partners[slug] = partner
        self.campaign.partners.set(self.partners.values())
        self.plan = make_plan(
            program=program,
            campaign=self.campaign,
            triggers=[TRIGGER],
            datasets=[describe_dataset(self.deals(program))],
        )
        if is_over:
            perform(self.plan, "cancel", comment="Over.")
        self.records = {slug: self.record(partner) for slug, partner in self.partners.items()}
        self.desk = PersonFactory()
        self.desk.accounts.first().user_permissions.add(Permission.objects.get(codename="answer_dispute"))

    def deals(self, program):
        """What the run has read: the deals of North that are disputed here."""
        rows = "\n".join(f"no-opp-{n},2026-01-0{n},100,USD,won" for n in (1, 2))
        file = Path(settings.GTM_DATA_DIR).parent / "deals.csv"
        file.write_text(f"opportunity_id,created_at,amount,currency,stage\n{rows}\n")
        return load_dataset("opportunities", [file], program=program, partner=self.partners["north"])[0]

    def record(self, partner):
        row = AttributionRecord(
            plan=self.plan,
            campaign=self.campaign,
            partner=partner,
            window_start=date(2026, 1, 1),
            window_end=date(2026, 1, 30),
            model="multi-touch",
            currency="USD",
            sourced_pipeline=Decimal(1000),
            dispute_until=clock.now() + timedelta(days=14),
        )
        row.save()
        return row

    def file(self, by="north", **told):
        with acting_as(actor_of(self.people[by])):
            return verbs.file(self.records["north"], self.partners["north"], **CLAIM | told)

    def allow_desk_to_see(self):
        self.desk.accounts.first().user_permissions.add(Permission.objects.get(codename="view_dispute"))

    def answer(self, dispute, text="The first touch is yours; the record will say so."):
        with acting_as(actor_of(self.desk)):
            return verbs.answer(dispute, text)

    def sign(self, dispute, by):
        with acting_as(actor_of(self.people[by])):
            return verbs.sign_off(dispute, "Agreed.")


@pytest.fixture
def joint(acting):
    return Joint()


def test_a_claim_opens_the_ladder_at_once_and_a_finished_plan_is_not_stopped(joint):
    dispute = joint.file(evidence=["webinar list of 4 January"])
    assert (dispute.state, dispute.evidence) == ("open", ["webinar list of 4 January"])
    assert Escalation.objects.get(trigger=verbs.TRIGGER).evidence[0]["period"] == f"dispute {dispute.pk}"
    assert not RipcordPull.objects.exists()


def test_a_claim_on_a_live_plan_pulls_the_ripcord(acting):
    joint = Joint(is_over=False)
    joint.file()
    joint.plan.refresh_from_db()
    assert joint.plan.state == "held"
    assert RipcordPull.objects.get().trigger == verbs.TRIGGER


def test_a_claim_about_a_deal_that_the_run_has_not_read_stops_nothing_and_waits_for_our_people(acting):
    joint = Joint(is_over=False)
    dispute = joint.file(deal="no-opp-99")
    joint.plan.refresh_from_db()
    assert (joint.plan.state, dispute.in_data) == ("running", False)
    assert not RipcordPull.objects.exists()
    assert not Escalation.objects.filter(trigger=verbs.TRIGGER).exists()
    joint.allow_desk_to_see()
    (waiting,) = waiting_for(joint.desk.accounts.get()).cases
    assert [row.obj for row in waiting.rows] == [dispute]
    assert joint.file(deal="NO-OPP-1").in_data  # a name in other letters is the same deal
    joint.plan.refresh_from_db()
    assert joint.plan.state == "held"


@pytest.mark.parametrize("is_over", [True, False], ids=["after the plan", "while it is stopped"])
def test_both_members_of_the_governance_board_have_it_in_mail_and_inbox_at_once(acting, mailoutbox, is_over):
    board = [PersonFactory(roles=["governance-board"]) for _ in range(2)]
    lead = PersonFactory(roles=["strategist"])
    joint = Joint(is_over=is_over)
    joint.file()
    delivery.work_off()
    case = Escalation.objects.get(trigger=verbs.TRIGGER)
    about = [(m.to, m.subject) for m in mailoutbox if m.subject.startswith("governance-board called")]
    assert sorted(to for to, _ in about) == sorted([p.email] for p in board)
    assert (case.rung, case.state) == (1, "notified")  # the ladder itself has reached the lead alone
    for person in (*board, lead):
        assert waiting_for(person.accounts.get()).escalations == [case]
    told = ChangeLogEntry.objects.get(entity="plans.escalation", event="told at once").payload.body["to"]
    assert told == [p.name for p in board]
    with acting_as(actor_of(board[0])):
        assert ladder.acknowledge(case).state == "acknowledged"


def test_a_second_dispute_calls_the_board_again(acting, mailoutbox):
    PersonFactory(roles=["governance-board"])
    joint = Joint(is_over=False)
    for deal in ("no-opp-1", "no-opp-2"):
        joint.file(deal=deal)
        delivery.work_off()
    assert sum("called" in m.subject for m in mailoutbox) == 2


def messages():
    """Whom cases were told to by now, in which words."""
    delivery.work_off()
    sent = Notification.objects.filter(notice__kind="case", notice__entity="plans.dispute").order_by("pk")
    return [(message.person, message.subject, message.state) for message in sent]


def test_a_claim_is_told_to_who_may_answer_and_its_answer_to_every_partner_that_must_sign(joint):
    dispute, other = joint.file(), PersonFactory()
    other.accounts.first().user_permissions.add(Permission.objects.get(codename="answer_dispute"))
    with acting_as(actor_of(joint.desk)):
        verbs.hand_over(dispute, owner=other, comment="She knows the campaign.")
    told = messages()
    assert {(who, said) for who, said, _ in told} == {
        (who, "A dispute to answer: North on no-opp-1") for who in (joint.desk, other)
    }
    handed = Notification.objects.filter(person=other, body__contains="It was handed to you.")
    assert handed.count() == 1
    joint.answer(dispute)
    joint.sign(dispute, "south")
    (asked,) = messages()[len(told) :]
    assert asked == (joint.people["north"], "An answer to sign: North on no-opp-1", "sent")
    body = Notification.objects.get(person=joint.people["north"], notice__entity="plans.dispute").body
    assert "North claims: Our webinar came first." in body and "the record will say so." in body


def test_what_was_answered_before_the_message_went_out_is_not_told(joint):
    dispute = joint.file()
    joint.answer(dispute)
    told = {(who, said.partition(":")[0], state) for who, said, state in messages()}
    assert told == {
        (joint.desk, "A dispute to answer", "cancelled"),
        *((person, "An answer to sign", "sent") for person in joint.people.values()),
    }


def test_a_partner_gets_a_message_of_a_result_that_it_may_dispute(joint, time):
    delivery.work_off()
    told = Notification.objects.filter(notice__entity="plans.attributionrecord").order_by("pk")
    assert {(row.person, row.subject, row.state) for row in told} == {
        (joint.people["north"], "A result of North is published: Tour", "sent"),
        (joint.people["south"], "A result of South is published: Tour", "sent"),
    }
    assert "You may dispute it until" in told[0].body


def test_a_partner_has_its_result_in_the_inbox_while_it_may_be_disputed(joint, time):
    def waits(slug):
        return [row.obj for kind in waiting_for(joint.people[slug].accounts.get()).cases for row in kind.rows]

    assert (waits("north"), waits("south")) == ([joint.records["north"]], [joint.records["south"]])
    dispute = joint.file()
    assert (waits("north"), waits("south")) == ([], [joint.records["south"]])
    joint.answer(dispute)
    assert waits("north") == [dispute]
    time.pass_time(days=15)
    assert waits("south") == [dispute]


def test_both_partners_sign_off_and_then_it_is_settled(joint):
    dispute = joint.answer(joint.file())
    assert joint.sign(dispute, "north").state == "answered"
    settled = joint.sign(dispute, "south")
    assert settled.state == "settled"
    assert [s["partner"] for s in settled.signed_off] == ["north", "south"]
    assert settled.closed_at == clock.now()


def test_the_plan_json_tells_claim_answer_and_every_signature(joint):
    dispute = joint.answer(joint.file(evidence=["webinar list of 4 January"]))
    joint.sign(dispute, "north")
    joint.sign(dispute, "south")
    north, south = canonical.plain(published(joint.plan))
    assert (north["partner"], north["sourced_pipeline"], south["disputes"]) == ("north", "1000.00", [])
    assert north["disputes"] == [
        {
            "id": dispute.pk,
            "claimant": "north",
            "status": "settled",
            **CLAIM,
            "in_data": True,
            "evidence": ["webinar list of 4 January"],
            "filed_at": canonical.rfc3339(dispute.created_at),
            "answer": "The first touch is yours; the record will say so.",
            "answered_by": joint.desk.name,
            "signed_off": [
                {"partner": slug, "name": joint.people[slug].name, "said": "Agreed."} for slug in joint.people
            ],
            "closed_at": canonical.rfc3339(dispute.closed_at),
        }
    ]


def test_nobody_signs_twice_or_for_the_other(joint):
    dispute = joint.answer(joint.file())
    joint.sign(dispute, "north")
    with pytest.raises(NotPermitted, match="signed off already"):
        joint.sign(dispute, "north")
    with acting_as(actor_of(joint.desk)), pytest.raises(NotPermitted, match="Only the contact of a partner"):
        verbs.sign_off(dispute, "For them.")
    assert Dispute.objects.get().state == "answered"


def test_whoever_signed_for_one_partner_does_not_sign_for_the_other_later(joint):
    """A signature is of a person, whatever they are the contact of by now."""
    dispute = joint.answer(joint.file())
    joint.sign(dispute, "north")
    for slug, person in (("north", joint.people["south"]), ("south", joint.people["north"])):
        joint.partners[slug].contact = person
        joint.partners[slug].save()
    with pytest.raises(NotPermitted, match="has signed off for north. Another person must sign for South."):
        joint.sign(dispute, "north")
    assert Dispute.objects.get().state == "answered"


def test_who_is_taken_out_of_the_campaign_is_asked_all_the_same(joint):
    dispute = joint.answer(joint.file())
    joint.campaign.partners.remove(joint.partners["south"])
    assert joint.sign(dispute, "north").state == "answered"
    assert visible_disputes(joint.people["south"].accounts.get()).get() == dispute
    assert joint.sign(dispute, "south").state == "settled"


def test_a_new_answer_asks_everybody_again(joint):
    dispute = joint.answer(joint.file())
    joint.sign(dispute, "north")
    assert joint.answer(dispute, "On a second look it is shared.").signed_off == []


def test_a_party_does_not_answer_its_own_dispute(joint):
    dispute = joint.file()
    account = joint.people["south"].accounts.first()
    account.user_permissions.add(Permission.objects.get(codename="answer_dispute"))
    with (
        acting_as(actor_of(joint.people["south"])),
        pytest.raises(NotPermitted, match="represents a partner"),
    ):
        verbs.answer(dispute, "No.")
    assert Dispute.objects.get().answer == ""


def test_the_other_partner_files_nothing_in_its_name(joint):
    with pytest.raises(NotPermitted, match="Only the contact of North"):
        joint.file(by="south")
    assert not Dispute.objects.exists()


def test_after_the_time_agreed_nothing_is_filed(joint, time):
    time.pass_time(days=14)
    with pytest.raises(GuardNotMet, match="time to dispute ended"):
        joint.file()
    assert not Escalation.objects.filter(trigger=verbs.TRIGGER).exists()


@pytest.mark.parametrize("empty", ["deal", "claim"])
def test_a_claim_without_words_is_refused(joint, empty):
    with pytest.raises(InvalidInput) as refused:
        joint.file(**{empty: "  "})
    assert [p.field for p in refused.value.problems] == [empty]


def test_the_same_claim_again_is_the_open_one(joint):
    assert joint.file() == joint.file()
    assert Dispute.objects.count() == 1


def test_the_claimant_alone_withdraws(joint):
    dispute = joint.file()
    with acting_as(actor_of(joint.people["south"])), pytest.raises(NotPermitted, match="Only North"):
        verbs.withdraw(dispute, "Not ours.")
    token = Actor.of_user(joint.people["north"].accounts.get(), REST)
    with acting_as(token), pytest.raises(NotPermitted, match="person in a session"):
        verbs.withdraw(dispute, "We were wrong.")
    with acting_as(actor_of(joint.people["north"])):
        assert verbs.withdraw(dispute, "We were wrong.").state == "withdrawn"


def test_a_partner_sees_its_own_record_and_both_see_the_dispute(joint):
    dispute = joint.file()
    users = {slug: person.accounts.first() for slug, person in joint.people.items()}
    for slug, user in users.items():
        assert [r.partner.slug for r in visible_attribution(user)] == [slug]
        assert list(visible_disputes(user)) == [dispute]
        assert not visible_plans(user).exists()


def test_a_permission_does_not_widen_what_a_partners_contact_sees(joint):
    user = joint.people["north"].accounts.first()
    user.user_permissions.add(Permission.objects.get(codename="view_attributionrecord"))
    assert [r.partner.slug for r in visible_attribution(user)] == ["north"]


def test_our_people_see_all_with_the_permission_and_nothing_without(joint):
    joint.file()
    user, stranger = UserFactory(), UserFactory()
    wanted = Permission.objects.filter(codename__in=["view_attributionrecord", "view_dispute"])
    user.user_permissions.set(wanted)
    assert (visible_attribution(user).count(), visible_disputes(user).count()) == (2, 1)
    assert (visible_attribution(stranger).count(), visible_disputes(stranger).count()) == (0, 0)
