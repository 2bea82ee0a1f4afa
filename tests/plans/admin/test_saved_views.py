"""Views of lists that people save in their account: theirs alone, and they lead to our pages only."""

import pytest
from django.urls import reverse

from gtm.core import saved_views
from gtm.core.errors import GuardNotMet, NotFound
from gtm.core.models import SavedView
from tests.doors import user

PLANS, INBOX = reverse("admin:plans_plan_changelist"), reverse("admin:plans_inbox")
PAGE = reverse("saved_views")
LIST = "plans_plan_changelist"


def save(client, name="Mine", page=LIST, query="state=blocked&p=3", **more):
    return client.post(PAGE, {"act": "save", "page": page, "name": name, "query": query, **more})


def act(client, what, view, **more):
    return client.post(PAGE, {"act": what, "saved": view.pk, **more})


def test_a_view_is_saved_where_it_is_shown_opened_renamed_and_deleted(login, demo):
    ops = login("ops")
    assert "Save this view" in ops.get(PLANS, {"state": "blocked"}).content.decode()
    answer = save(ops)
    assert answer.url == f"{PLANS}?state=blocked"
    page = ops.get(answer.url)
    assert page.status_code == 200 and page.context["saved"]["views"][0]["is_open"]
    (view,) = SavedView.objects.all()
    save(ops, query="state=paused")
    view.refresh_from_db()
    assert (SavedView.objects.count(), view.query) == (1, "state=paused")
    act(ops, "rename", view, name="  Paused \t ones ")
    assert "Paused ones" in ops.get(PAGE).content.decode()
    act(ops, "delete", view)
    assert not SavedView.objects.exists()


def test_a_default_opens_first_and_everything_is_one_click_away(login, demo):
    ops = login("ops")
    save(ops, is_default="on")
    save(ops, name="Other", query="state=paused", is_default="on")
    assert SavedView.objects.filter(is_default=True).get().name == "Other"
    assert ops.get(PLANS).url == f"{PLANS}?state=paused"
    everything = ops.get(PLANS, {"view": "all"})
    assert everything.status_code == 200 and "?view=all" in everything.content.decode()
    assert ops.get(PLANS, {"q": "x"}).status_code == 200
    assert login("finance").get(PLANS).status_code == 200
    act(ops, "no-default", SavedView.objects.get(name="Other"))
    assert ops.get(PLANS).status_code == 200


def test_the_inbox_has_views_as_well_and_a_default_without_a_filter_does_not_turn_in_circles(login, demo):
    ops = login("ops")
    save(ops, name="All of it", page="plans_inbox", query="", is_default="on")
    assert ops.get(INBOX).url == f"{INBOX}?view=all"
    assert "All of it" in ops.get(INBOX, {"view": "all"}).content.decode()
    save(ops, name="Tasks", page="plans_inbox", query="kind=Task", is_default="on")
    assert ops.get(INBOX).url == f"{INBOX}?kind=Task"


def test_nobody_sees_changes_or_opens_the_view_of_somebody_else(login, demo):
    save(login("ops"), name="Secret plans")
    (view,) = SavedView.objects.all()
    other = login("finance")
    for what in ("default", "no-default", "rename", "delete"):
        assert act(other, what, view, name="Taken").url == PAGE
    assert "Secret plans" not in other.get(PAGE).content.decode() + other.get(PLANS).content.decode()
    view.refresh_from_db()
    assert (view.name, view.is_default) == ("Secret plans", False)


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("https://example.org/", ""),
        ("//example.org", "state=blocked"),
        ("logout", ""),
        ("account_login", "next=https://example.org/"),
        ("plans_plan_change", ""),
        ("", ""),
    ],
)
def test_no_view_leads_anywhere_but_to_a_list_of_this_site(login, demo, page, query):
    assert save(login("ops"), page=page, query=query).url == PAGE
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("query", ["//example.org", "https://example.org", "\r\nLocation: x", "#@/\\", "%"])
def test_a_query_stays_a_query(login, demo, query):
    at = save(login("ops"), query=query, page="plans_inbox").url
    assert at.startswith(f"{INBOX}?") and not set(at.removeprefix(f"{INBOX}?")) & set("/:\r\n#\\ ")
    assert login("ops").get(at).status_code == 200


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\x00b", "a\u202eb"])
def test_a_name_is_one_that_people_can_read(site, name):
    with pytest.raises(GuardNotMet, match="name of up to 40 letters"):
        saved_views.save(user("ops"), LIST, name, "")


def test_there_is_an_end_to_how_many_and_how_long(site, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 1)
    with pytest.raises(GuardNotMet, match="too long"):
        saved_views.save(user("ops"), LIST, "Long", "q=" + "x" * 1000)
    saved_views.save(user("ops"), LIST, "One", "")
    saved_views.save(user("ops"), LIST, "One", "q=1")
    with pytest.raises(GuardNotMet, match="the most"):
        saved_views.save(user("ops"), LIST, "Two", "")
    saved_views.save(user("finance"), LIST, "Two", "")


def test_a_name_is_taken_once_and_markup_stays_text(login, demo):
    ops = login("ops")
    save(ops, name="<b>One</b>")
    save(ops, name="Two")
    two = SavedView.objects.get(name="Two")
    with pytest.raises(GuardNotMet, match="already"):
        saved_views.rename(user("ops"), two.pk, "<b>One</b>")
    assert "<b>One</b>" not in ops.get(PAGE).content.decode() + ops.get(PLANS).content.decode()
    with pytest.raises(NotFound):
        saved_views.delete(user("ops"), 10**8)
    assert ops.post(PAGE, {"act": "delete", "saved": "x" * 400}).url == PAGE


def test_who_is_not_logged_in_has_no_views(client, site):
    assert client.get(PAGE).status_code == 302 and "login" in client.get(PAGE).url
