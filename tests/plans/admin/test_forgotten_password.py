"""A forgotten password: the page tells nobody which accounts there are, and a mailbox is not enough."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from gtm.core import account_mail, sign_in
from gtm.core.models import AccountMail, ChangeLogPayload
from programs.models import Person
from tests.doors import user
from tests.second_factor import add_app, is_in, shows, with_code, with_password

PAGE = reverse("forgotten_password")
NEW = "a long and new pass phrase"


@pytest.fixture(autouse=True)
def _sends_mail(settings):
    settings.GTM_OWN_PASSWORD_BY_MAIL = True


def ask(username, address="10.0.0.1"):
    answer = Client(REMOTE_ADDR=address).post(PAGE, {"username": username})
    return answer.status_code, re.sub(r'value="[^"]*"', "", answer.content.decode())


def links():
    account_mail.deliver()
    found = [re.search(r"/own_password/\S+", message.body) for message in mail.outbox]
    return [match.group() for match in found if match]


def set_by(link):
    client = Client()
    form = client.get(link, follow=True)
    at = form.redirect_chain[-1][0] if form.redirect_chain else link
    client.post(at, {"new_password1": NEW, "new_password2": NEW})


def test_the_link_goes_to_the_owner_and_sets_a_password_once(site):
    assert ask("finance")[0] == 200
    (link,) = links()
    assert mail.outbox[0].to == [Person.objects.get(accounts=user("finance")).email]
    assert not AccountMail.objects.exclude(body="").exists(), "what was sent keeps no link"
    set_by(link)
    assert is_in(with_password("finance", password=NEW))
    assert "does not hold any more" in Client().get(link, follow=True).content.decode()
    rows = ChangeLogPayload.objects.filter(body__field="password", body__object="user finance")
    assert "a link to set it was sent" in rows.order_by("pk").first().body["to"]


def test_the_answer_is_the_same_for_a_name_that_nobody_has(site):
    assert ask("finance") == ask("nobody-here")
    assert len(links()) == 1


def test_a_second_factor_is_still_asked_for(site):
    secret = add_app("finance")
    ask("finance")
    set_by(links()[0])
    assert not is_in(with_password("finance", password=NEW))
    client = with_password("finance", password=NEW)
    client.post(reverse("mfa_authenticate"), {"code": shows(secret)})
    assert is_in(client)
    assert not is_in(with_code("finance", shows(secret, later=1))), "the old password is gone"


def test_nobody_floods_a_mailbox_or_the_site(site):
    answers = [ask("finance", "10.9.9.9")[0] for _ in range(sign_in.LINKS_OF_ADDRESS + 5)]
    assert answers == [200] * sign_in.LINKS_OF_ADDRESS + [429] * 5
    assert len(links()) == 1
    assert is_in(with_password("finance", "10.9.9.8")), "asking is no wrong password"


def test_where_the_site_sends_no_mail_the_page_says_whom_to_ask(site, settings):
    settings.GTM_OWN_PASSWORD_BY_MAIL = False
    assert "sends no mail" in ask("finance")[1]
    assert links() == []
