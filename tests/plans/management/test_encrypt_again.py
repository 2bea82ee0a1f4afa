"""A new SECRET_KEY: what was encrypted is read with both, after ``encrypt_again`` with the new one alone."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model
from django.test import Client

from gtm.core import encrypted
from gtm.core.actors import Actor, acting_as
from plans.engine.webhooks import signing
from plans.models import WebhookSecret, WebhookSubscription
from tests.doors import manage

EARLIER, TODAY = "the earlier key, long enough to be one", "the key of today, long enough to be one"
SEED = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def account(db, settings):
    """Somebody with an app, logged in, and a secret of a webhook, all under the earlier key."""
    settings.SECRET_KEY = EARLIER
    user = get_user_model().objects.create_superuser("root", password="not a common word 7")
    TOTP.activate(user, SEED)
    with acting_as(Actor.system("Test")):
        subscription = WebhookSubscription(name="ours", url="https://example.com/in", owner=user)
        subscription.save()
    ciphertext = encrypted.encrypt("whsec_x", purpose=signing.PURPOSE)
    WebhookSecret.objects.create(subscription=subscription, ciphertext=ciphertext)
    client = Client()
    client.force_login(user)
    return client


def read() -> tuple[str, str]:
    """The secret of the app and that of the webhook, as the site reads them now."""
    app, secret = Authenticator.objects.get(), WebhookSecret.objects.get()
    return (
        encrypted.decrypt(app.data["secret"], purpose="gtm.core.identity"),
        encrypted.decrypt(secret.ciphertext, purpose=signing.PURPOSE),
    )


def test_the_earlier_key_is_needed_until_everything_is_encrypted_again(account, settings):
    settings.SECRET_KEY = TODAY
    with pytest.raises(encrypted.KeyGone):
        read()
    status, said = manage("encrypt_again")
    assert status and "SECRET_KEY_FALLBACKS" in said
    settings.SECRET_KEY_FALLBACKS = [EARLIER]
    assert read() == (SEED, "whsec_x")
    assert account.get("/").status_code == 200, "who is logged in stays so"
    status, said = manage("encrypt_again")
    assert status == 0 and said.startswith("1 second factors and 1 secrets of webhooks")
    settings.SECRET_KEY_FALLBACKS = []
    assert read() == (SEED, "whsec_x")
