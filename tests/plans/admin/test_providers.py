"""Sign-in at a provider: real HTTP and real signatures, and every token that is to open nothing."""

import time
from urllib.parse import urlsplit

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import NoReverseMatch, reverse

from gtm.core import sign_in
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.identity import proof
from gtm.core.identity.providers.configured import providers_of
from gtm.core.models import AccountMail, PasswordOfAnother, SignIn
from programs.models import Person
from tests.doors import token_of, url, user
from tests.factories import round_of
from tests.oidc_provider import OidcProvider
from tests.plans.admin.test_second_factor import rows_of
from tests.plans.admin.test_second_person import administrator, two
from tests.second_factor import add_app, is_in, shows

__all__ = ["administrator", "two"]


@pytest.fixture(scope="module")
def server():
    found = OidcProvider()
    yield found
    found.close()


@pytest.fixture
def provider(server, settings, site):
    server.person = {"sub": "subject-1", "email": address(), "email_verified": True}
    server.claims, server.signed_by, server.algorithm, server.answer_with, server.names = (
        {},
        None,
        "RS256",
        {},
        {},
    )
    server.asked.clear()
    configure(settings, server)
    return server


def configure(settings, server, **more):
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [server.app(**more)]}}


def address(username="finance"):
    return Person.objects.get(accounts=user(username)).email


def follow(client, answer):
    """To the provider and back, as a browser does."""
    assert answer.status_code == 302, answer.content.decode()[:500]
    back = requests.get(answer.url, allow_redirects=False, timeout=10)
    place = urlsplit(back.headers["Location"])
    return client.get(f"{place.path}?{place.query}")


def sign_in_there(client=None, onward="", remote="10.0.0.1"):
    client = client or Client(REMOTE_ADDR=remote)
    page = reverse("provider_login", args=["works"])
    answer = follow(client, client.get(f"{page}?next={onward}" if onward else page))
    return client, answer


# ------------------------------------------------------------------ who gets in


def test_a_verified_address_on_record_opens_the_account_that_somebody_has_made(provider):
    shown = Client().get(reverse("admin:login")).content.decode()
    assert "Sign in at Works" in shown
    client, answer = sign_in_there(onward=reverse("admin:plans_inbox"))
    assert (is_in(client), answer.url) == (True, reverse("admin:plans_inbox"))
    assert client.session["_auth_user_id"] == str(user("finance").pk)
    asked = provider.asked[-1]
    assert (asked["response_type"], asked["code_challenge_method"], len(asked["nonce"])) == (
        "code",
        "S256",
        40,
    )
    row = SignIn.objects.get(door=sign_in.PROVIDER)
    assert (row.outcome, row.user, row.address) == ("in", user("finance"), "10.0.0.1")
    (said,) = rows_of("sign-in at a provider")
    assert said == f"works: linked by the verified address {address()}"
    assert AccountMail.objects.filter(subject="Sign-in at a provider has changed").exists()


def test_from_then_on_the_subject_counts_and_not_the_address(provider):
    sign_in_there()
    provider.person = {"sub": "subject-1", "email": address("legal"), "email_verified": True}
    client, _ = sign_in_there()
    assert client.session["_auth_user_id"] == str(user("finance").pk)
    provider.person = {"sub": "subject-2", "email": address(), "email_verified": True}
    client, answer = sign_in_there()
    assert (is_in(client), answer.status_code) == (False, 403)
    assert "linked to somebody else" in answer.content.decode()


@pytest.mark.parametrize(
    "person",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": None},
        {"email": "nobody@elsewhere.example"},
        {"sub": None},
        {"sub": ""},
    ],
    ids=str,
)
def test_nobody_takes_an_account_over(provider, person):
    provider.claims = person
    client, answer = sign_in_there()
    assert (is_in(client), answer.status_code) == (False, 403)
    assert not SocialAccount.objects.exists()
    assert SignIn.objects.get(door=sign_in.PROVIDER).outcome == "wrong"


def test_a_provider_speaks_for_its_own_addresses_alone(provider, settings):
    configure(settings, provider, domains=["works.example"])
    assert sign_in_there()[1].status_code == 403
    configure(settings, provider, domains=[address().rpartition("@")[2].lower()])
    assert is_in(sign_in_there()[0])


