"""The text columns of what is governed: which may name a person, and which are codes and names of things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gtm.core import actors
from gtm.core.evidence.personal import declare

if TYPE_CHECKING:
    from programs.models import Person


def known_by(person: Person) -> tuple[list[str], set[int]]:
    """Names and addresses of a person and of their accounts, and the keys of the accounts.

    User names are not among the words, because many are words of every day; they go with the account.
    """
    accounts = list(person.accounts.all())
    words = [person.name, person.email, *(actors.name_of(a) for a in accounts if a.get_full_name())]
    words += [account.email for account in accounts if account.email]
    return list(dict.fromkeys(words)), {account.pk for account in accounts}


def declare_all() -> None:
    """Called when the site starts. A free text may name somebody, so it is personal."""
    declare("programs.measurementagreement", personal="vocabulary stages", plain="attribution_model")
    declare(
        "programs.guardedchange",
        personal="what values before people roles programs requested_label",
        comments="reason",
        plain="kind entity object_id verb state",
    )
    declare("programs.pendingpassword", plain="encoded")
    declare("programs.waitingupload", personal="called", plain="name sha256", owner="user_id")
    declare("programs.tier", personal="name", plain="from_plan")
    declare("programs.benefit", personal="name description", plain="kind")
    declare(
        "programs.lifecycletrigger",
        personal="event entry_rule action",
        plain="key stage channel from_plan",
    )
    declare(
        "programs.dataset",
        personal="sources mapping options reject_reasons profile parts answer",
        plain="kind snapshot sha256 rejects",
    )
    declare("programs.role", personal="name description", plain="slug")
    declare("programs.person", personal="name", identity="email", plain="country subdivision time_zone")
    declare("programs.approver", plain="limit_currency program_kinds regions")
    declare("programs.absence", comments="note")
    declare("programs.delegation", comments="reason", plain="commands currency")
    declare(
        "programs.launchprofile",
        personal="landing_url destinations vocabulary tokens collectors copy shares "
        "mailing_tools reviewers translations",
        plain="locale locales allowed_hosts code_parameter test_code",
    )
    declare("programs.calendarrevision", personal="attendees", plain="key sha256")
    declare("programs.loadprofile", personal="mapping options", plain="name kind")
    declare(
        "programs.program",
        personal="name description assumptions_source banned_sources referral_rules tooling",
        plain="slug kind state currency country subdivision working_week region time_zone",
    )
    declare("programs.runbook", personal="title sessions reviews", plain="program_kind channel looks")
    declare(
        "programs.runbooktask",
        personal="name purpose consulted informed outside evidence",
        plain="key phase group needs",
    )
    declare("programs.runbookalert", personal="name dashboard condition threshold response", plain="key")
    declare(
        "programs.messagetemplate",
        personal="title subject preheader html text",
        plain="program_kind key asset form channel segment locale variant utm_source utm_medium",
    )
    declare(
        "programs.metric",
        personal="name numerator denominator dimensions",
        plain="key unit direction window",
    )
    declare("programs.partner", personal="name", plain="slug tier country currency time_zone")
    declare("programs.campaign", personal="name", plain="slug currency")
    declare("programs.experiment", personal="name hypothesis control metrics split", plain="key")
    declare("programs.rotaoverride", comments="reason", plain="rota")
