"""Templates of launch communications: data with history, so that marketing edits words and nobody deploys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from gtm.core.governed import GovernedModel
from programs.analytics.templating import Template, TemplatingError, variables_of
from programs.models.program import ProgramKind


class Channel(models.TextChoices):
    """Where a launch is promoted; ``EVERY`` goes into each kit, whichever channels are chosen."""

    EMAIL = "email", "E-mail"
    IN_APP = "in-app", "In-app"
    SOCIAL = "social", "Social media"
    PARTNER = "partner", "Partners"
    EVERY = "every", "Every launch"


class Asset(models.TextChoices):
    LAUNCH_EMAIL = "launch-email", "Launch e-mail"
    IN_APP_PROMPT = "in-app-prompt", "In-app prompt"
    SOCIAL_POST = "social-post", "Social post"
    LANDING_PAGE = "landing-page", "Landing page"
    PARTNER_KIT = "partner-kit", "Partner kit"
    SUPPORT_SCRIPT = "support-script", "Support script"
    FAQ = "faq", "FAQ"
    HELP_ARTICLE = "help-article", "Help centre article"


BY_PERSONA = frozenset({Asset.LAUNCH_EMAIL, Asset.IN_APP_PROMPT, Asset.SOCIAL_POST, Asset.LANDING_PAGE})
"""Assets that speak to participants, so that their words may differ by persona."""


class MessageTemplate(GovernedModel):
    """The words of one asset in one language; ``version`` counts its changes, the history keeps each text.

    A template with a ``segment`` takes the place of the general one for that persona.
    """

    program_kind = models.CharField(
        max_length=20, choices=ProgramKind.choices, default=ProgramKind.REFERRAL.value
    )
    key = models.SlugField(max_length=60, help_text="Names the file in the kit, e.g. social-linkedin")
    asset = models.CharField(max_length=20, choices=Asset.choices)
    channel = models.CharField(max_length=20, choices=Channel.choices)
    segment = models.SlugField(max_length=60, blank=True, help_text="A persona; empty: everybody")
    locale = models.CharField(max_length=10, default="en", help_text="BCP 47, e.g. en, de-AT")
    title = models.CharField(max_length=120)
    subject = models.CharField(max_length=200, blank=True, help_text="E-mail only; may use variables")
    preheader = models.CharField(
        max_length=200,
        blank=True,
        help_text="E-mail only, shown beside the subject; may use variables",
    )
    html = models.TextField("HTML", blank=True)
    text = models.TextField(blank=True, help_text="Plain text, or Markdown for documents")
    utm_source = models.CharField(max_length=60, help_text="Lower case, e.g. crm, linkedin")
    utm_medium = models.CharField(max_length=60, help_text="Lower case, e.g. email, social")
    is_active = models.BooleanField(default=True, help_text="Only active templates go into new kits")

    class Meta:
        ordering = ["program_kind", "channel", "key", "segment", "locale"]
        constraints = [
            models.UniqueConstraint(
                fields=["program_kind", "key", "segment", "locale"], name="message_template_one_per_persona"
            )
        ]

    def __str__(self) -> str:
        persona = f" for {self.segment}" if self.segment else ""
        return f"{self.title}{persona} ({self.locale}, v{self.version})"

    def clean(self) -> None:
        """Refuse what no kit could hold: no words, bad syntax, an e-mail in one form only."""
        wrong: dict[str, list[str]] = {}
        if not self.html.strip() and not self.text.strip():
            wrong["text"] = ["A template needs HTML or text."]
        if self.asset == Asset.LAUNCH_EMAIL:
            for name in ("subject", "preheader", "html", "text"):
                if not getattr(self, name).strip():
                    wrong[name] = ["An e-mail needs a subject, a preheader, HTML and text."]
        for name, source in self.parts().items():
            try:
                variables_of(Template(name, source, {}))
            except TemplatingError as error:
                wrong.setdefault(name, []).extend(error.problems)
        for name in ("utm_source", "utm_medium"):
            value = getattr(self, name)
            if value != value.strip().lower():
                wrong[name] = ["Tags are lower case, without white space around."]
        if wrong:
            raise ValidationError(wrong)

    def parts(self) -> dict[str, str]:
        """The Jinja sources that are there, by field."""
        return {
            name: getattr(self, name)
            for name in ("subject", "preheader", "html", "text")
            if getattr(self, name).strip()
        }

    def facts(self) -> Mapping[str, Any]:
        """What a plan keeps of a template: all its words, and the version they are of."""
        names = ("key", "asset", "channel", "segment", "title", "subject", "preheader", "html", "text",
                 "utm_source", "utm_medium", "version")  # fmt: skip
        return {name: getattr(self, name) for name in names}
