"""The history page tells what moved in words, whatever the field holds."""

import pytest
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from programs.models import Approver
from tests.doors import built, site, user

__all__ = ["built", "site"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("program_kinds", ["loyalty", "referral"], "loyalty, referral"),
        ("is_active", False, "no"),
    ],
)
def test_a_change_is_told_without_brackets(client, site, field, value, words):
    row = {"program_kinds": Approver.objects.first(), "is_active": Approver.objects.first().person}[field]
    setattr(row, field, value)
    with acting_as(Actor.system("Test")):
        row.save()
    client.force_login(user("admin"))
    page = client.get(
        reverse(f"admin:programs_{row._meta.model_name}_history", args=[row.pk])
    ).content.decode()
    assert f'<ins class="g-ins">{words}</ins>' in page
