"""Tokens: shown once, kept as digests, held to their scope and time, ended, and all of it on record."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from gtm.core import access_tokens, clock
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.models import AccessToken, ChangeLogEntry, ServiceAccount
from plans.demo.organisation import PASSWORD
from tests.doors import INPUTS, fields, manage, token_of, url, user
from tests.factories import round_of

ASKED = {"name": "Nightly export", "scopes": ["read", "export"], "days": 30}


def bearing(secret: str, word: str = "Token") -> APIClient:
    return APIClient(headers={"Authorization": f"{word} {secret}"})


@pytest.fixture
def made(ops):
    answer = ops.post(url("tokens/"), ASKED, format="json")
    assert answer.status_code == 201
    return answer.json()


def test_a_token_is_shown_once_and_only_its_digest_is_kept(ops, made):
    secret = made["token"]
    stored = AccessToken.objects.get()
    assert (stored.digest, len(secret) > 40) == (access_tokens.digest_of(secret), True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM core_accesstoken")
        assert secret not in str(cursor.fetchall())
    told = ops.get(url(f"tokens/{stored.pk}/")).json()
    assert "token" not in told
    assert secret not in str(told)


@pytest.mark.parametrize("word", ["Token", "Bearer"])
def test_a_token_opens_what_its_scopes_say_and_no_more(made, word):
    program = bearing(made["token"], word)
    assert program.get(url("plans/")).status_code == 200
    refused = program.post(url("commands/plan-loyalty/runs/"), {"inputs": INPUTS}, format="json")
    assert refused.status_code == 403
    assert "needs the scope “run”" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("read", "get", "plans/"),
        ("export", "get", "plans/{plan}/export/"),
        ("run", "post", "plans/{plan}/ripcord/"),
        ("load", "post", "datasets/upload/"),
        ("load", "post", "plans/import/"),
        ("admin", "post", "programs/"),
        ("admin", "delete", "programs/cdnow/"),
        ("export", "get", "access-review/"),
    ],
)
def test_each_scope_alone_opens_its_own(site, plan, scope, method, path):
    for other in access_tokens.SCOPES:
        program = bearing(token_of("admin", [other]))
        answer = getattr(program, method)(url(path.format(plan=plan.plan_id)), {})
        assert ("needs the scope" in str(answer.content)) == (other != scope), (other, answer.content)


def test_a_token_ends_in_time_by_hand_with_the_password_and_with_the_account(ops, made):
    program = bearing(made["token"])
    assert program.get(url("plans/")).status_code == 200
    AccessToken.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    expired = program.get(url("plans/"))
    assert (expired.status_code, expired.json()["detail"]) == (401, "The token has expired.")
    AccessToken.objects.update(expires_at=clock.now() + timedelta(days=1))
    with acting_as(Actor.of_user(user("ops"), ADMIN, interactive=True)):
        owner = user("ops")
        owner.set_password("another long password 7")
        owner.save()
    assert program.get(url("plans/")).json()["detail"] == "The token was ended."
    fresh = bearing(token_of("ops"))
    ended = fresh.post(
        url(f"tokens/{AccessToken.objects.latest('pk').pk}/end/"), {"reason": "Done"}, format="json"
    )
    assert (ended.status_code, ended.json()["ended_why"]) == (200, "Done")
    assert fresh.get(url("plans/")).status_code == 401
    last = bearing(token_of("ops"))
    type(owner).objects.filter(pk=owner.pk).update(is_active=False)
    assert last.get(url("plans/")).status_code == 401


def test_a_new_one_takes_the_place_of_the_old(ops, made):
    answer = ops.post(url(f"tokens/{made['id']}/rotate/"))
    assert answer.status_code == 201
    assert answer.json()["scopes"] == made["scopes"]
    assert bearing(made["token"]).get(url("plans/")).status_code == 401
    assert bearing(answer.json()["token"]).get(url("plans/")).status_code == 200


def test_made_first_used_and_ended_stand_in_the_change_log_without_the_secret(ops, made):
    program = bearing(made["token"])
    program.get(url("plans/"))
    program.get(url("plans/"))
    ops.post(url(f"tokens/{made['id']}/end/"), {"reason": "Lost the laptop"}, format="json")
    rows = ChangeLogEntry.objects.filter(entity="core.accesstoken").order_by("pk").select_related("payload")
    assert [row.event for row in rows] == ["created", "first used", "ended"]
    assert rows[2].payload.body["reason"] == "Lost the laptop"
    assert made["token"] not in str([row.payload.body for row in rows])


def test_a_token_makes_no_token_and_touches_none_of_others(as_, made):
    refused = bearing(token_of("admin")).post(url("tokens/"), ASKED, format="json")
    assert refused.status_code == 403
    assert as_("analyst").get(url("tokens/")).json()["count"] == 0
    assert as_("analyst").post(url(f"tokens/{made['id']}/rotate/")).status_code == 404
    assert as_("admin").post(url(f"tokens/{made['id']}/rotate/")).status_code == 403


@pytest.mark.parametrize(
    ("change", "named"),
    [({"scopes": []}, "scopes"), ({"scopes": ["all"]}, "scopes.0"), ({"days": 9999}, "days"),
     ({"name": ""}, "name"), ({"account": "nobody"}, "account")],
)  # fmt: skip
def test_bad_words_about_a_token_are_named(ops, change, named):
    refused = ops.post(url("tokens/"), ASKED | change, format="json")
    assert refused.status_code in (400, 404)
    assert fields(refused)[0].startswith(named.partition(".")[0])
    assert not AccessToken.objects.exists()


@pytest.fixture
def crm(site):
    with acting_as(Actor.system("Test")):
        return access_tokens.make_service("crm-loader", owner=user("ops"), purpose="Loads orders")


def test_a_service_acts_for_itself_belongs_to_a_person_and_decides_nothing(ops, crm, plan):
    crm.user.groups.set(user("finance").groups.all())
    made = ops.post(
        url("tokens/"), ASKED | {"account": "crm-loader", "scopes": ["read", "run"]}, format="json"
    )
    program = bearing(made.json()["token"])
    assert program.get(url("plans/")).status_code == 200
    approval = round_of(plan)
    body = {"decision": "approve", "comment": "Fine.", "scope_sha256": approval.scope_sha256}
    refused = program.post(url(f"approvals/{approval.pk}/decide/"), body, format="json")
    assert (refused.status_code, "cannot decide" in refused.json()["detail"]) == (403, True)
    type(crm.owner).objects.filter(pk=crm.owner_id).update(is_active=False)
    assert program.get(url("plans/")).status_code == 401


def test_nobody_logs_in_as_a_service(crm, client):
    crm.user.set_password(PASSWORD)
    crm.user.is_staff = True
    with acting_as(Actor.system("Test")):
        crm.user.save()
    assert not client.login(username="crm-loader", password=PASSWORD)


def test_no_page_of_the_admin_shows_a_secret_or_its_digest(as_, made):
    stored = AccessToken.objects.get()
    for who in ("ops", "admin"):
        client = as_(who)
        for page in (reverse("admin:core_accesstoken_changelist"), f"/core/accesstoken/{stored.pk}/change/"):
            shown = client.get(page)
            assert shown.status_code == 200
            assert stored.prefix in shown.content.decode()
            assert made["token"] not in shown.content.decode()
            assert stored.digest not in shown.content.decode()


def test_the_list_ends_ones_own_and_not_those_of_others(as_, made):
    page, body = (
        reverse("admin:core_accesstoken_changelist"),
        {"action": "end_tokens", "_selected_action": made["id"]},
    )
    as_("analyst").post(page, body)
    assert AccessToken.objects.get().ended_at is None
    as_("ops").post(page, body)
    assert AccessToken.objects.get().ended_at is not None


def test_tokens_and_services_at_the_command_line(site, capsys):
    code, told = manage("token", "service", "crm-loader", "--owner", "ops", "--purpose", "Loads orders")
    assert (code, ServiceAccount.objects.get().owner) == (0, user("ops")), told
    code, told = manage("token", "make", "crm-loader", "--name", "Orders", "--scopes", "load,read")
    secret = told.split()[0]
    assert (code, access_tokens.find(secret).scopes) == (0, ["read", "load"])
    code, told = manage("token", "list")
    assert "crm-loader  read,load  Orders  never used" in told
    code, told = manage("token", "end", secret[: access_tokens.PREFIX], "--reason", "Test")
    assert (code, AccessToken.objects.get().ended_why) == (0, "Test")
    assert manage("token", "make", "crm-loader", "--name", "x", "--scopes", "all")[0] == 2
