"""Where the site sends mail, a password of one's own comes by a link that only its owner reads."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import accounts
from gtm.core.models import ChangeLogEntry, PasswordOfAnother
from programs.models import GuardedChange, Person
from tests.doors import user
from tests.plans.admin.test_two_people import answer, password_on_a_page, save_page, who

KNOWN, OWN = "known-to-me-2026", "mine-alone-2026"


@pytest.fixture(autouse=True)
def by_mail(settings):
    settings.GTM_OWN_PASSWORD_BY_MAIL = True


@pytest.fixture
def known(demo):
    """Clara has set Fiona's password, and Dora has agreed."""
    password_on_a_page(demo)
    assert answer("deputy", GuardedChange.objects.get(), "approve").json()["state"] == "approved"
    client = Client()
    assert client.login(username="finance", password=KNOWN)
    return client


def link_of(message):
    return re.search(r"(/own_password/\S+)", message.body)[1]


def ask(client):
    return client.post(reverse("own_password"), follow=True)


def set_by_link(link, password=OWN):
    client = Client()
    opened = client.get(link, follow=True)
    form = {"new_password1": password, "new_password2": password}
    return client.post(opened.redirect_chain[-1][0], form) if opened.redirect_chain else opened


def test_whoever_was_told_the_password_cannot_make_the_account_their_own(known):
    """They log in as they were told, and change the password: the page sends a link instead."""
    shown = known.get(reverse("own_password")).content.decode()
    assert "Dora Klein has set the password of this account" in shown
    form = {"old_password": KNOWN, "new_password1": OWN, "new_password2": OWN}
    known.post(reverse("own_password"), form)
    assert PasswordOfAnother.objects.filter(user=user("finance")).exists()
    assert user("finance").check_password(KNOWN)
    assert [message.to for message in mail.outbox] == [[who("finance").email]]


def test_a_password_set_in_a_session_past_the_page_keeps_the_mark(known):
    row = user("finance")
    with acting_as(Actor.of_user(row, "admin", interactive=True)):
        row.set_password(OWN)
        row.save()
    assert accounts.why_not_theirs(user("finance"))
    said = (
        ChangeLogEntry.objects.filter(entity="auth.user", entity_id=str(row.pk))
        .latest("pk")
        .payload.body["to"]
    )
    assert said == "set in a session, of which Dora Klein knew it"


def test_whoever_opens_the_link_sets_a_password_that_nobody_knew_and_it_works_once(known):
    assert "on its way to f…@demo.example" in ask(known).content.decode()
    (message,) = mail.outbox
    assert set_by_link(link_of(message)).status_code == 302
    assert accounts.why_not_theirs(user("finance")) is None
    assert user("finance").check_password(OWN)
    assert known.get(reverse("admin:index")).status_code == 302  # who knew the old one is logged out
    again = set_by_link(link_of(message), "another-one-2026")
    assert "does not hold any more" in again.content.decode()
    told = ChangeLogEntry.objects.filter(entity="auth.user", entity_id=str(user("finance").pk)).order_by("pk")
    assert [row.payload.body["to"] for row in told][-2:] == [
        f"a link to set it was sent to {who('finance').email}", "set by its owner",
    ]  # fmt: skip


def test_a_link_ends_when_the_password_or_the_address_changes(known):
    ask(known)
    with acting_as(Actor.system("Test")):
        person = who("finance")
        person.email = "fiona@demo.example"
        person.save()
    assert "does not hold any more" in set_by_link(link_of(mail.outbox[0])).content.decode()


def test_by_an_account_that_others_may_know_nobody_moves_the_address_alone(known):
    person = who("finance")
    with acting_as(Actor.of_user(user("finance"), "admin", interactive=True)) as acting:
        person.email = "mine@example.com"
        with pytest.raises(Exception, match="A second person has to agree"):
            person.save()
    assert acting and Person.objects.get(pk=person.pk).email == "finance@demo.example"


def test_an_account_that_is_proved_for_one_is_proved_anew_for_another_and_for_two_never(demo):
    """Somebody proves an account for a person of theirs, and links it to another one later."""
    row = user("sales")
    assert accounts.why_not_theirs(row) is None
    save_page("exec", who("legal"), accounts=[user("legal").pk, row.pk])
    assert answer("deputy", GuardedChange.objects.get(), "approve").json()["state"] == "approved"
    assert accounts.why_not_theirs(row).startswith("Elena Rossi has set the password of Sara Lind, linked")
    client = Client()
    client.force_login(row)
    told = ask(client).content.decode()
    assert "not that of exactly one person" in told
    assert mail.outbox == []


def test_where_no_mail_goes_out_an_own_password_is_set_on_the_page(known, settings):
    settings.GTM_OWN_PASSWORD_BY_MAIL = False
    form = {"old_password": KNOWN, "new_password1": OWN, "new_password2": OWN}
    assert known.post(reverse("own_password"), form).status_code == 302
    assert accounts.why_not_theirs(user("finance")) is None


def test_home_says_first_of_all_that_the_password_is_known_to_another(known):
    page = known.get(reverse("admin:index")).content.decode()
    assert page.index("Set a password of your own") < page.index("Waiting for me (")
    ask(known)
    set_by_link(link_of(mail.outbox[0]))
    client = Client()
    assert client.login(username="finance", password=OWN)
    assert "Set a password of your own" not in client.get(reverse("admin:index")).content.decode()
