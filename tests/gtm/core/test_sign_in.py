"""Passwords at every door: on record, limited by account and address, and the owner is told."""

import json
from base64 import b64encode
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from gtm.core import cli, clock, sign_in
from gtm.core.models import AccountMail, ChangeLogEntry, SignIn
from gtm.core.tasks import send_account_mail
from plans.demo.organisation import PASSWORD
from programs.models import Person
from tests.doors import url, user
from tests.factories import round_of


@pytest.fixture(autouse=True)
def _no_rate_of_requests(settings):
    """The limits of requests are another thing; here each try comes from another address."""
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"token": "10000/min"}}


def at_page(password: str, address: str, username: str = "finance") -> int:
    client = Client(REMOTE_ADDR=address)
    client.post(reverse("admin:login"), {"username": username, "password": password})
    return 200 if "_auth_user_id" in client.session else 401


def over_rest(password: str, address: str, username: str = "finance") -> int:
    body = {"username": username, "password": password}
    return APIClient(REMOTE_ADDR=address).post(url("token/"), body, format="json").status_code


def decides(password: str, approval, address: str) -> int:
    client = APIClient(REMOTE_ADDR=address)
    client.force_login(user("finance"))
    body = {
        "decision": "approve",
        "comment": "x",
        "password": password,
        "scope_sha256": approval.scope_sha256,
    }
    return client.post(url(f"approvals/{approval.pk}/decide/"), body, format="json").status_code


def asked_again(password: str, address: str) -> int:
    """The page that asks for the password once more, before a change of one's own account."""
    client = Client(REMOTE_ADDR=address)
    client.force_login(user("finance"))
    answer = client.post(reverse("account_reauthenticate"), {"password": password})
    return 200 if answer.status_code == 302 else 401


def at_the_command_line(password: str, address: str) -> int:
    """The machine itself is one address; there the account waits like everywhere."""
    with mock.patch.object(cli, "_asked", lambda prompt: password):
        try:
            return 200 if cli.knows_password("finance") else 401
        except sign_in.TooManyWrong:
            return 429


def as_basic(password: str, address: str) -> int:
    told = b64encode(f"finance:{password}".encode()).decode()
    return (
        APIClient(REMOTE_ADDR=address)
        .get(url("plans/"), headers={"Authorization": f"Basic {told}"})
        .status_code
    )


def as_token(password: str, address: str) -> int:
    return (
        APIClient(REMOTE_ADDR=address)
        .get(url("plans/"), headers={"Authorization": f"Token {password}"})
        .status_code
    )


def over_mcp(password: str, address: str) -> int:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Authorization": f"Bearer {password}", "Accept": "application/json, text/event-stream"}
    return APIClient(REMOTE_ADDR=address).post("/mcp/", body, format="json", headers=headers).status_code


def by_passkey(password: str, address: str) -> int:
    client = Client(REMOTE_ADDR=address)
    client.post(reverse("mfa_login_webauthn"), {"credential": json.dumps({"id": password})})
    return 200 if "_auth_user_id" in client.session else 401


def address(number: int) -> str:
    return f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"


DOORS = (at_page, over_rest, None, asked_again, at_the_command_line, as_basic, as_token, over_mcp, by_passkey)
"""Every place that takes a password, or what stands for one; None: a decision. Codes of a second factor and
answers of providers have thousands of their own, beside what they are."""


def test_a_thousand_wrong_passkeys_of_one_address_wait_in_the_database_and_lock_nobody_out(site):
    for number in range(sign_in.OF_ADDRESS + 5):
        by_passkey(f"wrong {number}", "10.5.5.5")
    assert SignIn.objects.filter(door=sign_in.PASSKEY, outcome="wrong").count() == sign_in.OF_ADDRESS
    cache.clear()
    refused = Client(REMOTE_ADDR="10.5.5.5").post(
        reverse("mfa_login_webauthn"), {"credential": '{"id": "x"}'}
    )
    assert refused.status_code == 429
    assert at_page(PASSWORD, "10.5.5.6") == 200


