"""The demo's launch material: message templates and the profile of Customer Advocates."""

from __future__ import annotations

from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from programs.models import Asset, Channel, LaunchProfile, MessageTemplate, Program

# key, asset, channel, title, utm_source, utm_medium, subject
TEMPLATES = (
    ("launch-email", Asset.LAUNCH_EMAIL, Channel.EMAIL, "Launch e-mail", "crm", "email",
     "{{ program.name }}: {{ copy.reward }} for every recommendation"),
    ("in-app-prompt", Asset.IN_APP_PROMPT, Channel.IN_APP, "In-app prompt", "product", "in-app", ""),
    ("social-linkedin", Asset.SOCIAL_POST, Channel.SOCIAL, "Post on LinkedIn", "linkedin", "social", ""),
    ("social-x", Asset.SOCIAL_POST, Channel.SOCIAL, "Post on X", "x", "social", ""),
    ("landing-page", Asset.LANDING_PAGE, Channel.EVERY, "Landing page", "landing-page", "web", ""),
    ("partner-kit", Asset.PARTNER_KIT, Channel.PARTNER, "Partner kit", "partner", "partner", ""),
    ("support-script", Asset.SUPPORT_SCRIPT, Channel.EVERY, "Support script", "support", "support", ""),
    ("faq", Asset.FAQ, Channel.EVERY, "FAQ", "help-centre", "support", ""),
    ("help-article", Asset.HELP_ARTICLE, Channel.EVERY, "Refer a colleague", "help-centre", "support", ""),
)  # fmt: skip
PREHEADER = "Your personal link: {{ copy.friend_reward }} for them, {{ copy.reward }} for you."
TOKENS = {
    "first_name": "*|FNAME|*",
    "code": "*|REFCODE|*",
    "unsubscribe": "*|UNSUB|*",
}
"""As Mailchimp writes what it fills in."""
PERSONAS = {"launch-email": ("champions", "{{ program.name }}: you first")}
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
    for key, asset, channel, title, source, medium, subject in TEMPLATES:
        told = {
            "asset": asset,
            "channel": channel,
            "title": title,
            "utm_source": source,
            "utm_medium": medium,
        }
        _template(key, "", subject, told)
        if key in PERSONAS:
            segment, words = PERSONAS[key]
            _template(key, segment, words, told)
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


def _template(key: str, segment: str, subject: str, told: dict[str, Any]) -> None:
    if MessageTemplate.objects.filter(
        program_kind="referral", key=key, segment=segment, locale="en"
    ).exists():
        return
    stem = f"{key}.{segment}" if segment else key
    words = {"html": _words(f"{stem}.html"), "text": _words(f"{stem}.txt") or _words(f"{stem}.md")}
    preheader = PREHEADER if told["asset"] == Asset.LAUNCH_EMAIL else ""
    _save(MessageTemplate(key=key, segment=segment, subject=subject, preheader=preheader, **told, **words))


def _words(name: str) -> str:
    file = resources.files("plans.demo") / "messages" / name
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _save(row: Any) -> Any:
    row.full_clean()
    row.save()
    return row
