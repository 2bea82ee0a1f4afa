"""Lists: the properties that are asked for, and a walk by cursor while rows come and go."""

import pytest

from gtm.core.actors import Actor, acting_as
from programs.models import Program
from tests.doors import fields, url


@pytest.fixture
def clubs(site):
    with acting_as(Actor.system("Test")):
        for number in range(5):
            Program(slug=f"club-{number}", name=f"Club {number}", kind="loyalty").save()


def names(answer):
    return [row["slug"] for row in answer.json()["results"]]


def test_only_the_properties_that_are_asked_for_are_told(ops, plan):
    rows = ops.get(url("programs/?fields=slug,%20version")).json()["results"]
    assert {tuple(row) for row in rows} == {("slug", "version")}
    one = ops.get(url(f"plans/{plan.plan_id}/?fields=state"))
    whole = ops.get(url(f"plans/{plan.plan_id}/"))
    assert (one.json(), one["ETag"]) == ({"state": plan.state}, whole["ETag"])
    assert len(ops.get(url("programs/?fields=")).json()["results"][0]) > 10


@pytest.mark.parametrize("path", ["programs/", "programs/cdnow/", "plans/"])
def test_a_property_that_is_not_there_is_refused_with_the_nearest(ops, path):
    refused = ops.get(url(f"{path}?fields=stat"))
    assert (refused.status_code, fields(refused)) == (400, ["fields"])
    assert refused.json()["errors"][0]["nearest"] == "state"


def test_a_walk_by_cursor_tells_each_row_once_while_rows_come_and_go(ops, clubs):
    first = ops.get(url("programs/?cursor=&page_size=2&kind=loyalty&fields=slug"))
    seen, page = names(first), first.json()
    assert (page["count"], page["previous"]) == (None, None)
    with acting_as(Actor.system("Test")):
        Program.objects.get(slug="club-0").delete()
        Program(slug="club-late", name="Late", kind="loyalty").save()
    while page["next"]:
        answer = ops.get(page["next"])
        page = answer.json()
        seen += names(answer)
    assert seen == ["cdnow", *(f"club-{number}" for number in range(5)), "club-late"]


@pytest.mark.parametrize("question", ["cursor=nonsense", "cursor=&page=2", "cursor=&ordering=name"])
def test_a_cursor_of_ones_own_or_with_another_order_is_refused(ops, question):
    assert ops.get(url(f"programs/?{question}")).status_code == 400


def test_pages_by_number_are_as_they_were(ops, clubs):
    page = ops.get(url("programs/?page_size=2&ordering=-created_at")).json()
    assert (page["count"] > 5, names(ops.get(page["next"]))) == (True, ["club-2", "club-1"])
