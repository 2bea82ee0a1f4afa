"""The demo's launch material: message templates and the profile of Customer Advocates."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from plans.standard import message_templates
from plans.standard.message_templates import TEMPLATES
from programs.models import LaunchProfile, Program

TOKENS = {
    "first_name": "*|FNAME|*",
    "code": "*|REFCODE|*",
    "unsubscribe": "*|UNSUB|*",
}
"""As Mailchimp writes what it fills in."""
COPY = {
    "reward": "€50 of credit",
    "friend_reward": "a month free",
    "steps": [
        "Copy your personal link.",
        "Send it to a colleague.",
        "When they become a customer, both are rewarded.",
    ],
    "payout_rule": "30 days after the colleague's first payment.",
    "support_email": "advocates@demo.example",
    "postal_address": "Customer Advocates, 1 Market Street, San Francisco, CA 94105, USA",
    "terms_note": "One reward for each new customer; nobody refers themselves.",
}


def load(program: Program) -> None:
    """Templates and profile; what is there stays as it is."""
    message_templates.load()
    if not LaunchProfile.objects.filter(program=program).exists():
        _save(
            LaunchProfile(
                program=program,
                vocabulary={
                    "utm_source": sorted({row[4] for row in TEMPLATES}),
                    "utm_medium": sorted({row[5] for row in TEMPLATES}),
                },
                copy=COPY,
                tokens=TOKENS,
                **_site(program),
            )
        )


def _site(program: Program) -> dict[str, Any]:
    """The landing page that this installation stages, or one that nobody can visit."""
    if not settings.GTM_STAGE_LANDING_PAGES:
        site = "https://advocates.demo.example"
        return {"landing_url": f"{site}/join", "destinations": {"terms": f"{site}/terms"}}
    landing = f"{settings.GTM_BASE_URL}{reverse('staged_landing_page', args=[program.slug])}"
    host = urlsplit(landing).netloc
    return {"landing_url": landing, "destinations": {"terms": f"{landing}#terms"}, "allowed_hosts": [host]}


def _save(row: Any) -> Any:
    row.full_clean()
    row.save()
    return row
