"""A first second factor decides nothing until its owner has said so by another way than the password."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core import mail
from django.test import Client
from django.urls import reverse

from gtm.core import account_mail, cli, clock
from gtm.core.actors import ADMIN, COMMAND_LINE, Actor, acting_as
from gtm.core.errors import NotPermitted, WaitsForSecondPerson
from gtm.core.identity import confirmation, factors
from gtm.core.models import ConfirmedFactor, PasswordFromLink
from plans.demo.organisation import PASSWORD
from programs.models import Person
from programs.models.guarded_accounts import confirm_factors, why_not_confirm
from tests.doors import manage, user
from tests.factories import round_of
from tests.plans.admin.test_second_factor import confirmed, decides, on_page, rows_of
from tests.plans.admin.test_second_person import administrator, two
from tests.second_factor import add_app, secret_of, shows, with_code, with_password

__all__ = ["administrator", "two"]
PHRASE = "a long and new pass phrase"


@pytest.fixture(autouse=True)
def _real(settings):
    settings.GTM_SECOND_FACTOR = settings.GTM_OWN_PASSWORD_BY_MAIL = True


def add_on_the_page(client):
    """What whoever has the password does: adds an app, and so has shown it."""
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret
    client.post(reverse("mfa_activate_totp"), {"code": shows(secret)})
    return client


def links(to=None):
    account_mail.deliver()
    found = [(one, re.search(r"/own_account/factors/link/\S+", one.body)) for one in mail.outbox]
    return [match.group() for one, match in found if match and (to is None or one.to == [to])]


def address(username="finance"):
    return Person.objects.get(accounts=user(username)).email


def steward(username="exec", second_factor="authenticator app"):
    return Actor.of_user(user(username), ADMIN, interactive=True, second_factor=second_factor)


def undecided(approval):
    approval.refresh_from_db()
    return (approval.state, approval.decisions.count()) == ("pending", 0)


# ------------------------------------------------------------------ who has only the password


def test_who_has_only_the_password_adds_a_factor_and_still_decides_nothing(asked):
    approval = round_of(asked)
    thief = add_on_the_page(confirmed())
    assert thief.get(reverse("mfa_index")).context["shown"] == "authenticator app"
    refused = decides(thief, approval)
    assert (refused.status_code, refused.json()["second_factor"]) == (403, True)
    assert "not confirmed yet" in refused.json()["detail"]
    assert "not confirmed yet" in on_page(thief, approval).content.decode()
    later = with_code("finance", shows(secret_of("finance"), later=1))
    assert decides(later, approval).status_code == 403
    assert undecided(approval)


def test_the_command_line_asks_for_a_confirmed_one_too(asked, settings, monkeypatch):
    settings.GTM_ALLOW_IMPERSONATION = False
    approval, secret = round_of(asked), add_app("finance", confirmed=False)
    answers = iter([PASSWORD, shows(secret)])
    monkeypatch.setattr(cli, "_asked", lambda prompt: next(answers))
    code, told = manage("decide", str(approval.pk), "approve", "--as", "finance", "--comment", "Fits.")
    assert (code, "not confirmed yet" in told) == (1, True)
    assert undecided(approval)


def test_recovery_codes_count_no_more_than_the_factor_they_came_with(asked):
    add_app("finance", confirmed=False)
    codes = Authenticator.objects.get(user=user("finance"), type="recovery_codes").wrap().get_unused_codes()
    client = with_code("finance", codes[0])
    assert client.get(reverse("mfa_index")).context["shown"] == "recovery code"
    assert decides(client, round_of(asked)).status_code == 403
    client.post(reverse("mfa_generate_recovery_codes"))
    made = Authenticator.objects.get(user=user("finance"), type="recovery_codes")
    assert not confirmation.counts(made), "new ones, made in such a session, neither"


def test_a_further_passkey_or_code_added_beside_one_that_waits_waits_too(site):
    owner = Actor.of_user(user("finance"), ADMIN, interactive=True)
    add_app("finance", confirmed=False)
    with acting_as(owner):
        Authenticator.objects.create(user=user("finance"), type="webauthn", data={"name": "key"})
    assert not confirmation.has_counting(user("finance"))


def test_what_is_added_in_a_session_that_shows_a_confirmed_one_counts_at_once(site):
    add_app("finance")
    with acting_as(steward("finance")):
        key = Authenticator.objects.create(user=user("finance"), type="webauthn", data={"name": "key"})
    assert confirmation.counts(key)


def test_a_factor_removed_and_added_anew_waits_anew(asked):
    client = with_code("finance", shows(add_app("finance")))
    client.post(reverse("mfa_reauthenticate"), {"code": shows(secret_of("finance"), later=1)})
    client.post(reverse("mfa_deactivate_totp"))
    assert factors.of(user("finance")) == []
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    add_on_the_page(client)
    assert decides(client, round_of(asked)).status_code == 403


# ------------------------------------------------------------------ the mailed link


def test_the_link_that_is_mailed_confirms_in_the_session_that_has_shown_the_factor(asked):
    approval, client = round_of(asked), add_on_the_page(confirmed())
    (link,) = links(address())
    assert client.get(link).status_code == 200
    assert decides(client, approval).status_code == 403, "opening it is not confirming it"
    assert "is confirmed" in client.post(link, follow=True).content.decode()
    assert decides(client, approval).status_code == 200
    assert approval.decisions.get().evidence["second_factor"] == "authenticator app"
    assert "authenticator app: confirmed by the link" in " ".join(map(str, rows_of("second factor")))
    again = client.post(link, follow=True)
    assert "does not hold any more" in again.content.decode()


def test_the_link_alone_confirms_nothing(site):
    """The owner who opens the link by mistake has not shown the factor that a thief has added."""
    add_on_the_page(confirmed())
    (link,) = links(address())
    assert Client().post(link).status_code == 302
    password_only = Client()
    password_only.force_login(user("finance"))
    assert reverse("mfa_reauthenticate") in password_only.post(link).url
    other = with_code("legal", shows(add_app("legal")))
    other.post(link)
    assert not ConfirmedFactor.objects.filter(factor__user=user("finance")).exists()


def test_the_link_can_be_asked_for_again_and_ends_with_the_address(site):
    client = add_on_the_page(confirmed())
    client.post(reverse("mfa_ask_to_confirm"))
    link = links(address())[-1]
    person = Person.objects.get(accounts=user("finance"))
    person.email = "elsewhere@example.com"
    with acting_as(Actor.system("Test")):
        person.save()
    client.post(link)
    assert not confirmation.has_counting(user("finance"))


def test_the_address_is_not_changed_by_who_has_only_the_password(two):
    """Elena may change people: with her password a thief would have the link sent elsewhere."""
    person = Person.objects.get(accounts=user("exec"))
    person.email = "thief@example.com"
    with acting_as(steward(second_factor="")), pytest.raises(WaitsForSecondPerson):
        person.save()
    assert address("exec") != "thief@example.com"
    person.refresh_from_db()
    person.email = "elena@example.com"
    with acting_as(steward()):
        person.save()
    assert address("exec") == "elena@example.com", "with a confirmed factor it is one's own to change"


def test_a_mailbox_alone_is_no_second_way_beside_itself(asked, settings):
    """A forgotten password is set by mail, and then the same mailbox would confirm the factor."""
    settings.GTM_FACTOR_CONFIRMED_BY = frozenset({"mail", "steward", "wait"})
    Client().post(reverse("forgotten_password"), {"username": "finance"})
    account_mail.deliver()
    link = re.search(r"/own_password/\S+", mail.outbox[-1].body).group()
    thief = Client()
    at = thief.get(link, follow=True).redirect_chain[-1][0]
    thief.post(at, {"new_password1": PHRASE, "new_password2": PHRASE})
    assert PasswordFromLink.objects.filter(user=user("finance")).exists()
    thief = with_password("finance", password=PHRASE)
    thief.post(reverse("account_reauthenticate"), {"password": PHRASE})
    add_on_the_page(thief)
    assert links() == []
    assert not confirmation.takes_mail(user("finance"))
    with time_machine.travel(clock.now() + timedelta(days=3), tick=False):
        assert not confirmation.has_counting(user("finance"))
    with acting_as(steward("deputy")):
        confirmation.confirm(user("finance"), "by somebody who has asked")
    assert confirmation.has_counting(user("finance"))


def test_that_ends_when_a_session_that_shows_more_sets_a_password(site):
    PasswordFromLink.objects.create(user=user("finance"))
    client = with_code("finance", shows(add_app("finance")))
    form = {"old_password": PASSWORD, "new_password1": PHRASE, "new_password2": PHRASE}
    client.post(reverse("own_password"), form)
    assert not PasswordFromLink.objects.exists()


def test_a_password_set_in_a_session_with_the_password_alone_does_not_end_it(site):
    PasswordFromLink.objects.create(user=user("finance"))
    form = {"old_password": PASSWORD, "new_password1": PHRASE, "new_password2": PHRASE}
    with_password("finance").post(reverse("own_password"), form)
    assert user("finance").check_password(PHRASE)
    assert PasswordFromLink.objects.exists()


# ------------------------------------------------------------------ a steward


def test_a_steward_confirms_on_the_page_of_the_account(two, asked):
    approval = round_of(asked)
    finance = add_on_the_page(confirmed())
    elena = with_code("exec", shows(add_app("exec")))
    page = reverse("admin:auth_user_confirm_factors", args=[user("finance").pk])
    shown = elena.get(page).content.decode()
    assert "authenticator app, added" in shown
    seen = re.search(r'name="seen-\d+" value="([^"]*)"', shown)[1]
    body = {"answered": "1", "reason": "I have called her."}
    told = elena.post(page, {**body, f"seen-{user('finance').pk}": "something else"}, follow=True)
    assert "have changed since" in told.content.decode()
    assert decides(finance, approval).status_code == 403
    elena.post(page, {**body, f"seen-{user('finance').pk}": seen})
    assert decides(finance, approval).status_code == 200
    account_mail.deliver()
    assert any(one.subject == "Your second factor is confirmed" for one in mail.outbox)


def test_a_steward_confirms_neither_their_own_nor_without_a_confirmed_one(two):
    add_app("exec", confirmed=False)
    add_app("finance", confirmed=False)
    assert "their own" in why_not_confirm(steward(), user("exec"))
    assert "of your own" in why_not_confirm(steward(second_factor=""), user("finance"))
    with acting_as(steward(second_factor="")), pytest.raises(NotPermitted):
        confirm_factors(user("finance"))
    assert "authority" in why_not_confirm(steward("ops"), user("finance"))
    token = Actor.of_user(user("exec"), COMMAND_LINE, interactive=False)
    assert "in a session" in why_not_confirm(token, user("finance"))
    assert why_not_confirm(steward(), user("finance")) == ""


def test_a_further_account_of_the_same_person_confirms_nothing(two):
    add_app("finance", confirmed=False)
    Person.objects.get(accounts=user("exec")).accounts.through.objects.create(
        person_id=Person.objects.get(accounts=user("exec")).pk, user_id=user("finance").pk
    )
    assert "their own" in why_not_confirm(steward(), user("finance"))


def test_a_steward_confirms_nothing_where_the_site_says_so(two, settings):
    settings.GTM_FACTOR_CONFIRMED_BY = frozenset({"mail"})
    add_app("finance", confirmed=False)
    assert "GTM_FACTOR_CONFIRMED_BY" in why_not_confirm(steward(), user("finance"))


# ------------------------------------------------------------------ waiting, and the machine


def test_a_day_after_the_mail_has_left_it_counts_only_where_the_site_says_so(site, settings):
    add_app("finance", confirmed=False)
    sent_late = clock.now() + timedelta(hours=5)
    with time_machine.travel(sent_late, tick=False):
        account_mail.deliver()
    with time_machine.travel(sent_late + timedelta(hours=25), tick=False):
        assert not confirmation.has_counting(user("finance")), "by default nobody just waits"
        settings.GTM_FACTOR_CONFIRMED_BY = frozenset({"wait"})
        assert confirmation.has_counting(user("finance"))
    with time_machine.travel(sent_late + timedelta(hours=23), tick=False):
        assert not confirmation.has_counting(user("finance"))


def test_without_a_mail_that_has_left_nobody_waits_long_enough(site, settings):
    settings.GTM_FACTOR_CONFIRMED_BY = frozenset({"wait"})
    add_app("finance", confirmed=False)
    with time_machine.travel(clock.now() + timedelta(days=30), tick=False):
        assert not confirmation.has_counting(user("finance"))


def test_whoever_runs_the_machine_confirms_the_first_steward(site):
    add_app("exec", confirmed=False)
    code, told = manage("confirm_factor", "exec")
    assert (code, "authenticator app" in told) == (0, True)
    assert confirmation.has_counting(user("exec"))
    assert "(command line)" in str(rows_of("second factor", "exec"))


def test_nobody_confirms_their_own_at_the_command_line(two, settings):
    settings.GTM_ALLOW_IMPERSONATION = True
    add_app("exec", confirmed=False)
    code, told = manage("confirm_factor", "exec", "--as", "exec")
    assert (code, "their own" in told) == (1, True)
    assert not confirmation.has_counting(user("exec"))


def test_recovery_codes_alone_wait_for_nothing(site):
    with acting_as(Actor.of_user(user("finance"), ADMIN, interactive=True)):
        RecoveryCodes.activate(user("finance"))
    assert not confirmation.waits(user("finance"))


def test_the_page_of_an_approval_says_what_to_do(asked):
    client = add_on_the_page(confirmed())
    shown = client.get(reverse("admin:plans_approval_change", args=[round_of(asked).pk])).content.decode()
    assert "To have it confirmed" in shown
    assert 'id="decide"' not in shown
    assert "Your second factor is not confirmed yet" in client.get(reverse("admin:index")).content.decode()
