"""The rip-cord: at once, idempotent, two people to release, clocks that stood still."""

from unittest.mock import Mock

import pytest
from django.contrib.auth.models import Permission

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, WrongState
from gtm.core.fsm import perform
from plans.engine.escalation import ladder
from plans.engine.stopping import ripcord
from tests.factories import PersonFactory, ProgramFactory, UserFactory, make_plan, round_of
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def ann():
    return PersonFactory(name="Ann", roles=["finance"])


@pytest.fixture
def releasers():
    allowed = Permission.objects.filter(codename__in=["pull_ripcord", "release_ripcord"])
    found = [PersonFactory(name=name) for name in ("Rex", "Rita")]
    for person in found:
        person.accounts.get().user_permissions.set(allowed)
    return found


def release(person, *args, **rest):
    with acting_as(actor_of(person)):
        return ripcord.release(*args, remediation="Fixed.", **rest)


def test_who_asked_for_a_plan_does_not_let_it_go_on(releasers):
    rex, rita = releasers
    third = PersonFactory(name="Third")
    third.accounts.get().user_permissions.set(rita.accounts.get().user_permissions.all())
    plan = make_plan(requester=rex.accounts.get())
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    with pytest.raises(NotPermitted, match="Rex asked for this run, or edited it"):
        release(rex, plan)
    release(rita, plan)
    assert release(third, plan).state == "released"
    ripcord.pull("plan", plan=plan, reason="Again.")
    with acting_as(actor_of(rex)):
        assert ripcord.abort(plan, reason="It was a mistake.").state == "pulled"


def test_a_pull_holds_the_plan_suspends_and_freezes(ann):
    plan = make_plan()
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    plan.refresh_from_db()
    assert (plan.state, plan.epoch) == ("held", 1)
    assert plan.tasks.get(key="sign-off").state == "suspended"
    assert round_of(plan).state == "frozen"


def test_pulling_again_changes_nothing():
    plan = make_plan()
    first = ripcord.pull("plan", plan=plan, reason="Fraud.")
    assert ripcord.pull("plan", plan=plan, reason="Again.").pk == first.pk
    plan.refresh_from_db()
    assert plan.epoch == 1


def test_it_takes_the_permission_to_pull(ann):
    plan = make_plan()
    with acting_as(actor_of(ann)), pytest.raises(NotPermitted):
        ripcord.pull("plan", plan=plan, reason="Fraud.")


def test_two_different_people_release_whatever_the_account(ann, releasers):
    rex, rita = releasers
    second = UserFactory()
    second.user_permissions.set(rex.accounts.get().user_permissions.all())
    plan = make_plan()
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    assert release(rex, plan).state == "pulled"
    rex.accounts.add(second)
    with (
        acting_as(Actor.of_user(second, "admin", interactive=True)),
        pytest.raises(NotPermitted, match="second person"),
    ):
        ripcord.release(plan, remediation="Fixed.")
    assert release(rita, plan).state == "released"
    plan.refresh_from_db()
    assert (plan.state, round_of(plan).state) == ("running", "pending")
    assert plan.tasks.get(key="sign-off").state == "awaiting_approval"


def test_the_engine_never_releases():
    plan = make_plan()
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    with pytest.raises(NotPermitted):
        ripcord.release(plan, remediation="Fixed.")


def test_clocks_go_on_with_the_working_time_they_had_left(ann, releasers, time):
    plan = make_plan()
    case = ladder.open_case(plan, "t", "s")
    time.pass_time(hours=2)
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    time.pass_time(days=4)  # from Monday over to Friday noon
    for person in releasers:
        release(person, plan)
    case.refresh_from_db()
    # 16 working hours, of which 2 had passed: Friday 12–17, Monday 9–17, Tuesday 9–10.
    assert round_of(plan).due_at.isoformat() == "2026-03-10T10:00:00+00:00"
    assert case.state == "exhausted"


def test_nobody_decides_while_stopped_and_content_changed_meanwhile_voids_votes(ann, releasers, vote):
    ben = PersonFactory(name="Ben", roles=["finance"])
    plan = make_plan()
    approval = round_of(plan)
    vote(ben, approval, "recuse")
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    with pytest.raises(WrongState):
        vote(ann, approval)
    work = plan.tasks.get(key="work")
    work.output = {"points": "7"}
    work.save()
    for person in releasers:
        release(person, plan)
    approval.refresh_from_db()
    assert approval.scope["design"] == {"points": "7"}
    assert approval.decisions.get().void_reason == "The content has changed since this vote."


def test_a_pulled_program_stops_its_plans_only_and_counts_in_their_epoch(ann, releasers, vote):
    program = ProgramFactory()
    inside, outside = make_plan(program=program), make_plan()
    ripcord.pull("program", program=program, reason="Partner breach.")
    assert ripcord.is_stopped(inside) == f"The rip-cord was pulled on {program}: Partner breach."
    assert (ripcord.is_stopped(outside), ripcord.current_epoch(inside), ripcord.current_epoch(outside)) == (
        None,
        1,
        0,
    )
    assert round_of(inside).state == "frozen"
    for person in releasers:
        release(person, scope="program", program=program)
    assert (ripcord.is_stopped(inside), ripcord.current_epoch(inside)) == (None, 1)
    assert vote(ann, round_of(inside)).state == "approved"


def test_a_pull_on_the_installation_stops_everything(ann):
    plan = make_plan()
    ripcord.pull("installation", reason="Breach.")
    assert "the installation" in ripcord.is_stopped(plan)
    assert round_of(plan).state == "frozen"


def test_a_plan_released_under_a_pulled_program_stays_frozen(releasers):
    plan = make_plan()
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    ripcord.pull("program", program=plan.program, reason="Breach.")
    for person in releasers:
        release(person, plan)
    assert round_of(plan).state == "frozen"


