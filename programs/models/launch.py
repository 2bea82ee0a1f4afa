"""What a program's launches need to know: where links lead, who may be visited, the words to fill in."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models
from rapidfuzz import process

from gtm.core.governed import GovernedModel
from programs.analytics.tracking_links import UTM, tagged
from programs.models.people import Role

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


MAILING_TOOLS = ("braze", "hubspot", "klaviyo", "mailchimp")
LEAST_READINESS = 95
"""Percent of the weighted work that has to be done before go or no-go, where nobody says otherwise."""


USUAL_BUFFER = 2
"""Business days that are kept free before a launch, where nobody says otherwise."""


class LaunchProfile(GovernedModel):
    """One a program: destinations, tracking vocabulary, hosts for checks to visit, words for templates."""

    program = models.OneToOneField(
        "programs.Program", on_delete=models.CASCADE, related_name="launch_profile"
    )
    locale = models.CharField(max_length=10, default="en", help_text="Which templates are used, e.g. en")
    locales = models.JSONField(
        "further languages",
        default=list,
        blank=True,
        help_text="Launches speak these as well, one per line: - de. Whatever goes to participants needs a "
        "template in each of them",
    )
    translations = models.JSONField(
        default=dict,
        blank=True,
        help_text="Words of the copy in a further language: a line “de:”, under it “  reward: 50 €”. What is "
        "not translated stands as the copy has it, and the kit lists it",
    )
    reviewers = models.JSONField(
        "reviewers of languages",
        default=dict,
        blank=True,
        help_text="The role that proof-reads the kit in a language before anybody approves it, one per line: "
        "de: partner-manager",
    )
    landing_url = models.CharField(
        "landing URL",
        max_length=300,
        validators=[URLValidator(schemes=["https", "http"])],
        help_text="The landing page, without tags: {{ link.landing }}",
    )
    destinations = models.JSONField(
        default=dict, blank=True, help_text="One per line: terms: https://… gives {{ link.terms }}"
    )
    allowed_hosts = models.JSONField(
        default=list,
        blank=True,
        help_text="Hosts that link checks may visit, with a port if it is not the usual one, one per line: "
        "- shop.example:8443",
    )
    vocabulary = models.JSONField(
        default=dict,
        blank=True,
        help_text="Allowed values of a tag, e.g. a line “utm_source:”, under it “  - crm”",
    )
    code_parameter = models.SlugField(
        max_length=30, default="ref", help_text="The parameter that carries a referral code"
    )
    test_code = models.SlugField(
        max_length=60, default="qa-test", help_text="A code that the site accepts but does not count"
    )
    tokens = models.JSONField(
        default=dict,
        blank=True,
        help_text="What your mailing tool fills in when it sends, one per line: first_name: '*|FNAME|*' "
        "gives {{ token.first_name }}. code, unsubscribe and address have a meaning of their own: with a "
        "code, {{ personal.landing }} is the recipient's own link",
    )
    mailing_tools = models.JSONField(
        default=dict,
        blank=True,
        help_text="Tools for which the kit holds its mails as they import them: a line “braze:”, under it "
        "the tokens as this tool writes them, “  first_name: '{{${first_name}}}'”; a name that is not there "
        "is written as under Tokens. Known: " + ", ".join(MAILING_TOOLS) + ". address stands in the place of "
        "the postal address",
    )
    collectors = models.JSONField(
        default=list,
        blank=True,
        help_text="Where your measuring tags send a page view, one per line: - stats.shop.example/collect. A "
        "landing page that sends nothing there fails its check. Well-known ones are recognised by themselves",
    )
    slowest_seconds = models.DecimalField(
        max_digits=4, decimal_places=1, default=Decimal(5), validators=[MinValueValidator(Decimal("0.5"))],
        help_text="The longest that a landing page may take to load in a browser",
    )  # fmt: skip
    delivers_test_form = models.BooleanField(
        default=False,
        help_text="Whether checks really send the form of the landing page, with the test code. Otherwise "
        "what the form would send is read and kept back",
    )
    copy = models.JSONField(
        default=dict,
        blank=True,
        help_text="Words for templates, one per line: reward: $50 gives {{ copy.reward }}",
    )

    buffer_days = models.PositiveSmallIntegerField(
        default=USUAL_BUFFER,
        help_text="Business days to keep free before the launch: everything is due that much earlier, as far "
        "as the time until then allows",
    )
    least_readiness = models.PositiveSmallIntegerField(
        default=LEAST_READINESS,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Percent of the weighted work that has to be done before go or no-go. An open blocker "
        "forbids the launch whatever this says",
    )
    shares = models.JSONField(
        default=dict,
        blank=True,
        help_text="Share of their working time that people of a role have for launches, one per line: "
        "lifecycle-ops: 0.5. Whoever is not named here has all of it",
    )

    class Meta:
        ordering = ["program"]

    def __str__(self) -> str:
        return f"Launch profile of {self.program}"

    def clean(self) -> None:
        if isinstance(self.mailing_tools, dict):  # a tool with nothing under it is one with the tokens of all
            self.mailing_tools = {tool: own or {} for tool, own in self.mailing_tools.items()}
        if isinstance(self.shares, dict):
            self.shares = {role: _as_number(share) for role, share in self.shares.items()}
        wrong = {name: found for name in _CHECKS if (found := list(_CHECKS[name](getattr(self, name))))}
        wrong |= {} if "locales" in wrong else self._strange_languages(wrong)
        if not {"tokens", "mailing_tools"} & wrong.keys() and (strange := self._strange_tokens()):
            wrong["mailing_tools"] = strange
        if wrong:
            raise ValidationError(wrong)

    def _strange_languages(self, wrong: Collection[str]) -> dict[str, list[str]]:
        """What is said of a language that launches do not speak."""
        if self.locale in self.locales:
            return {"locales": [f"{self.locale} is the language of the profile already."]}
        spoken = {"translations": self.locales, "reviewers": [self.locale, *self.locales]}
        return {
            name: [f"Launches do not speak {one}: add it to the languages." for one in strange]
            for name, known in spoken.items()
            if name not in wrong and (strange := [one for one in getattr(self, name) if one not in known])
        }

    def _strange_tokens(self) -> list[str]:
        """Tokens of a tool that no template can name."""
        return [
            f"{tool}: there is no token {name}. Tokens are {', '.join(self.tokens) or 'not entered'}."
            for tool, own in self.mailing_tools.items()
            for name in own
            if name not in self.tokens and name != "address"
        ]

    def facts(self) -> dict[str, Any]:
        """What a plan keeps of the profile; ``links`` are all destinations, the landing page among them."""
        names = ("locale", "allowed_hosts", "vocabulary", "code_parameter", "test_code", "copy", "version",
                 "buffer_days", "shares", "collectors", "slowest_seconds", "delivers_test_form",
                 "tokens", "least_readiness", "locales", "translations", "reviewers",
                 "mailing_tools")  # fmt: skip
        owner = self.program.owner
        return {name: getattr(self, name) for name in names} | {
            "links": {**self.destinations, "landing": self.landing_url},
            "owner": {"name": owner.name, "email": owner.email} if owner else None,
        }


class CalendarRevision(GovernedModel):
    """The revision of a calendar event that was last handed out: the next change must carry a higher one."""

    program = models.ForeignKey(
        "programs.Program", on_delete=models.CASCADE, related_name="calendar_revisions"
    )
    key = models.CharField(max_length=120)
    sequence = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    changed_at = models.DateTimeField()
    attendees = models.JSONField(default=list, blank=True, help_text="Who was asked: e-mail and name")

    class Meta:
        ordering = ["program", "key"]
        constraints = [
            models.UniqueConstraint(fields=["program", "key"], name="calendar_revision_one_per_event")
        ]

    def __str__(self) -> str:
        return f"{self.key}, sequence {self.sequence}"


def _names(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return ["It must be an object of names and values."]
    return [
        f"“{name}” is not a valid name. Use lower-case letters, digits and _."
        for name in value
        if not _NAME.fullmatch(name)
    ]


def _destinations(value: Any) -> list[str]:
    if found := _names(value):
        return found
    for name, address in value.items():
        try:
            tagged(str(address), {"utm_source": "test"})
        except ValueError as error:
            found.append(f"{name}: {error}")
    return found


def _hosts(value: Any) -> list[str]:
    if not isinstance(value, list):
        return ["It must be a list of hosts."]
    return [f"“{host}” is not a host name in lower case." for host in value if not _HOST.fullmatch(str(host))]


def _collectors(value: Any) -> list[str]:
    if not isinstance(value, list):
        return ["It must be a list of hosts, each with a path if you like."]
    return [*_hosts([str(one).partition("/")[0] for one in value])]


def _vocabulary(value: Any) -> list[str]:
    if found := _names(value):
        return found
    bad = (
        f"{name} must be a list of lower-case values."
        for name, values in value.items()
        if not isinstance(values, list)
        or any(not isinstance(v, str) or v != v.strip().lower() for v in values)
    )
    slips = (
        f"{name} is not a tag of links here. Do you mean {found[0]}?"
        for name in value
        if name not in UTM and (found := process.extractOne(name, UTM, score_cutoff=85))
    )
    return [*bad, *slips]


def _copy(value: Any) -> list[str]:
    return _names(value) or [
        f"{name} is not filled." for name, text in value.items() if not str(text).strip()
    ]


def _locales(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return ["It must be a list of languages, one per line: - de."]
    strange = [one for one in value if not _LOCALE.fullmatch(one)]
    twice = sorted({one for one in value if value.count(one) > 1})
    return [
        *(f"“{one}” is no language tag such as de or de-AT." for one in strange),
        *(f"{one} is there more than once." for one in twice),
    ]


def _translations(value: Any) -> list[str]:
    if not isinstance(value, dict) or not all(isinstance(words, dict) for words in value.values()):
        return ["Write a line with the language and a colon, and its words under it."]
    return [f"{locale}: {said}" for locale, words in value.items() for said in _copy(words)]


def _mailing_tools(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return ["Write a line with the tool and a colon, and its tokens under it."]
    known = ", ".join(MAILING_TOOLS)
    found = [f"“{tool}” is not known here. Known are {known}." for tool in value if tool not in MAILING_TOOLS]
    for tool, own in value.items():
        found += [f"{tool}: {said}" for said in (_copy(own) if own not in ("", None) else [])]
    return found


def _reviewers(value: Any) -> list[str]:
    if not isinstance(value, dict) or not all(isinstance(role, str) for role in value.values()):
        return ["It must be a list of languages and roles, e.g. de: partner-manager."]
    roles = set(Role.objects.filter(slug__in=value.values()).values_list("slug", flat=True))
    return [f"There is no role {role}." for role in value.values() if role not in roles]


def _as_number(written: Any) -> Any:
    """What a form writes as text; what is no number stays, to be refused."""
    try:
        return float(written) if isinstance(written, str) else written
    except ValueError:
        return written


def _shares(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return ["It must be a list of roles and shares, e.g. lifecycle-ops: 0.5."]
    roles = set(Role.objects.filter(slug__in=value).values_list("slug", flat=True)) if value else set()
    found = [f"There is no role {role}." for role in value if role not in roles]
    return found + [
        f"{role}: a share lies above 0 and at most at 1, not at {share}."
        for role, share in value.items()
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1
    ]


_CHECKS = {
    "destinations": _destinations,
    "allowed_hosts": _hosts,
    "collectors": _collectors,
    "vocabulary": _vocabulary,
    "copy": _copy,
    "shares": _shares,
    "tokens": _copy,
    "locales": _locales,
    "mailing_tools": _mailing_tools,
    "translations": _translations,
    "reviewers": _reviewers,
}
