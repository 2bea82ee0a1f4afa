"""The result of a plan: the answer first, its table whole, what people say of it, what to try instead."""

import json

import pytest
from django.urls import reverse

from gtm.core import canonical
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import InvalidInput
from plans.admin import changed
from plans.engine.gates.tolerance import differences
from plans.engine.notices import addressing
from plans.engine.people import thread
from plans.export import document
from plans.models import Artifact, Notice, NoticeKind
from plans.schemas.answer import Alternative, Answer, AnswerFigure, Certainty, Worth
from plans.schemas.outputs import Column, Table, payload_of
from plans.selectors import answer_of
from tests.doors import user

ANSWER = Answer(
    headline="Launch with a pool of 5,318 USD a year.",
    verdict="go with care",
    money=Worth("Net present value, 36 months", 6618.4, "USD", -3685.2, 19095.0, 0.9),
    certainty=Certainty("Chance of a loss 18.4 %.", 0.184, "a loss"),
    figures=(
        AnswerFigure("Lift", 6.43, "%", 1.94, 12.4, comparison=4.1, compared_with="needed to break even"),
        AnswerFigure("Satisfaction", None, "%", unavailable="No survey is loaded."),
    ),
    caveats=[f"Caveat {n}" for n in range(1, 6)],
    alternative=Alternative("A smaller pool: 2,610 USD a year.", {"budget": "653"}),
    next="Finance decides.",
    table="choices",
    columns=("name", "net"),
)
ROWS = [[f"choice {n}", float(n * 7 % 250), None if n == 3 else n] for n in range(250)]
CHOICES = Table(
    "choices",
    "Choices",
    [Column("name", "Choice"), Column("net", "Net", "money", "USD"), Column("n", "No.", "integer")],
    ROWS,
)


def keep(plan, *outputs):
    with acting_as(Actor.system("Test")):
        for output in outputs:
            payload = payload_of(output)
            Artifact(
                plan=plan, task=plan.tasks.first(), key=output.key, title=output.title, kind=output.kind,
                payload=payload, sha256=canonical.digest(payload),
            ).save()  # fmt: skip


@pytest.fixture
def answered(asked):
    keep(asked, ANSWER, CHOICES)
    return asked


def page(client, plan):
    return client.get(reverse("admin:plans_plan_change", args=[plan.pk])).content.decode()


def test_the_answer_stands_before_everything_else(login, answered):
    shown = page(login("ops"), answered)
    card = shown[shown.index('id="answer"') : shown.index('id="people"')]
    money = ("6,618 USD", "-3,685 to 19,095 USD, 90 % interval")
    figures = ("6.4 %", "1.9 to 12.4 %", "needed to break even: 4.1 %", "No survey is loaded.")
    for told in ("Go with care", ANSWER.headline, *money, *figures, "Caveat 1", "Finance decides."):
        assert told in card, told
    assert card.index("Caveat 3") < card.index("2 more") < card.index("Caveat 4")


def test_the_same_answer_is_on_the_approval_in_the_inbox_over_rest_and_in_the_plan_json(login, answered):
    client, round_ = login("finance"), answered.approvals.get()
    stored = answer_of(answered)
    assert stored == payload_of(ANSWER)
    approval = client.get(reverse("admin:plans_approval_change", args=[round_.pk])).content.decode()
    assert approval.index(ANSWER.headline) < approval.index("Your decision")
    assert ANSWER.headline in client.get(reverse("admin:plans_inbox")).content.decode()
    rest = login("ops").get(f"/api/v1/plans/{answered.plan_id}/").json()
    assert rest["answer"] == json.loads(json.dumps(stored))
    assert client.get(f"/api/v1/approvals/{round_.pk}/").json()["answer"] == rest["answer"]
    assert document.build(answered)["answer"] == stored


def test_a_plan_without_an_answer_says_so_everywhere(login, asked):
    shown = page(login("ops"), asked)
    assert 'id="answer"></div>' in shown and "g-headline" not in shown
    assert login("ops").get(f"/api/v1/plans/{asked.plan_id}/").json()["answer"] is None
    assert document.build(asked)["answer"] is None


def test_the_alternative_is_tried_by_whoever_may_run_and_nobody_else(login, answered):
    assert "Try this" in page(login("ops"), answered)
    assert "Try this" not in page(login("auditor"), answered)


def test_an_answer_takes_a_verdict_it_knows_and_no_more_figures_than_people_read():
    with pytest.raises(ValueError, match="“maybe” is no verdict. Use one of: go, go with care"):
        Answer(headline="Do it.", verdict="maybe")
    with pytest.raises(ValueError, match="needs a headline"):
        Answer(verdict="go")
    with pytest.raises(ValueError, match="4 figures; 3 is the most"):
        Answer(headline="Do it.", figures=[AnswerFigure(str(n), n) for n in range(4)])


