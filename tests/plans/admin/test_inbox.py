"""The inbox: several rounds answered at once, where policy allows it; checking while typing; recent runs."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from gtm.core.actors import ADMIN, Actor, acting_as
from plans.engine.stopping import ripcord
from plans.models import Decision
from tests.doors import user
from tests.factories import gate, make_plan, round_of, seat


def said(response) -> str:
    return " ".join(map(str, get_messages(response.wsgi_request)))


@pytest.fixture
def two(demo):
    """Two rounds that legal may answer at once."""
    with acting_as(Actor.system("Test")):
        plans = [make_plan(gate(seat("legal")), requester=user("ops"), program=demo) for _ in range(2)]
    return [round_of(plan) for plan in plans]


def answer(rounds, **form):
    chosen = {"approval": [r.pk for r in rounds], "decision": "approve", "comment": "Fine."}
    return chosen | {f"seen-{r.pk}": r.scope_sha256 for r in rounds} | form


def test_rounds_are_answered_together_each_on_its_own(login, two):
    client = login("legal")
    page = client.get(reverse("admin:plans_inbox"))
    assert [entry.approval for entry in page.context["entries"]] == two
    two[1].scope_sha256 = "0" * 64  # what this person saw is not what is there
    response = client.post(reverse("admin:plans_inbox_decide"), answer(two))
    assert "recorded" in said(response) and "changed" in said(response)
    assert [round_of(r.plan).state for r in two] == ["approved", "pending"]


def test_money_is_not_decided_in_bulk(login, asked):
    client, approval = login("finance"), round_of(asked)
    page = client.get(reverse("admin:plans_inbox"))
    assert ([entry.approval for entry in page.context["entries"]], page.context["bulk"]) == ([None], False)
    response = client.post(reverse("admin:plans_inbox_decide"), answer([approval]))
    assert "on its own page" in said(response)
    assert not Decision.objects.exists()


def test_who_may_not_decide_does_not_decide_in_bulk(login, two):
    login("ops").post(reverse("admin:plans_inbox_decide"), answer(two))
    assert not Decision.objects.exists()
    assert "at least one" in said(login("legal").post(reverse("admin:plans_inbox_decide"), answer([])))


def test_what_is_stopped_waits_for_who_may_release_it_until_they_agreed(login, two):
    with acting_as(Actor.system("Test")):
        pull = ripcord.pull("plan", plan=two[0].plan, reason="The figures are wrong.")
    page = reverse("admin:plans_inbox")

    def waiting(who):
        return login(who).get(page).context["waiting"].stopped

    releasers = [who for who in ("ops", "finance", "legal", "exec", "deputy") if waiting(who)]
    assert releasers and all(user(who).has_perm("plans.release_ripcord") for who in releasers)
    assert "The figures are wrong." in login(releasers[0]).get(page).content.decode()
    with acting_as(Actor.of_user(user(releasers[0]), ADMIN, interactive=True)):
        ripcord.release(two[0].plan, remediation="Loaded again.")
    assert (waiting(releasers[0]), waiting(releasers[1])) == ([], [pull])
    shown = [
        login(who).get(reverse("admin:plans_ripcordpull_change", args=[pull.pk])).content.decode()
        for who in releasers[:2]
    ]
    assert ["You have agreed to release it." in text for text in shown] == [True, False]
    assert ["Agree to release" in text for text in shown] == [False, True]
    assert all("Agree to abort" in text for text in shown)


def test_shortcuts_are_documented_where_they_work(login, two):
    client = login("legal")
    inbox = client.get(reverse("admin:plans_inbox")).content.decode()
    page = client.get(reverse("admin:plans_approval_change", args=[two[0].pk])).content.decode()
    assert "<kbd>j</kbd>" in inbox and "<kbd>a</kbd>" not in inbox
    assert "<kbd>a</kbd>" in page and "Delegate to somebody else" in page


def test_what_is_typed_is_checked_beside_its_field(login):
    url = reverse("admin:plans_run_check", args=["plan-loyalty"])
    typed = {"program": "cdnow", "goal": "retention", "tiers": "99", "budget": ""}
    fields = dict(login("ops").post(url, typed).context["fields"])
    assert fields["id_tiers"] and (fields["id_goal"], fields["id_budget"]) == ("", "")
    assert login("auditor").post(url, typed).status_code == 403


def test_recent_runs_are_there_to_copy_from(login, two):
    page = login("ops").get(reverse("admin:plans_run"))
    assert [plan for plan, _ in page.context["recent"]] == [r.plan for r in two[::-1]]
