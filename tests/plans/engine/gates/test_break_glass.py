"""Break-glass: off by default, two people, one outside, within a day; and the review it owes."""

import pytest
from django.contrib.auth.models import Permission

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import GtmError, GuardNotMet, NotPermitted, StaleVersion
from gtm.core.fsm import perform
from plans.engine.gates import break_glass, rework
from plans.engine.people import human_tasks, inbox
from plans.engine.stopping import ripcord
from plans.selectors import break_glass_uses
from tests.factories import PersonFactory, do_work, gate, make_plan, round_of, seat
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture(autouse=True)
def switched_on(settings):
    settings.GTM_BREAK_GLASS = True


def allowed(name, *codenames, **rest):
    person = PersonFactory(name=name, **rest)
    person.accounts.get().user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return person


@pytest.fixture
def ida():
    return allowed("Ida", "use_break_glass", "review_break_glass")


@pytest.fixture
def out():
    return allowed("Out", "use_break_glass")


@pytest.fixture
def rev():
    return allowed("Rev", "review_break_glass")


@pytest.fixture
def plan(ida):
    """Ida launched it, so she is of its chain; nobody holds the role it asks."""
    return make_plan(gate(seat("finance")), requester=ida.accounts.get())


def ask(person, plan, **rest):
    with acting_as(actor_of(person)):
        return break_glass.ask(round_of(plan), reason="The store opens at nine.", **rest)


def agree(person, row):
    with acting_as(actor_of(person)):
        return break_glass.agree(row, comment="Seen.")


def look(person, row, verdict="It was right."):
    with acting_as(actor_of(person)):
        return break_glass.review(row, verdict=verdict)


@pytest.fixture
def used(plan, ida, out):
    return agree(out, ask(ida, plan))


def test_two_people_take_the_plan_past_the_gate_and_it_is_marked(plan, used):
    assert round_of(plan).state == "bypassed"
    assert plan.tasks.get(key="sign-off").output["bypassed_by"] == ["Ida", "Out"]
    assert plan.tasks.get(key="publish").state == "ready"
    assert used.review_due_at.isoformat() == "2026-03-04T17:00:00+00:00"
    assert list(break_glass_uses(owed=True)) == [used]


def test_it_is_off_by_default(plan, ida, settings):
    settings.GTM_BREAK_GLASS = False
    with pytest.raises(NotPermitted, match="switched off"):
        ask(ida, plan)


def test_nobody_breaks_the_glass_alone_whatever_the_account(plan, ida):
    row = ask(ida, plan)
    with pytest.raises(NotPermitted, match="second person"):
        agree(ida, row)
    assert round_of(plan).state == "unsatisfiable"


def test_one_of_the_two_stands_outside_the_chain(plan, ida):
    owner = allowed("Owner", "use_break_glass")
    task = plan.tasks.get(key="publish")
    task.owner = owner
    task.save()
    with pytest.raises(NotPermitted, match="no other part in the plan"):
        agree(owner, ask(ida, plan))


def test_it_takes_the_permission_and_a_session(plan, out):
    with pytest.raises(NotPermitted):
        ask(PersonFactory(), plan)
    with acting_as(actor_of(out, interactive=False)), pytest.raises(NotPermitted):
        break_glass.ask(round_of(plan), reason="A token asks.")
    with acting_as(Actor.system("Engine")), pytest.raises(NotPermitted):
        break_glass.ask(round_of(plan), reason="The engine asks.")


@pytest.mark.parametrize("hours", [0, -1, 24.1])
def test_it_ends_within_a_day(plan, ida, hours):
    with pytest.raises(GuardNotMet, match="24 hours"):
        ask(ida, plan, hours=hours)


def test_what_nobody_agreed_to_expires(plan, ida, out, time):
    row = ask(ida, plan, hours=2)
    time.pass_time(hours=2)
    with pytest.raises(GuardNotMet, match="expired"):
        agree(out, row)
    assert break_glass.sweep(time()) == 1
    row.refresh_from_db()
    assert (row.state, round_of(plan).state) == ("expired", "unsatisfiable")


def test_it_lets_pass_what_was_asked_about_and_nothing_else(plan, ida, out):
    row = ask(ida, plan)
    asked = round_of(plan)
    asked.scope_sha256 = "0" * 64
    asked.save()
    with pytest.raises(StaleVersion):
        agree(out, row)


def test_it_does_not_work_while_the_cord_is_pulled(plan, ida, out):
    row = ask(ida, plan)
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    with pytest.raises(NotPermitted, match="rip-cord"):
        agree(out, row)


def test_the_plan_does_not_close_while_the_review_is_owed_and_then_closes_degraded(plan, used, rev):
    human_tasks.complete(plan.tasks.get(key="publish"), result={}, evidence={})
    plan.refresh_from_db()
    assert plan.state == "running"
    with pytest.raises(GuardNotMet, match="must be reviewed first"):
        perform(plan, "cancel", comment="Away with it.")
    look(rev, used)
    plan.refresh_from_db()
    assert (plan.state, round_of(plan).state) == ("succeeded_degraded", "bypassed")
    assert not break_glass_uses(owed=True).exists()


@pytest.mark.parametrize("who", ["ida", "out"])
def test_who_broke_the_glass_does_not_review_it(used, who, request):
    with pytest.raises(GtmError) as refused:
        look(request.getfixturevalue(who), used)
    assert refused.value.status == 403


def test_a_review_says_something(used, rev):
    with pytest.raises(GuardNotMet):
        look(rev, used, " ")


def test_an_overdue_review_goes_to_the_ladder_once_and_the_review_ends_it(plan, used, rev, time):
    assert break_glass.sweep(time()) == 0
    time.pass_time(days=3)
    assert [break_glass.sweep(time()), break_glass.sweep(time())] == [1, 0]
    case = plan.escalations.get(trigger="break-glass-review")
    look(rev, used)
    case.refresh_from_db()
    assert case.state == "cancelled"


def test_a_bypass_does_not_carry_over_into_another_revision(plan, used):
    rework.change(plan, {"budget": {"amount": "1", "currency": "USD"}}, comment="Cheaper.")
    do_work(plan)
    assert [a.state for a in plan.approvals.order_by("round")] == ["bypassed", "unsatisfiable"]


def test_the_owed_review_waits_for_those_who_may_give_it(ida, out, rev, plan):
    approval = round_of(plan)
    with acting_as(actor_of(ida)):
        row = break_glass.ask(approval, reason="It opens at nine.")
    with acting_as(actor_of(out)):
        break_glass.agree(row, comment="Seen.")
    waiting = {p.name: inbox.waiting_for(p.accounts.get()).reviews for p in (ida, out, rev)}
    assert waiting == {"Ida": [], "Out": [], "Rev": [row]}
    with acting_as(actor_of(rev)):
        break_glass.review(row, verdict="It was right.")
    assert not inbox.waiting_for(rev.accounts.get())


def test_what_was_asked_waits_for_a_second_person_who_may_agree(ida, out, rev, plan, time):
    task = plan.tasks.get(key="publish")
    task.owner = owner = allowed("Owner", "use_break_glass")
    task.save()
    row = ask(ida, plan, hours=4)
    people = (ida, out, rev, owner)
    waiting = {p.name: inbox.waiting_for(p.accounts.get()).break_glass for p in people}
    assert waiting == {"Ida": [], "Out": [row], "Rev": [], "Owner": []}
    time.pass_time(hours=4)
    assert not inbox.waiting_for(out.accounts.get())
