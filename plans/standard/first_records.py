"""What a first run lacks beside data and people: a launch profile, or a campaign."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from plans.schemas.declaration import Command
from plans.schemas.inputs import Known, KnownList
from programs.analytics.templating import Template, TemplatingError, parts_asked
from programs.models import LaunchProfile, MessageTemplate, Program, Runbook

CAMPAIGN, PROFILE = "campaign", "launch-profile"
A_LIST = "steps"
"""The word of the standard templates that is a list."""


@dataclass(frozen=True, slots=True)
class LackingRecord:
    """``kind`` is CAMPAIGN or PROFILE; ``why`` a sentence."""

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class WantedWords:
    """What the templates of a kind of program ask of a launch profile: names, in the order they are met."""

    copy: tuple[str, ...]
    tokens: tuple[str, ...]
    destinations: tuple[str, ...]
    channels: tuple[str, ...]
    """Those that a runbook knows."""
    assets: tuple[str, ...]
    """Titles of the active templates: what the kit will hold."""


def lacking(command: Command, program: Program) -> Iterator[LackingRecord]:
    """What ``command`` names among its inputs and the program does not have yet."""
    for one in command.inputs:
        if isinstance(one, Known) and one.among == "campaigns" and not program.campaigns.exists():
            yield LackingRecord(CAMPAIGN, "No campaign is entered. This command is about one.")
        is_launch = isinstance(one, KnownList) and one.among == "channels"
        if is_launch and not LaunchProfile.objects.filter(program=program).exists():
            yield LackingRecord(PROFILE, "There is no launch profile. It has the words and links of the kit.")


def wanted_words(kind: str, locale: str = "en") -> WantedWords:
    """What the active templates of that language ask for; one that cannot be read asks for nothing here."""
    rows = MessageTemplate.objects.filter(program_kind=kind, locale=locale, is_active=True)
    rows = rows.order_by("key", "segment", "variant")
    found: dict[str, dict[str, None]] = {"copy": {}, "token": {}, "link": {}, "personal": {}}
    for row in rows:
        for source in (row.subject, row.preheader, row.html, row.text):
            template = Template(row.key, source, {})
            for name, known in found.items():
                try:
                    known.update(dict.fromkeys(parts_asked(template, name)))
                except TemplatingError:  # its own page says what is wrong with it
                    continue
    channels = Runbook.objects.filter(program_kind=kind, is_active=True).exclude(channel="")
    return WantedWords(
        tuple(found["copy"]),
        tuple(dict.fromkeys([*found["token"], *(["code"] if found["personal"] else [])])),
        tuple(name for name in found["link"] if name != "landing"),
        tuple(channels.order_by("channel").values_list("channel", flat=True)),
        tuple(dict.fromkeys(row.title for row in rows)),
    )


def skeleton(wanted: WantedWords) -> dict[str, Any]:
    """A launch profile's fields to fill in: each name with nothing behind it."""
    return {
        "copy": {name: [""] if name == A_LIST else "" for name in wanted.copy},
        "tokens": dict.fromkeys(wanted.tokens, ""),
        "destinations": dict.fromkeys(wanted.destinations, ""),
    }
