"""The standard message templates of referral launches: the words that every installation begins with."""

from __future__ import annotations

from importlib import resources
from typing import Any

from programs.models import Asset, Channel, MessageTemplate

# key, asset, channel, title, utm_source, utm_medium, subject
TEMPLATES = (
    ("launch-email", Asset.LAUNCH_EMAIL, Channel.EMAIL, "Launch e-mail", "crm", "email",
     "{{ program.name }}: {{ copy.reward }} for each new customer you bring"),
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
PERSONAS = {"launch-email": ("champions", "{{ program.name }}: you first")}


def load() -> None:
    """Every template that is not there yet; those that people have edited are left alone."""
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


def _template(key: str, segment: str, subject: str, told: dict[str, Any]) -> None:
    if MessageTemplate.objects.filter(
        program_kind="referral", key=key, segment=segment, locale="en"
    ).exists():
        return
    stem = f"{key}.{segment}" if segment else key
    words = {"html": _words(f"{stem}.html"), "text": _words(f"{stem}.txt") or _words(f"{stem}.md")}
    preheader = PREHEADER if told["asset"] == Asset.LAUNCH_EMAIL else ""
    row = MessageTemplate(key=key, segment=segment, subject=subject, preheader=preheader, **told, **words)
    row.full_clean()
    row.save()


def _words(name: str) -> str:
    file = resources.files("plans.standard") / "messages" / name
    return file.read_text(encoding="utf-8") if file.is_file() else ""
