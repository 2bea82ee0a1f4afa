"""A second factor: asked for at login, before decisions on money or law, and never reset by one person."""

from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse

from gtm.core import account_mail, cli, clock, sign_in
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import NotPermitted, WaitsForSecondPerson
from gtm.core.evidence import accounts
from gtm.core.identity import factors
from gtm.core.models import AccountMail, ChangeLogPayload, SignIn
from plans.demo.organisation import PASSWORD
from plans.engine.people.permissions import why_not_in_person
from programs.models import GuardedChange
from tests.doors import manage, url, user
from tests.factories import round_of
from tests.plans.admin.test_second_person import administrator, two
from tests.plans.admin.test_two_people import answer, at
from tests.second_factor import add_app, is_in, secret_of, shows, with_code, with_password

__all__ = ["administrator", "two"]


@pytest.fixture
def required(settings):
    settings.GTM_SECOND_FACTOR = True


def rows_of(field, username="finance"):
    rows = ChangeLogPayload.objects.filter(body__field=field, body__object=f"user {username}")
    return [row.body["to"] for row in rows.order_by("pk")]


def decides(client, approval):
    body = {
        "decision": "approve",
        "comment": "Fits.",
        "password": PASSWORD,
        "scope_sha256": approval.scope_sha256,
    }
    return client.post(url(f"approvals/{approval.pk}/decide/"), body, content_type="application/json")


def on_page(client, approval):
    body = {"decision": "approve", "comment": "x", "password": PASSWORD}
    body |= {"scope_sha256": approval.scope_sha256}
    return client.post(reverse("admin:plans_approval_change", args=[approval.pk]), body)


# ------------------------------------------------------------------ decisions


def test_an_approval_of_money_opens_only_after_a_second_factor(asked, required):
    approval, secret = round_of(asked), add_app("finance")
    page = reverse("admin:plans_approval_change", args=[approval.pk])
    before = Client()
    before.force_login(user("finance"))  # a session from before there was a factor
    shown = before.get(page).content.decode()
    assert "Show my second factor" in shown
    assert 'id="decide"' not in shown
    assert "Show my second factor" in on_page(before, approval).content.decode()
    refused = decides(before, approval)
    assert (refused.status_code, refused.json()["second_factor"]) == (403, True)
    approval.refresh_from_db()
    assert (approval.state, approval.decisions.count()) == ("pending", 0)

    after = with_code("finance", shows(secret))
    assert 'id="decide"' in after.get(page).content.decode()
    assert decides(after, approval).status_code == 200
    assert approval.decisions.get().evidence["second_factor"] == "authenticator app"


def test_who_has_none_is_led_to_add_one(asked, required):
    client = with_password("finance")
    shown = client.get(reverse("admin:plans_approval_change", args=[round_of(asked).pk])).content.decode()
    assert reverse("mfa_activate_totp") in shown


def test_home_says_so_to_who_decides_and_has_none(site, required):
    said = "Your account has no second factor"
    assert said in with_password("finance").get(reverse("admin:index")).content.decode()
    secret = add_app("finance")
    inside = with_code("finance", shows(secret))
    assert said not in inside.get(reverse("admin:index")).content.decode()
    assert said not in with_password("auditor").get(reverse("admin:index")).content.decode()


def test_a_real_installation_has_no_account_with_the_password_of_the_demo(site, required):
    code, told = manage("demo")
    assert (code, "real installation" in told) == (1, True)


def test_who_only_reads_an_approval_is_not_asked(asked, required):
    client = with_password("ops")
    shown = client.get(reverse("admin:plans_approval_change", args=[round_of(asked).pk])).content.decode()
    assert "second factor" not in shown


def test_the_demo_asks_for_none(asked):
    assert decides(with_password("finance"), round_of(asked)).status_code == 200


def test_what_is_done_in_person_needs_it_too(site, required):
    plain = Actor.of_user(user("exec"), ADMIN, interactive=True)
    assert "second factor" in why_not_in_person(plain)
    shown = Actor.of_user(user("exec"), ADMIN, interactive=True, second_factor="authenticator app")
    assert why_not_in_person(shown) is None


