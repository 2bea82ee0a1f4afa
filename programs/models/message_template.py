"""Templates of launch communications: data with history, so that marketing edits words and nobody deploys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from gtm.core.governed import GovernedModel
from programs.analytics.templating import Template, TemplatingError, variables_of
from programs.models.program import ProgramKind
from programs.models.runbook import Runbook


class Channel(models.TextChoices):
    """Where the shipped templates promote a launch; ``EVERY`` goes into each kit, whatever its channels.

    A template may name any channel that has a runbook.
    """

    EMAIL = "email", "E-mail"
    IN_APP = "in-app", "In-app"
    SOCIAL = "social", "Social media"
    PARTNER = "partner", "Partners"
    EVERY = "every", "Every launch"


class Asset(models.TextChoices):
    """The kinds of the shipped templates; a template may be of another kind, and say which form it has."""

    LAUNCH_EMAIL = "launch-email", "Launch e-mail"
    IN_APP_PROMPT = "in-app-prompt", "In-app prompt"
    SOCIAL_POST = "social-post", "Social post"
    LANDING_PAGE = "landing-page", "Landing page"
    PARTNER_KIT = "partner-kit", "Partner kit"
    SUPPORT_SCRIPT = "support-script", "Support script"
    FAQ = "faq", "FAQ"
    HELP_ARTICLE = "help-article", "Help centre article"


class Form(models.TextChoices):
    """What a piece is, whatever its kind is called: which rules hold for it, and whether personas differ."""

    MAIL = "mail", "E-mail: subject, preheader, HTML and text"
    MESSAGE = "message", "Message or post to participants"
    PAGE = "page", "Web page on our own site"
    DOCUMENT = "document", "Document for teams or partners, in Markdown"


FORMS = {
    Asset.LAUNCH_EMAIL: Form.MAIL,
    Asset.LANDING_PAGE: Form.PAGE,
    **dict.fromkeys([Asset.PARTNER_KIT, Asset.SUPPORT_SCRIPT, Asset.FAQ, Asset.HELP_ARTICLE], Form.DOCUMENT),
}
TO_PARTICIPANTS = frozenset({Form.MAIL, Form.MESSAGE, Form.PAGE})
"""Their words may differ by persona."""


def form_of(template: Mapping[str, Any]) -> str:
    """The form that a template's facts say, else that of its kind; plans of before these say none."""
    return str(template.get("form") or FORMS.get(template["asset"], Form.MESSAGE))


class MessageTemplate(GovernedModel):
    """The words of one asset in one language; ``version`` counts its changes, the history keeps each text.

    A template with a ``segment`` takes the place of the general one for that persona. Those with a
    ``variant`` go out beside one another.
    """

    program_kind = models.CharField(
        max_length=20, choices=ProgramKind.choices, default=ProgramKind.REFERRAL.value
    )
    key = models.SlugField(max_length=60, help_text="Names the file in the kit, e.g. social-linkedin")
    asset = models.SlugField(
        "kind of asset", max_length=40,
        help_text="One of the shipped kinds (" + ", ".join(Asset.values) + ") or one of your own, e.g. "
        "text-message",
    )  # fmt: skip
    form = models.CharField(
        max_length=10,
        blank=True,
        choices=Form.choices,
        help_text="Only for a kind of your own. It decides which rules hold for the words",
    )
    channel = models.SlugField(
        max_length=40,
        help_text="A channel with a runbook of its own, e.g. email or sms; “every” goes into each kit",
    )
    most_characters = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="The longest text that the channel takes, e.g. 160 for a text message. A longer one stops "
        "the kit",
    )
    segment = models.SlugField(max_length=60, blank=True, help_text="A persona; empty: everybody")
    variant = models.SlugField(
        max_length=40,
        blank=True,
        help_text="Where you try several words on the same people, a name for these, e.g. short. Each "
        "variant goes into the kit and has links of its own. Empty: there is one version",
    )
    locale = models.CharField(max_length=10, default="en", help_text="BCP 47, e.g. en, de-AT")
    title = models.CharField(max_length=120)
    subject = models.CharField(max_length=200, blank=True, help_text="E-mail only; may use variables")
    preheader = models.CharField(
        max_length=200,
        blank=True,
        help_text="E-mail only, shown beside the subject; may use variables",
    )
    html = models.TextField(
        "HTML",
        blank=True,
        help_text="For an e-mail also MJML, with mjml as its first tag: it becomes the tables that Outlook "
        "needs",
    )
    text = models.TextField(blank=True, help_text="Plain text, or Markdown for documents")
    utm_source = models.CharField("UTM source", max_length=60, help_text="Lower case, e.g. crm, linkedin")
    utm_medium = models.CharField("UTM medium", max_length=60, help_text="Lower case, e.g. email, social")
    is_active = models.BooleanField(default=True, help_text="Only active templates go into new kits")

    class Meta:
        ordering = ["program_kind", "channel", "key", "segment", "variant", "locale"]
        constraints = [
            models.UniqueConstraint(
                fields=["program_kind", "key", "segment", "variant", "locale"],
                name="message_template_one_per_variant",
            )
        ]

    def __str__(self) -> str:
        persona = f" for {self.segment}" if self.segment else ""
        variant = f", variant {self.variant}" if self.variant else ""
        return f"{self.title}{persona}{variant} ({self.locale}, v{self.version})"

    def clean(self) -> None:
        """Refuse what no kit could hold: no words, bad syntax, an e-mail in one form only."""
        wrong: dict[str, list[str]] = {}
        if not self.html.strip() and not self.text.strip():
            wrong["text"] = ["A template needs HTML or text."]
        if self.asset and self.asset not in Asset.values and not self.form:
            wrong["form"] = ["A kind of asset of your own needs a form."]
        if self.channel not in Channel.values and self.channel not in (known := self._channels()):
            wrong["channel"] = [
                f"There is no runbook for it. Use one of {', '.join(known)}, or add a runbook."
            ]
        if form_of({"form": self.form, "asset": self.asset}) == Form.MAIL:
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

    def _channels(self) -> list[str]:
        """What a launch of this kind of program may name, and the channels of the shipped templates."""
        own = Runbook.objects.filter(program_kind=self.program_kind).exclude(channel="")
        return sorted({*Channel.values, *own.values_list("channel", flat=True)})

    def parts(self) -> dict[str, str]:
        """The Jinja sources that are there, by field."""
        return {
            name: getattr(self, name)
            for name in ("subject", "preheader", "html", "text")
            if getattr(self, name).strip()
        }

    def facts(self) -> Mapping[str, Any]:
        """What a plan keeps of a template: all its words, and the version they are of."""
        names = ("key", "asset", "form", "most_characters", "channel", "segment", "variant", "locale",
                 "title", "subject", "preheader", "html", "text", "utm_source", "utm_medium",
                 "version")  # fmt: skip
        return {name: getattr(self, name) for name in names}
