"""A receiver outside, and somebody who subscribed it."""

import pytest
from django.contrib.auth.models import Permission

from plans.engine.webhooks import signing
from plans.models import WebhookSubscription
from tests.factories import UserFactory
from tests.plans.engine.webhooks.receiver import receiving


def make_owner():
    owner = UserFactory()
    owner.user_permissions.add(*Permission.objects.filter(codename__in=["view_plan", "manage_webhooks"]))
    return owner


def subscribe(site, settings, **fields):
    """A subscription of a receiver, which now knows the secret."""
    settings.GTM_PRIVATE_WEBHOOK_HOSTS = {site.host}
    given = {"name": "crm", "url": site.url, "owner": make_owner()} | fields
    row = WebhookSubscription(**given)
    row.clean()
    row.save()
    site.secrets.append(signing.make(row))
    return row


@pytest.fixture
def receiver():
    with receiving() as site:
        yield site


@pytest.fixture
def subscribed(acting, receiver, settings, time):
    """Give a function that subscribes the receiver, a second after all that was before."""

    def now(**fields):
        time.pass_time(seconds=1)
        return subscribe(receiver, settings, **fields)

    return now


@pytest.fixture
def subscription(subscribed):
    return subscribed()