def abort(person, *args, **rest):
    with acting_as(actor_of(person)):
        return ripcord.abort(*args, reason="Beyond repair.", **rest)


def test_two_people_abort_a_plan_and_it_never_takes_another_step(releasers):
    plan = make_plan()
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    first = abort(releasers[0], plan)
    plan.refresh_from_db()
    assert (first.state, plan.state) == ("pulled", "held")
    with pytest.raises(NotPermitted, match="second person"):
        abort(releasers[0], plan)
    row = abort(releasers[1], plan)
    plan.refresh_from_db()
    assert (row.state, plan.state, round_of(plan).state) == ("aborted", "aborted", "cancelled")
    assert set(plan.tasks.exclude(key="work").values_list("state", flat=True)) == {"cancelled"}


def test_who_agreed_to_release_and_now_to_abort_counts_once(releasers):
    rex, rita = releasers
    plan = make_plan()
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    release(rex, plan)
    assert [(a["name"], a["to"]) for a in abort(rex, plan).released_by] == [("Rex", "abort")]
    assert release(rita, plan).state == "pulled"
    assert release(rex, plan).state == "released"


@pytest.mark.parametrize("verb", ["release", "abort"])
def test_one_person_closes_no_pull_by_the_plan_itself(releasers, verb):
    plan = make_plan()
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    with acting_as(actor_of(releasers[0])), pytest.raises(GuardNotMet, match="Two people"):
        perform(plan, verb, comment="Alone.")


def test_an_aborted_program_ends_with_its_plans_and_no_other(releasers):
    program = ProgramFactory()
    perform(program, "activate")
    inside, held, outside = make_plan(program=program), make_plan(program=program), make_plan()
    own = ripcord.pull("plan", plan=held, reason="Fraud.")
    ripcord.pull("program", program=program, reason="Breach.")
    scope = {"scope": "program", "program": program}
    abort(releasers[0], **scope)
    assert round_of(inside).state == "frozen"
    row = abort(releasers[1], **scope)
    found = [inside, held, outside, program, own]
    for thing in found:
        thing.refresh_from_db()
    assert [thing.state for thing in found] == ["aborted", "aborted", "running", "aborted", "aborted"]
    assert (row.state, round_of(inside).state, round_of(outside).state) == (
        "aborted",
        "cancelled",
        "unsatisfiable",
    )


def test_an_aborted_installation_ends_every_live_plan_whatever_its_state(releasers):
    running, paused, done = make_plan(), make_plan(), make_plan()
    perform(paused, "pause", comment="Later.")
    perform(done, "cancel", comment="No more.")
    ripcord.pull("installation", reason="Breach.")
    for person in releasers:
        abort(person, scope="installation")
    for plan in (running, paused, done):
        plan.refresh_from_db()
    assert [plan.state for plan in (running, paused, done)] == ["aborted", "aborted", "cancelled"]
    assert ripcord.is_stopped(make_plan()) is None


def test_an_abort_of_everything_that_was_interrupted_is_finished_by_the_sweep(releasers, monkeypatch):
    first, second = make_plan(), make_plan()
    row = ripcord.pull("installation", reason="Breach.")
    abort(releasers[0], scope="installation")
    with monkeypatch.context() as crash, pytest.raises(KeyboardInterrupt):
        crash.setattr(ripcord, "_abort_with_scope", Mock(side_effect=KeyboardInterrupt))
        abort(releasers[1], scope="installation")
    assert "the installation" in ripcord.is_stopped(first)
    with pytest.raises(GuardNotMet, match="agreed to abort"):
        release(releasers[0], scope="installation")
    assert ripcord.repair() >= 1
    for thing in (first, second, row):
        thing.refresh_from_db()
    assert (first.state, second.state, row.state, row.remediation) == (
        "aborted",
        "aborted",
        "aborted",
        "Rex: Beyond repair.\nRita: Beyond repair.",
    )


@pytest.mark.parametrize("scope", ["plan", "program", "galaxy"])
def test_a_scope_without_its_object_is_refused(scope):
    with pytest.raises(InvalidInput):
        ripcord.pull(scope, reason="Fraud.")


@pytest.mark.parametrize(("scope", "verb"), [("plan", "hold"), ("program", "release"), ("program", "abort")])
def test_nobody_holds_releases_or_aborts_a_program_past_the_rip_cord(scope, verb):
    plan = make_plan()
    program = perform(plan.program, "activate")
    ripcord.pull(scope, **{scope: {"plan": plan, "program": program}[scope]}, reason="Breach.")
    program.refresh_from_db()
    state = program.state
    manager = PersonFactory(name="Max").accounts.get()
    manager.user_permissions.set(Permission.objects.all())
    for actor in (Actor.of_user(manager, "test", interactive=True), Actor.system("Test")):
        with acting_as(actor), pytest.raises((GuardNotMet, NotPermitted)):
            perform(program, verb, comment="Alone.")
    program.refresh_from_db()
    assert (program.state, state) == (state, {"plan": "active", "program": "held"}[scope])


@pytest.mark.parametrize(
    ("steps", "before"),
    [(["plan"], "planning"), (["activate"], "active"), (["activate", "pause"], "paused")],
)
def test_a_released_program_is_what_it_was_before_the_pull(releasers, steps, before):
    program = ProgramFactory()
    for step in steps:
        perform(program, step, comment="Now.")
    ripcord.pull("program", program=program, reason="Breach.")
    program.refresh_from_db()
    assert program.state == "held"
    for person, expected in zip(releasers, ("held", before), strict=True):
        release(person, scope="program", program=program)
        program.refresh_from_db()
        assert program.state == expected