def test_an_address_of_several_accounts_opens_none(provider):
    with acting_as(Actor.system("Test")):
        Person.objects.get(accounts=user("finance")).accounts.add(user("deputy"))
    client, answer = sign_in_there()
    assert not is_in(client)
    assert "Several accounts" in answer.content.decode()


def test_a_closed_account_stays_closed(provider):
    sign_in_there()
    get_user_model().objects.filter(pk=user("finance").pk).update(is_active=False)
    assert not is_in(sign_in_there()[0])


def test_nobody_makes_an_account_unless_the_site_says_so_and_then_it_has_no_right(provider, settings):
    provider.person = {"sub": "new", "email": "new@works.example", "email_verified": True}
    before = get_user_model().objects.count()
    assert sign_in_there()[1].status_code == 403
    assert get_user_model().objects.count() == before
    settings.GTM_OIDC_MAKES_ACCOUNTS = True
    client, answer = sign_in_there()
    assert (is_in(client), "may not use this site yet" in answer.content.decode()) == (False, True)
    made = get_user_model().objects.get(username="new@works.example")
    assert not (made.is_staff or made.is_superuser or made.groups.exists() or made.user_permissions.exists())
    assert not made.has_usable_password()


def test_no_page_of_allauth_signs_up_or_links(provider):
    for name in ("socialaccount_signup", "socialaccount_connections", "openid_connect_login"):
        with pytest.raises(NoReverseMatch):
            reverse(name, kwargs={"provider_id": "works"} if name == "openid_connect_login" else None)


# ------------------------------------------------------------------ tokens that open nothing


class FromNow(int):
    """Seconds from now: a test means them as it runs, and is named the same whenever it is collected."""


def at_once(claims):
    return {
        name: int(time.time()) + value if isinstance(value, FromNow) else value
        for name, value in claims.items()
    }


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another-site"},
        {"aud": ["gtm", "another-site"]},
        {"aud": ["gtm", "another-site"], "azp": "another-site"},
        {"azp": "another-site"},
        {"nonce": "another-sign-in"},
        {"nonce": None},
        {"exp": FromNow(-3600)},
        {"exp": None},
        {"iat": FromNow(-7200)},
        {"iat": FromNow(7200)},
        {"iat": None},
        {"nbf": FromNow(7200)},
    ],
    ids=str,
)
def test_a_token_of_another_time_place_or_sign_in_opens_nothing(provider, claims):
    provider.claims = at_once(claims)
    client, answer = sign_in_there()
    assert (is_in(client), answer.status_code) == (False, 403)


def test_a_token_signed_by_somebody_else_opens_nothing(provider):
    provider.signed_by = provider.other
    assert not is_in(sign_in_there()[0])


@pytest.mark.parametrize(
    ("algorithm", "key"), [("none", ""), ("HS256", "a secret of the client, made long enough")]
)
def test_a_token_that_anybody_can_sign_opens_nothing(provider, algorithm, key):
    provider.algorithm, provider.signed_by = algorithm, key
    client, answer = sign_in_there()
    assert (is_in(client), "proves nothing here" in answer.content.decode()) == (False, True)


def test_an_issuer_that_calls_itself_another_is_not_believed(provider):
    provider.names = {"issuer": "https://elsewhere.example"}
    client = Client()
    assert client.get(reverse("provider_login", args=["works"])).status_code == 403


def test_an_answer_to_what_this_browser_has_not_asked_opens_nothing(provider):
    """Whoever sends a victim the answer to their own sign-in does not have it accepted."""
    asked = Client().get(reverse("provider_login", args=["works"]))
    back = urlsplit(requests.get(asked.url, allow_redirects=False, timeout=10).headers["Location"])
    victim = Client()
    assert victim.get(f"{back.path}?{back.query}").status_code == 403
    assert not is_in(victim)


def test_an_answer_is_accepted_once(provider):
    client = Client()
    asked = client.get(reverse("provider_login", args=["works"]))
    back = urlsplit(requests.get(asked.url, allow_redirects=False, timeout=10).headers["Location"])
    client.get(f"{back.path}?{back.query}")
    assert is_in(client)
    assert client.get(f"{back.path}?{back.query}").status_code == 403


