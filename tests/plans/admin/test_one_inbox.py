"""What people see first: one inbox, what is at risk, a sidebar by role, and the cases of a plan."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from plans.admin.plan_cases import cases_of
from plans.cases.fraud.models import FraudCase
from plans.engine.escalation import ladder
from plans.engine.people import thread
from plans.engine.people.asked import asks
from plans.engine.stopping import ripcord
from plans.models import Artifact
from plans.runs import on_call
from plans.schemas.answer import DO_NOT, Answer, Worth
from plans.schemas.outputs import Column, Table, payload_of
from tests.doors import manage, user
from tests.factories import ProgramFactory, gate, make_plan, make_task, seat

HOME, INBOX = reverse("admin:index"), reverse("admin:plans_inbox")


def keep(plan, output):
    payload = payload_of(output)
    artifact = Artifact(plan=plan, task=plan.tasks.get(key="work"), key=output.key, title=output.title,
                        kind=output.kind, payload=payload, sha256="0" * 64)  # fmt: skip
    artifact.save()


@pytest.fixture
def plan(demo):
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("finance")), requester=user("ops"), program=demo, amount=50000,
                         objective="Keep members")  # fmt: skip
        answer = Answer(
            headline="Do not start: it loses money.", verdict=DO_NOT, money=Worth("Loss", 9, "USD")
        )
        keep(plan, answer)
    return plan


def shown(client, page, **asked):
    return client.get(page, asked).context["entries"]


def test_the_answer_of_a_plan_is_said_once_in_a_list(login, demo):
    gates = [gate(seat("finance"), key=key) for key in ("price", "pool")]
    with acting_as(Actor.system("Test")):
        plan = make_plan(*gates, requester=user("ops"), program=demo)
        keep(plan, Answer(headline="Do not start: it loses money.", verdict=DO_NOT))
    client = login("finance")
    for page in (HOME, INBOX):
        assert [entry.is_said_above for entry in shown(client, page)] == [False, True]
    text = client.get(INBOX).content.decode()
    assert text.count("Do not start: it loses money.") == 1 == text.count("The same plan as above.")


def test_one_list_has_every_kind_the_most_urgent_first_with_answer_and_money(login, plan, demo):
    with acting_as(Actor.system("Test")):
        late = make_plan(gate(seat("legal")), requester=user("ops"), program=demo, objective="Late one")
        task = make_task(late, 0, "call", "human", owner=user("finance").people.get())
        task.due_at = clock.now() - timedelta(days=2)
        task.save()
        task.needs.clear()
        ladder.open_case(plan, "manual", "The platform is down")
    client = login("finance")
    found = shown(client, INBOX)
    assert [entry.due_at for entry in found] == sorted(entry.due_at for entry in found)
    decision = next(entry for entry in found if entry.kind == "Decision")
    assert (decision.answer["headline"], decision.amount) == ("Do not start: it loses money.", 50000)
    text = client.get(INBOX).content.decode()
    assert "Do not start: it loses money." in text and "50,000" in text
    assert {entry.kind for entry in shown(client, INBOX, kind="Decision")} == {"Decision"}
    assert len(shown(client, INBOX, kind="No such kind")) == len(found)


def test_what_is_stopped_comes_first(login, plan):
    with acting_as(Actor.system("Test")):
        ripcord.pull("plan", plan=plan, reason="The figures are wrong.")
        ladder.open_case(plan, "manual", "The platform is down")
    first = shown(login("exec"), INBOX)[0]
    assert (first.kind, first.said) == ("Stopped", ("the engine: “The figures are wrong.”",))


def test_home_says_what_is_at_risk_with_the_money_before_what_runs(login, plan, demo):
    with acting_as(Actor.system("Test")):
        fine = make_plan(gate(seat("legal")), requester=user("ops"), program=demo, objective="A fine plan")
    page = login("ops").get(HOME)
    (row,) = page.context["at_risk"]
    assert (row.plan, row.reasons, row.answer["verdict"]) == (plan, ("Its answer says no",), DO_NOT)
    text = page.content.decode()
    assert text.index("Waiting for me") < text.index("At risk (1)") < text.index("Running")
    with clock.standing_at(lambda: fine.created_at + timedelta(days=30)):
        rows = login("ops").get(HOME).context["at_risk"]
    assert {row.plan for row in rows} == {plan, fine}
    assert all("An approval is late" in row.reasons for row in rows)


def test_home_and_inbox_say_the_next_step_where_nothing_is(login, demo):
    assert reverse("admin:plans_run") in login("ops").get(INBOX).content.decode()
    home = login("ops").get(HOME).content.decode()
    assert "Nothing waits for you." in home and "No plan is running." in home


def views(client):
    return [
        [item["view"] for item in group["items"]] for group in client.get(HOME).context["sidebar_navigation"]
    ]


@pytest.mark.parametrize(
    ("who", "daily"),
    [
        ("auditor", ["core_changelogentry_changelist", "core_anchor_changelist"]),
        ("ops", ["plans_plan_changelist", "plans_escalation_changelist", "plans_task_changelist"]),
        ("finance", ["plans_plan_changelist"]),
    ],
)
def test_what_a_role_uses_daily_stands_first_and_once(login, demo, who, daily):
    first, *others = views(login(who))
    assert [view for view in first if view in daily] == daily
    everything = [view for group in (first, *others) for view in group]
    assert len(everything) == len(set(everything))
    assert all(login(who).get(reverse(f"admin:{view}")).status_code == 200 for view in daily)


def test_fraud_cases_are_reached_from_the_plan_by_who_may_see_them(login, plan, demo):
    with acting_as(Actor.system("Test")):
        for n in range(5):
            FraudCase(
                plan=plan,
                program=demo,
                key=f"ring-{n}",
                at_risk=100,
                score=1,
                expected_loss=100,
                currency="USD",
            ).save()
    at = reverse("admin:plans_plan_change", args=[plan.pk])
    (cases,) = login("ops").get(at).context["case_lists"]
    assert (cases["title"], cases["count"], len(cases["rows"])) == ("Fraud cases", 5, 3)
    assert login("ops").get(cases["url"]).context["cl"].result_count == 5
    assert cases["rows"][0][0]["url"] in login("ops").get(at).content.decode()
    user("ops").groups.clear()
    with acting_as(Actor.system("Test")):
        assert cases_of(plan, user("ops")) == []


def open_cases(plan, program, number, prefix="ring"):
    for n in range(number):
        FraudCase(plan=plan, program=program, key=f"{prefix}-{n}", at_risk=100 - n, score=1,
                  expected_loss=100 - n, currency="USD").save()  # fmt: skip


def test_many_cases_of_one_program_are_one_line_that_opens_them(login, plan, demo):
    with acting_as(Actor.system("Test")):
        open_cases(plan, demo, 5)
        open_cases(plan, ProgramFactory(name="Other"), 2, "other")
    client = login("ops")
    lines = [entry for entry in shown(client, INBOX) if entry.kind == "Fraud cases"]
    assert [entry.count for entry in lines] == [5, 1, 1]
    assert lines[0].title == f"5 fraud cases: {demo}" and "First: Fraud case ring-0" in lines[0].detail
    page = client.get(lines[0].url)
    assert [entry.title for entry in page.context["entries"]] == [f"Fraud case ring-{n}" for n in range(5)]
    assert page.context["number"] == 5 and page.context["kinds"]["Fraud cases"] == 7
    home = client.get(HOME).context
    assert [entry.title for entry in home["entries"]] == [entry.title for entry in shown(client, INBOX)][:5]
    told = manage("inbox", "--as", "ops")[1]
    assert f"Fraud cases  5 of {demo}; first fraud" in told and told.count("ring-") == 1
    assert manage("inbox", "--as", "ops", "--each")[1].count("ring-") == 5


def test_as_many_as_are_asked_for_may_be_more(login, plan, demo):
    with acting_as(Actor.system("Test")):
        open_cases(plan, demo, 21)
    (line,) = [entry for entry in shown(login("ops"), INBOX) if entry.kind == "Fraud cases"]
    assert line.title == f"20 or more fraud cases: {demo}"


def test_a_question_waits_for_the_requester_until_they_say_something(login, plan, demo):
    def say(who, text):
        with acting_as(Actor.of_user(user(who), "api")):
            thread.say(plan, text)

    def waiting():
        return [entry.said for entry in shown(login("ops"), INBOX) if entry.kind == "Question"]

    say("finance", "Looks good to me.")
    assert waiting() == []
    say("finance", "Who pays for the cards?")
    say("legal", "And where?")
    assert waiting() == [("Fiona Walsh: “Who pays for the cards?”",)]
    assert "Who pays for the cards?" in manage("inbox", "--as", "ops")[1]
    assert not [entry for entry in shown(login("finance"), INBOX) if entry.kind == "Question"]
    say("ops", "We do.")
    assert waiting() == []
    say("ops", "Is that all right?")
    assert waiting() == []


@pytest.mark.parametrize(("text", "is_one"), [
    ("Why?", True), ("为什么？", True), ("لماذا؟", True), ("Γιατί;", True), ("Yes; go on.", False),
])  # fmt: skip
def test_a_question_has_a_mark_in_any_script(text, is_one):
    assert asks(text) is is_one


def test_gaps_of_rotas_wait_for_who_may_fill_them(login, demo, monkeypatch):
    gap = on_call.RotaGap("Loyalty desk", 2, clock.now() + timedelta(days=1))
    monkeypatch.setattr(on_call, "_gaps", lambda: [gap])
    cache.delete("gtm-rota-gaps")
    (line,) = [entry for entry in shown(login("ops"), INBOX) if entry.kind == "Nobody is on call"]
    assert (line.title, line.url) == ("Loyalty desk", reverse("admin:plans_rotas"))
    assert "nobody on call  Loyalty desk: 2 in the next week" in manage("inbox", "--as", "ops")[1]
    assert "Nobody is on call" not in login("finance").get(INBOX).content.decode()
    cache.delete("gtm-rota-gaps")


def test_what_results_name_is_found_by_who_may_see_plans(login, plan):
    table = Table("partners", "Partner health", (Column("partner", "Partner"),), [{"partner": "P-0417"}])
    with acting_as(Actor.system("Test")):
        keep(plan, table)
    client, search = login("ops"), reverse("admin:search")

    def found(client, term):
        return [row.title for row in client.get(search, {"s": term, "extended": "1"}).context["results"]]

    assert found(client, "p-0417") == ["“p-0417” in Partner health"]
    row = client.get(search, {"s": "P-0417", "extended": "1"}).context["results"][0]
    assert "P-0417" in client.get(row.link).content.decode()
    assert found(client, "Change log") == []
    assert "Change log" in found(login("auditor"), "change log")
    user("analyst").groups.clear()
    assert found(login("analyst"), "P-0417") == []


def test_search_forgets_at_once_what_somebody_may_not_see_any_more(login, plan):
    client, search = login("analyst"), reverse("admin:search")
    asked = {"s": "keep members", "extended": "1"}
    assert len(client.get(search, asked).context["results"]) > 0
    user("analyst").groups.clear()
    assert len(client.get(search, asked).context["results"]) == 0


def test_search_asks_as_often_for_many_rows_as_for_few(login, plan, demo):
    client, search = login("ops"), reverse("admin:search")

    def asked():
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            client.get(search, {"s": "members", "extended": "1"})
        return len(queries)

    few = asked()
    with acting_as(Actor.system("Test")):
        for _ in range(5):
            make_plan(gate(seat("finance")), requester=user("ops"), program=demo, objective="Keep members")
    assert asked() == few