# ------------------------------------------------------------------ login and codes


def test_the_password_alone_is_not_in_where_there_is_a_factor(site):
    secret = add_app("finance")
    assert not is_in(with_password("finance"))
    assert not is_in(with_code("finance", "000000"))
    assert is_in(with_code("finance", shows(secret)))
    assert with_password("finance").get(reverse("admin:index")).status_code == 302


def test_a_code_lets_in_once(site):
    code = shows(add_app("finance"))
    assert is_in(with_code("finance", code))
    assert not is_in(with_code("finance", code))
    assert is_in(with_code("finance", shows(secret_of("finance"), later=1)))


def test_a_recovery_code_lets_in_once_and_is_on_record(site):
    add_app("finance")
    row = Authenticator.objects.get(user=user("finance"), type="recovery_codes")
    code = row.wrap().get_unused_codes()[0]
    assert is_in(with_code("finance", code))
    assert not is_in(with_code("finance", code))
    assert rows_of("second factor")[-1] == "recovery code: used, 9 left"


def test_a_thousand_wrong_codes_and_then_the_right_one_is_not_in(site, client):
    secret, now = add_app("finance"), clock.now()
    with time_machine.travel(now, tick=False):
        for number in range(1000):
            wrong = f"{(int(shows(secret)) + 1 + number) % 10**6:06d}"
            if wrong not in {shows(secret, later) for later in (-1, 0, 1)}:
                assert not is_in(with_code("finance", wrong, f"10.7.{number // 250}.{number % 250}"))
        assert not is_in(with_code("finance", shows(secret), "10.8.0.1"))
    tries = SignIn.objects.filter(door=sign_in.CODE)
    assert tries.filter(outcome="wrong").count() == sign_in.ALLOWED
    assert client.get("/healthz").status_code == 200
    with time_machine.travel(now + timedelta(hours=25), tick=False):
        assert is_in(with_code("finance", shows(secret), "10.8.0.1"))


def test_a_right_password_forgives_no_wrong_codes(site):
    secret = add_app("finance")
    for _ in range(sign_in.ALLOWED):
        with_code("finance", "000000", "10.0.0.1")
    stage = with_password("finance", "10.0.0.2").post(reverse("mfa_authenticate"), {"code": shows(secret)})
    assert stage.status_code == 429
    assert not is_in(with_code("finance", shows(secret), "10.0.0.1"))


# ------------------------------------------------------------------ adding and removing


def confirmed(username="finance"):
    client = with_password(username)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def test_adding_an_app_is_on_record_told_and_encrypted(site):
    client = confirmed()
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret
    assert client.post(reverse("mfa_activate_totp"), {"code": "000000"}).status_code == 200
    assert not factors.has_one(user("finance"))
    added = client.post(reverse("mfa_activate_totp"), {"code": shows(secret)}, follow=True)
    assert len(added.context["unused_codes"]) == 10
    again = client.get(reverse("mfa_view_recovery_codes"))
    assert set(again.context["unused_codes"]) == {"****"}
    assert rows_of("second factor") == [
        "authenticator app: added",
        "authenticator app: waits to be confirmed",
        "recovery codes: added",
    ]
    stored = Authenticator.objects.get(user=user("finance"), type="totp")
    assert secret not in str(stored.data)
    assert secret_of("finance") == secret
    assert "session has shown one: authenticator app" in client.get(reverse("mfa_index")).content.decode()
    account_mail.deliver()
    assert any("authenticator app: added" in one.body.lower() for one in mail.outbox)
    assert AccountMail.objects.filter(sent_at=None).count() == 0


def test_mail_waits_for_a_server_that_is_down(site, settings):
    add_app("finance")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    waiting = AccountMail.objects.count()
    assert (account_mail.deliver(), waiting > 1) == (0, True)
    assert AccountMail.objects.filter(attempts=1, sent_at=None).count() == waiting
    assert account_mail.deliver() == 0, "not before its time"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with time_machine.travel(clock.now() + timedelta(minutes=2), tick=False):
        assert account_mail.deliver() == waiting
        assert account_mail.deliver() == 0