def test_a_refusal_there_and_a_provider_that_is_down_are_told(provider, settings):
    provider.answer_with = {"error": "access_denied"}
    assert "not been signed in" in sign_in_there()[1].content.decode()
    app = provider.app() | {"settings": provider.app()["settings"] | {"server_url": "http://127.0.0.1:1"}}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    answer = Client().get(reverse("provider_login", args=["works"]))
    assert (answer.status_code, "did not answer" in answer.content.decode()) == (403, True)
    assert Client().get(reverse("provider_login", args=["unknown"])).status_code == 404


def test_a_thousand_answers_that_are_none_and_then_the_address_waits(provider, client):
    page, answers = reverse("openid_connect_callback", args=["works"]), []
    for number in range(sign_in.OF_ADDRESS + 20):
        answers.append(Client(REMOTE_ADDR="10.6.6.6").get(f"{page}?state={number}&code=x").status_code)
    assert answers == [403] * sign_in.OF_ADDRESS + [429] * 20
    assert is_in(sign_in_there(remote="10.6.6.7")[0])
    assert client.get("/healthz").status_code == 200


# ------------------------------------------------------------------ second factors and decisions


@pytest.fixture
def without_password(provider, settings):
    settings.GTM_SECOND_FACTOR = True
    finance = user("finance")
    finance.set_unusable_password()
    with acting_as(Actor.system("Test")):
        finance.save()


def decide(client, approval):
    body = {"decision": "approve", "comment": "Fits.", "scope_sha256": approval.scope_sha256}
    return client.post(url(f"approvals/{approval.pk}/decide/"), body, content_type="application/json")


def test_a_second_factor_of_the_provider_counts_by_configuration_alone(
    asked, without_password, provider, settings
):
    approval = round_of(asked)
    provider.claims = {"amr": ["pwd", "mfa"], "acr": "urn:high"}
    client, _ = sign_in_there()
    follow(client, client.get(reverse("provider_prove")))
    refused = decide(client, approval)
    assert (refused.status_code, refused.json().get("second_factor")) == (403, True)
    for counting in (["amr:hwk"], ["acr:urn:low"]):
        configure(settings, provider, second_factor=counting)
        client, _ = sign_in_there()
        follow(client, client.get(reverse("provider_prove")))
        assert decide(client, approval).status_code == 403
    configure(settings, provider, second_factor=["amr:mfa"])
    client, _ = sign_in_there()
    follow(client, client.get(reverse("provider_prove")))
    assert decide(client, approval).status_code == 200
    assert approval.decisions.get().evidence["second_factor"] == "sign-in at works (amr:mfa)"


def test_who_has_no_password_is_asked_anew_at_the_provider_before_each_decision(
    asked, without_password, provider, settings
):
    configure(settings, provider, second_factor=["amr:mfa"])
    provider.claims = {"amr": ["mfa"]}
    approval = round_of(asked)
    page = reverse("admin:plans_approval_change", args=[approval.pk])
    client, _ = sign_in_there()
    assert decide(client, approval).status_code == 403
    shown = client.get(page).content.decode()
    assert "Confirm who I am" in shown
    assert 'id="decide"' not in shown
    back = follow(client, client.get(f"{reverse('provider_prove')}?next={page}"))
    assert back.url == page
    asked_there = provider.asked[-1]
    assert (asked_there["prompt"], asked_there["max_age"]) == ("login", "0")
    assert 'id="decide"' in client.get(page).content.decode()
    body = {"decision": "approve", "comment": "Fits.", "scope_sha256": approval.scope_sha256}
    client.post(page, body)
    assert approval.decisions.count() == 1
    assert proof.KEPT not in client.session, "one proof, one decision"


@pytest.mark.parametrize(
    "claims", [{"auth_time": FromNow(-4000)}, {"auth_time": None}, {"auth_time": "x"}], ids=str
)
def test_a_provider_that_did_not_ask_anew_proves_nothing(asked, without_password, provider, claims):
    client, _ = sign_in_there()
    provider.claims = at_once(claims)
    answer = follow(client, client.get(reverse("provider_prove")))
    assert answer.status_code == 403
    assert proof.KEPT not in client.session