def test_a_thousand_wrong_passwords_over_all_doors_and_then_the_right_one_is_not_in(site, plan, client):
    approval, opened = round_of(plan), 0
    with time_machine.travel(clock.now(), tick=False):
        for number in range(1000):
            try_one = DOORS[number % len(DOORS)] or (lambda p, a: decides(p, approval, a))
            opened += try_one(f"wrong {number}", address(number)) in (200, 201)
        assert opened == 0
        assert (asked_again(PASSWORD, address(2004)), at_the_command_line(PASSWORD, "")) == (401, 429)
        assert (as_basic(PASSWORD, address(2005)), as_token(PASSWORD, address(2006))) == (401, 401)
        assert (over_mcp(PASSWORD, address(2007)), by_passkey(PASSWORD, address(2008))) == (401, 401)
        assert at_page(PASSWORD, address(2001)) == 401
        assert over_rest(PASSWORD, address(2002)) == 429
        assert decides(PASSWORD, approval, address(2003)) == 429
    approval.refresh_from_db()
    assert approval.state == "pending"
    tried = SignIn.objects.filter(outcome="wrong", username="finance").exclude(door__in=sign_in.NOT_GUESSED)
    assert tried.count() == sign_in.ALLOWED
    assert SignIn.objects.filter(outcome="refused").count() < 1000
    assert client.get("/healthz").status_code == 200


def test_the_owner_gets_in_from_where_they_usually_do_while_strangers_wait(site):
    assert at_page(PASSWORD, "10.1.1.1") == 200
    for number in range(20):
        at_page("wrong", address(number))
    assert at_page(PASSWORD, "10.9.9.9") == 401
    assert at_page(PASSWORD, "10.1.1.1") == 200
    assert at_page(PASSWORD, "10.9.9.9") == 401, "what the owner does opens nothing to strangers"


def test_the_wait_doubles_and_ends(site):
    for number in range(sign_in.ALLOWED):
        over_rest("wrong", address(number))
    refused = APIClient().post(url("token/"), {"username": "finance", "password": PASSWORD}, format="json")
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert 0 < int(refused["Retry-After"]) <= 60
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        over_rest("wrong", address(99))
    with time_machine.travel(clock.now() + timedelta(seconds=61 + 62), tick=False):
        assert over_rest(PASSWORD, address(100)) == 429
    with time_machine.travel(clock.now() + timedelta(seconds=61 + 121), tick=False):
        assert over_rest(PASSWORD, address(100)) == 201


def test_an_address_that_tries_many_accounts_waits_for_all_of_them(site):
    for number in range(sign_in.OF_ADDRESS):
        over_rest("wrong", "10.3.3.3", f"nobody-{number}")
    assert over_rest(PASSWORD, "10.3.3.3", "ops") == 429
    assert over_rest(PASSWORD, "10.3.3.4", "ops") == 201


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "1.2.3.4", "10.0.0.1"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (2, "1.2.3.4", "10.0.0.1"),
        (1, "no address", "unknown"),
    ],
)
def test_a_forwarded_address_is_believed_from_trusted_proxies_alone(
    settings, rf, proxies, forwarded, expected
):
    settings.GTM_TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert sign_in.address_of(request) == expected


def test_every_try_is_on_record_and_shown_to_its_owner_alone(site, as_):
    at_page("wrong", "10.4.4.4")
    at_page(PASSWORD, "10.4.4.5")
    rows = ChangeLogEntry.objects.filter(entity="core.signin").order_by("pk")
    assert [row.event for row in rows] == ["wrong password", "right password"]
    page = reverse("admin:core_signin_changelist")
    assert "10.4.4.4" in as_("finance").get(page).content.decode()
    assert "10.4.4.4" not in as_("ops").get(page).content.decode()
    assert "10.4.4.4" in as_("admin").get(page).content.decode()


def test_the_owner_is_told_once_whether_or_not_a_broker_is_there(site):
    """The mail stands in the database with the refusal; what passes it on is asked again every 15 seconds."""
    for number in range(sign_in.ALLOWED + 5):
        over_rest("wrong", address(number))
    assert {row.subject for row in AccountMail.objects.all()} == {"Wrong passwords for your account"}
    send_account_mail()
    send_account_mail()
    assert len({message.to[0] for message in mail.outbox}) == len(mail.outbox)
    person = Person.objects.get(accounts=user("finance"))
    assert person.email in {one for message in mail.outbox for one in message.to}
    assert address(sign_in.ALLOWED) in mail.outbox[0].body
    assert PASSWORD not in mail.outbox[0].body