def test_a_session_that_has_shown_no_factor_cannot_remove_one(site):
    client = confirmed()
    add_app("finance")
    refused = client.post(reverse("mfa_deactivate_totp"))
    assert reverse("mfa_reauthenticate") in refused.url
    assert factors.has_one(user("finance"))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    client.post(reverse("mfa_deactivate_totp"))
    assert factors.has_one(user("finance"))
    client.post(reverse("mfa_reauthenticate"), {"code": shows(secret_of("finance"))})
    client.post(reverse("mfa_deactivate_totp"))
    assert factors.of(user("finance")) == []
    assert rows_of("second factor")[-2:] == ["authenticator app: removed", "recovery codes: removed"]


def test_another_key_of_the_site_reads_no_factor_and_says_so(site, settings):
    code, settings.SECRET_KEY_FALLBACKS = shows(add_app("finance")), [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key of the site, long enough for every signer that checks"
    assert is_in(with_code("finance", code))
    settings.SECRET_KEY_FALLBACKS = []
    client = with_password("finance")
    said = client.post(reverse("mfa_authenticate"), {"code": code})
    assert (said.status_code, "another SECRET_KEY" in said.content.decode()) == (403, True)


# ------------------------------------------------------------------ reset by somebody else


def reset(username, whose):
    client = Client()
    client.force_login(user(username))
    page = reverse("admin:auth_user_reset_factors", args=[user(whose).pk])
    return client.post(page, {"answered": "1", "reason": "The phone is gone."}, follow=True)


def test_a_reset_by_somebody_else_takes_two_people(administrator, settings):
    settings.GTM_OWN_PASSWORD_BY_MAIL = True
    secret = add_app("finance")
    session = with_code("finance", shows(secret))
    reset(administrator, "finance")
    change = GuardedChange.objects.get(kind="factor")
    assert (change.state, factors.has_one(user("finance"))) == ("proposed", True)
    assert answer("finance", change, "approve").status_code == 403, "not the one whose it is"
    assert session.get(reverse("mfa_index")).context["shown"] == "authenticator app"
    assert answer("deputy", change, "approve").json()["state"] == "approved"
    assert factors.of(user("finance")) == []
    assert session.get(reverse("mfa_index")).status_code == 302, "its sessions are ended"
    assert "second factor" in accounts.why_not_theirs(user("finance"))
    told = AccountMail.objects.filter(user=user("finance")).values_list("body", flat=True)
    assert any("removed, by" in body for body in told)


def test_factors_are_nobodys_to_change_on_another_page_or_by_code(administrator):
    add_app("finance")
    factor = factors.of(user("finance"))[0]
    with pytest.raises(NoReverseMatch):
        at(Authenticator, "change", factor.pk)
    steward = Actor.of_user(user("exec"), ADMIN, interactive=True)
    with acting_as(steward), pytest.raises(WaitsForSecondPerson), transaction.atomic():
        factor.delete()
    assert factors.has_one(user("finance"))


def test_nobody_signs_up_and_no_page_of_allauth_is_open_beside_ours(client):
    for name in ("account_signup", "account_email", "account_reset_password", "account_set_password"):
        with pytest.raises(NoReverseMatch):
            reverse(name)
    assert client.get("/accounts/signup/").status_code in (302, 404)


def test_the_command_line_asks_for_the_code(asked, required, settings, monkeypatch):
    add_app("finance")
    settings.GTM_ALLOW_IMPERSONATION = False
    monkeypatch.setattr(cli, "_asked", lambda prompt: "000000")
    with pytest.raises(NotPermitted):
        cli.second_factor_of(user("finance"))
    monkeypatch.setattr(cli, "_asked", lambda prompt: shows(secret_of("finance")))
    assert cli.second_factor_of(user("finance")) == "authenticator app"
    monkeypatch.setattr(cli, "_asked", lambda prompt: "")
    assert cli.second_factor_of(user("finance")) == ""