def test_somebody_else_at_the_provider_proves_nothing(asked, without_password, provider):
    client, _ = sign_in_there()
    provider.person = {"sub": "subject-9", "email": address("legal"), "email_verified": True}
    answer = follow(client, client.get(reverse("provider_prove")))
    assert (answer.status_code, "Somebody else" in answer.content.decode()) == (403, True)
    assert client.session["_auth_user_id"] == str(user("finance").pk)
    assert proof.KEPT not in client.session


def test_who_has_no_password_adds_a_factor_after_proving_it_at_the_provider(without_password, provider):
    client, _ = sign_in_there()
    session = client.session
    session["account_authentication_methods"] = [
        {**record, "at": record["at"] - 4000} for record in session["account_authentication_methods"]
    ]
    session.save()
    asked = client.get(reverse("mfa_activate_totp"), follow=False)
    assert reverse("provider_prove") in asked.url
    follow(client, client.get(asked.url))
    assert client.get(reverse("mfa_activate_totp")).status_code == 200


def test_a_factor_of_this_site_is_still_asked_for(provider):
    secret = add_app("finance")
    client, answer = sign_in_there()
    assert (is_in(client), answer.url) == (False, reverse("mfa_authenticate"))
    client.post(reverse("mfa_authenticate"), {"code": shows(secret)})
    assert is_in(client)


def test_an_account_without_a_password_is_known_to_nobody(administrator, provider):
    """A steward makes it, and there is no password that the steward could know."""
    steward = Actor.of_user(user("exec"), ADMIN, interactive=True)
    with acting_as(steward):
        made = get_user_model().objects.create_user("by-provider", password=None)
    assert not PasswordOfAnother.objects.filter(user=made).exists()


def test_sessions_of_a_provider_end_there_too(provider):
    client, _ = sign_in_there()
    ended = client.post(reverse("admin:logout"))
    assert ended.url.startswith(f"{provider.issuer}/end?client_id=gtm&post_logout_redirect_uri=")
    assert not is_in(client)
    plain = Client()
    plain.force_login(user("ops"))
    assert plain.post(reverse("admin:logout")).status_code == 200
    assert not is_in(plain)


def test_somebody_who_manages_accounts_unlinks_one(administrator, provider):
    sign_in_there()
    client = Client()
    client.force_login(user(administrator))
    page = reverse("admin:auth_user_unlink_provider", args=[user("finance").pk])
    client.post(page, {"answered": "1", "reason": "A new identity at the provider."})
    assert not SocialAccount.objects.exists()
    assert rows_of("sign-in at a provider")[-1] == "works: unlinked"
    provider.person |= {"sub": "subject-2"}
    assert is_in(sign_in_there()[0])


def test_a_token_is_no_way_to_the_provider_and_a_service_has_no_account_there(provider):
    token_of("finance")
    client = Client(headers={"authorization": "Token x"})
    assert client.get(reverse("provider_prove")).status_code == 302


# ------------------------------------------------------------------ settings


def test_providers_are_read_from_the_environment_and_what_lacks_is_named():
    told = {
        "GTM_OIDC_OKTA_ISSUER": "https://works.okta.example",
        "GTM_OIDC_OKTA_CLIENT_ID": "gtm",
        "GTM_OIDC_OKTA_DOMAINS": "Works.example, works.test",
        "GTM_OIDC_OKTA_SECOND_FACTOR": "amr:mfa acr:urn:high",
    }
    found = providers_of(["okta"], lambda name, default: told.get(name, default))
    (app,) = found["openid_connect"]["APPS"]
    assert app["settings"]["domains"] == ["works.example", "works.test"]
    assert app["settings"]["second_factor"] == ["amr:mfa", "acr:urn:high"]
    assert (app["name"], providers_of([], told.get)) == ("Okta", {})
    with pytest.raises(ImproperlyConfigured, match="GTM_OIDC_AZURE_ISSUER"):
        providers_of(["azure"], lambda name, default: default)
    with pytest.raises(ImproperlyConfigured, match="small letters"):
        providers_of(["a b"], lambda name, default: default)