def test_the_page_shows_few_rows_and_columns_and_leads_to_all(login, answered):
    shown = page(login("ops"), answered)
    lead = shown[shown.index('id="table-title"') : shown.index('id="chapters-title"')]
    assert lead.count("<tr>") == 1 + 7 and "No." not in lead
    assert "These are the first 7 of 250 rows" in lead
    row = answered.artifacts.get(key="choices")
    assert reverse("admin:plans_plan_table", args=[answered.pk, row.pk]) in lead


def cells(response, column=0):
    return [row[column] for row in response.context["grid"].rows]


def test_the_whole_table_is_searched_sorted_and_turned(login, answered):
    client = login("auditor")
    url = reverse("admin:plans_plan_table", args=[answered.pk, answered.artifacts.get(key="choices").pk])
    assert cells(client.get(url)) == [f"choice {n}" for n in range(100)]
    assert cells(client.get(url, {"page": 3}))[-1] == "choice 249"
    assert cells(client.get(url, {"sort": "2"}), 1) == sorted(row[1] for row in ROWS)[:100]
    assert cells(client.get(url, {"sort": "-2"}), 1) == sorted((row[1] for row in ROWS), reverse=True)[:100]
    found = client.get(url, {"q": "CHOICE 24", "sort": "-3"})
    assert cells(found) == [*(f"choice {n}" for n in range(249, 239, -1)), "choice 24"]
    assert "11 of 250 rows" in found.content.decode()
    for odd in (
        {"sort": "9"},
        {"sort": "x"},
        {"page": "none"},
        {"q": "nothing like it"},
        {"sort": "9" * 300},
    ):
        assert client.get(url, odd).status_code == 200, odd
    empty_last = [cells(client.get(url, {"sort": sort, "page": 3}), 2)[-1] for sort in ("3", "-3")]
    assert empty_last == [None, None]


def test_a_question_is_kept_told_and_decides_nothing(login, answered):
    finance, ops = login("finance"), login("ops")
    before = answered.approvals.get().version
    finance.post(reverse("admin:plans_plan_say", args=[answered.pk]), {"message": "Why 5,318? <b>"})
    shown = page(ops, answered)
    assert "Why 5,318? &lt;b&gt;" in shown
    notice = Notice.objects.get(kind=NoticeKind.MESSAGE)
    told = {person.name for person in addressing.recipients(notice, answered)}
    assert "Olivia Park" in told and "Fiona Walsh" not in told
    assert addressing.worded(notice, answered).lines[0] == "Fiona Walsh: Why 5,318? <b>"
    ops.post(
        f"/api/v1/plans/{answered.plan_id}/messages/",
        {"text": "The optimum."},
        content_type="application/json",
    )
    said = finance.get(f"/api/v1/plans/{answered.plan_id}/messages/").json()
    assert [(one["by"], one["text"]) for one in said] == [
        ("Fiona Walsh", "Why 5,318? <b>"), ("Olivia Park", "The optimum."),
    ]  # fmt: skip
    assert answered.approvals.get().version == before
    assert not answered.approvals.get().decisions.exists()


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001])
def test_a_message_has_words_and_an_end(login, answered, text):
    finance = Actor.of_user(user("finance"), ADMIN, interactive=True)
    with acting_as(finance), pytest.raises(InvalidInput, match="cannot be kept"):
        thread.say(answered, text)
    login("finance").post(reverse("admin:plans_plan_say", args=[answered.pk]), {"message": text})
    assert thread.messages_of(answered) == []


def test_a_partner_neither_reads_nor_writes_in_the_thread(login, answered):
    partner = login("admin")
    partner.logout()
    url = reverse("admin:plans_plan_say", args=[answered.pk])
    assert partner.post(url, {"message": "Hello"}).status_code == 302  # to the login
    assert thread.messages_of(answered) == []


def test_changes_are_told_in_words_and_without_digests():
    before = {"design": {"tiers": [{"annual_pool": 1000.0}], "sha256": "a" * 64}, "budget": "10"}
    after = {"design": {"tiers": [{"annual_pool": 2500.0}], "sha256": "b" * 64}, "budget": "12"}
    told, more = changed.in_words(differences(before, after))
    assert [(one.what, one.before, one.after) for one in told] == [
        ("Budget", "10", "12"), ("Design: tiers, no. 1, annual pool", "1,000", "2,500"),
    ]  # fmt: skip
    assert more == 0
    many = {f"n{n}": n for n in range(30)}
    assert changed.in_words(differences(dict.fromkeys(many), many))[1] == 10
