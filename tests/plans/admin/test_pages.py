"""Every page opens for whoever may see it, and looking changes nothing."""

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from gtm.core.models import ChangeLogEntry
from plans.demo.organisation import LOGINS
from programs.models import Program
from tests.factories import make_plan

OURS = ("plans", "programs")
MODELS = sorted(
    f"{model._meta.app_label}_{model._meta.model_name}"
    for model in admin.site._registry
    if model._meta.app_label in OURS
)
PAGES = [
    "index",
    "plans_run",
    "plans_inbox",
    "programs_dataset_upload",
    "auth_user_changelist",
    "auth_group_changelist",
]


def test_a_superuser_sees_every_list_object_and_history_and_stores_nothing(login, asked):
    client, rows = login("admin"), ChangeLogEntry.objects.count()
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label not in OURS:
            continue
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        first = model.objects.order_by("pk").first()
        views = [reverse(f"admin:{name}_changelist")]
        if first is not None:
            views += [reverse(f"admin:{name}_{view}", args=[first.pk]) for view in ("change", "history")]
        request = client.get("/").wsgi_request
        if model_admin.has_add_permission(request):
            views.append(reverse(f"admin:{name}_add"))
        assert {view: client.get(view).status_code for view in views} == dict.fromkeys(views, 200)
    assert ChangeLogEntry.objects.count() == rows


def test_everybody_gets_a_page_or_a_refusal(login):
    answers = {
        (one.username, page): login(one.username).get(reverse(f"admin:{page}")).status_code
        for one in LOGINS
        for page in PAGES
    }
    assert {asked: code for asked, code in answers.items() if code not in (200, 403)} == {}


def test_an_auditor_reads_every_list_and_may_not_add(login):
    client = login("auditor")
    lists = {model: client.get(reverse(f"admin:{model}_changelist")).status_code for model in MODELS}
    forms = {model: client.get(reverse(f"admin:{model}_add")).status_code for model in MODELS}
    assert (lists, forms) == (dict.fromkeys(MODELS, 200), dict.fromkeys(MODELS, 403))


def test_the_sidebar_shows_places_that_a_person_may_go_to(login):
    def places(who):
        groups = admin.site.get_sidebar_list(login(who).get("/").wsgi_request)
        return {item["title"] for group in groups for item in group["items"]}

    assert "Run" in places("ops") and "Run" not in places("auditor")
    assert "Approvers" in places("exec") and "Accounts" not in places("ops")


@pytest.mark.parametrize("tab", ["outputs", "rules", "changes"])
def test_the_plan_page_asks_the_database_the_same_number_of_times_for_any_plan(
    login, asked, tab, django_assert_max_num_queries
):
    client, url = login("ops"), reverse("admin:plans_plan_change", args=[asked.pk])
    client.get(url)
    with django_assert_max_num_queries(60):
        assert client.get(url, {"tab": tab}).status_code == 200


def test_lists_ask_the_database_the_same_number_of_times_for_many_rows(
    login, asked, django_assert_num_queries
):
    client, url = login("admin"), reverse("admin:plans_plan_changelist")
    client.get(url)
    cache.clear()  # the badge is kept for seconds, and both times it is asked for
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    with acting_as(Actor.system("Test")):
        for _ in range(8):
            make_plan(requester=asked.requested_by, program=asked.program)
    cache.clear()
    with django_assert_num_queries(len(one)):
        client.get(url)


def test_an_old_version_is_looked_at_and_not_brought_back(login, demo):
    client = login("admin")
    version = demo.history.latest()
    url = reverse("admin:programs_program_simple_history", args=[demo.pk, version.history_id])
    assert client.get(url).status_code == 200
    assert client.post(url, {"name": "Old"}).status_code == 403
    assert Program.objects.get(pk=demo.pk).name == "CDNOW Rewards"


def test_a_change_in_the_admin_is_in_the_change_log_with_its_author(login, demo):
    client = login("ops")
    url = reverse("admin:programs_program_change", args=[demo.pk])
    form = client.get(url).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not None} | {
        "name": "CDNOW Club",
        "tiers-TOTAL_FORMS": 0,
        "tiers-INITIAL_FORMS": 0,
    }
    assert client.post(url, data).status_code == 302
    entry = ChangeLogEntry.objects.select_related("payload").latest("pk")
    assert entry.payload.body["actor"] == "Olivia Park"
    assert entry.payload.body["to"] == "CDNOW Club"
    assert entry.via == "admin"
