"""What a launch reads of the organisation, and what its review looks at before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.text import slugify

from gtm.core import canonical, clock
from gtm.core.places.languages import language_name
from plans.commands.launch_program.steps.events import REVIEW_KEY, reviews_of, teams_of
from plans.commands.launch_program.steps.timetable import (
    assignments,
    closed_day,
    launch_date,
    loads_of,
    odds,
    overloaded,
    rows_of,
    timetable,
    verdict,
    way_back,
)
from plans.engine.notices.delivery import preference_of
from plans.engine.running.steps import PermanentError, StepContext
from plans.models import NoticeKind
from plans.runs import data_needs
from plans.runs.draft import Draft, owner_of, worker_facts
from programs.analytics import raci
from programs.analytics.chances import chance_in_words
from programs.analytics.templating import TemplatingError
from programs.models import Approver, CalendarRevision, Channel, LaunchProfile, MessageTemplate, Program, Role
from programs.outreach.communications import EVERYONE, Audience, languages_of, render_pieces
from programs.outreach.mailing_tools import TOOLS, exports
from programs.selectors import holders_of_roles, runbooks_of

TAKE_UP = "Then change the plan with “Read the newest data and material”: the kit is made again."
CHECKS = {
    "checklist": "Launch checklist",
    "comms-kit": "Communications kit",
    "sessions": "Training and enablement",
    "tooling-qa": "Link and tracking QA",
    "launch-packet": "Launch packet",
}
"""What the engine does before go or no-go: each of them blocks the launch while it is open."""


def gather_facts(program: Program) -> dict[str, Any]:
    """``channels`` and ``roles`` are what the inputs may name; ``people`` maps roles to who does their tasks,
    ``holders`` to everybody who could, with the days on which they are away.

    ``as_of`` is the day the run is planned on, in the program's time zone.
    """
    runbooks = runbooks_of(program.kind)
    people = {role.slug: (role, owner_of(role)) for role in Role.objects.order_by("slug")}
    return material_facts(program) | {
        "as_of": clock.now().astimezone(ZoneInfo(program.time_zone)).date().isoformat(),
        "checks": CHECKS,
        "rules_page": f"{settings.GTM_BASE_URL}{reverse('admin:plans_rules')}",
        "runbooks": runbooks,
        "channels": {channel: {"name": channel} for channel in runbooks if channel},
        "roles": {slug: {"name": role.name} for slug, (role, _) in people.items()},
        "people": {slug: worker_facts(owner) for slug, (_, owner) in people.items() if owner},
        "holders": holders_of_roles(),
    }


def material_facts(program: Program) -> dict[str, Any]:
    """Everything the kit, its links and its calendar are made from; the plan keeps this copy.

    ``launch`` is None where the program has no launch profile yet; ``calendar`` are the revisions of events
    that were handed out, by key.
    """
    profile = LaunchProfile.objects.filter(program=program).select_related("program__owner").first()
    if profile is None:
        return {"launch": None, "calendar": {}}
    templates = MessageTemplate.objects.filter(
        program_kind=program.kind, locale__in=[profile.locale, *profile.locales], is_active=True
    )
    revisions = CalendarRevision.objects.filter(program=program)
    return canonical.plain(
        {
            "launch": profile.facts()
            | {
                "templates": [
                    template.facts() for template in templates.order_by("key", "segment", "variant", "locale")
                ],
                "contacts": _contacts(sorted(teams_of(runbooks_of(program.kind)))),
                "partners": [
                    {"slug": partner.slug, "name": partner.name}
                    for partner in program.partners.order_by("slug")
                ],
                "domain": urlsplit(settings.GTM_BASE_URL).hostname,
            },
            "calendar": {
                row.key: {
                    "sequence": row.sequence,
                    "sha256": row.sha256,
                    "changed_at": row.changed_at,
                    "attendees": row.attendees,
                }
                for row in revisions
            },
        }
    )


def material_of(context: StepContext) -> Mapping[str, Any]:
    """The launch facts of a run. Raises PermanentError where the program had no launch profile."""
    launch = context.program.get("launch")
    if launch is None:
        raise PermanentError(
            f"{context.program['name']} has no launch profile.",
            hint="Enter destinations and copy under Programs, Launch profiles, then start again.",
        )
    return launch


def audiences(segments: Sequence[str] | None) -> list[Audience]:
    """The personas a launch speaks to; everybody as one where none is named.

    Raises PermanentError for personas that would share a name in links and files.
    """
    found = [Audience(slugify(name), name) for name in segments or ()]
    slugs = [audience.slug for audience in found]
    if "" in slugs or len(set(slugs)) < len(slugs):
        raise PermanentError(
            f"The personas {', '.join(segments or ())} cannot be told apart in links.",
            hint="Give each a name of its own in Latin letters and digits.",
        )
    return found or [EVERYONE]


def date_can_be_made(draft: Draft) -> tuple[bool, str]:
    """Fails at once where the date is missed: by how much, and what to compress."""
    found = timetable(draft.inputs, draft.facts)
    chance = odds(draft.inputs, draft.facts, draft.seed).on_time
    told = verdict(found, way_back(draft.inputs, draft.facts))
    busy = overloaded(loads_of(draft.inputs, draft.facts), draft.inputs, draft.facts)
    said = f"{told} Probability of making it: {chance_in_words(chance.value)}. {busy}".strip()
    return not found.is_late and not busy, said


def is_a_working_day(draft: Draft) -> tuple[bool, str]:
    """Nobody confirms, enables or answers anything on a day on which nobody works."""
    closed = closed_day(draft.inputs, draft.facts)
    return not closed, closed or f"{draft.inputs['launch_date']} is a working day."


def everybody_is_named(draft: Draft) -> tuple[bool, str]:
    """Exactly one accountable and somebody responsible for every task, in roles that exist."""
    rows = rows_of(draft.inputs, draft.facts)
    problems = raci.find_problems(
        assignments(rows), tasks=[row["key"] for row in rows], roles=draft.facts["roles"]
    )
    return not problems, " ".join(problems) or f"{len(rows)} tasks, each with exactly one accountable role."


def not_live_yet(draft: Draft) -> tuple[bool, str]:
    """A launch that has gone live is not moved any more: launch again instead."""
    is_live = draft.facts.get("standing", {}).get("go-live", {}).get("is_done", False)
    return (
        not is_live,
        "It went live: its date and channels are history." if is_live else "Nothing is live yet.",
    )


def reviews_have_data(draft: Draft) -> tuple[bool, str]:
    """What the reviews after the launch will read: whoever starts it has until then to load what is missing."""
    reviews = reviews_of(draft.inputs, draft.facts)
    if not reviews:
        return True, "No review is booked after this launch."
    days = ", ".join(str(review.day) for review in reviews)
    need = data_needs.of_command(REVIEW_KEY, draft.program)
    told = [one.what for one in need.missing if one.blocks]
    if more := [one.kind.replace("_", " ") for one in need.missing if not one.blocks and not one.column]:
        told.append(f"They would also read {', '.join(dict.fromkeys(more))}.")
    if need.can_run:
        return True, " ".join([f"Reviews on day {days} can run on the data of today.", *told])
    by = launch_date(draft.inputs) + timedelta(days=reviews[0].day)
    asked = f"Load what came since the launch by {by}, on the page Data, Load data."
    return False, " ".join([f"Reviews on day {days} cannot run yet.", *told, asked])


def check_material(draft: Draft) -> tuple[bool, str]:
    """A line of the review checklist: the kit of this very run renders with nothing missing."""
    launch = draft.facts.get("launch")
    if launch is None:
        return False, f"{draft.program} has no launch profile: enter one under Programs, Launch profiles."
    try:
        heard = audiences(draft.inputs.get("segments"))
        pieces = render_pieces(launch, draft.facts, draft.inputs, heard)
        for_tools = exports(launch, draft.facts, draft.inputs, heard)
    except TemplatingError as error:
        return False, " ".join(error.problems)
    except PermanentError as error:
        return False, error.detail
    covered = {piece.channel for piece in pieces}
    if bare := sorted(set(draft.inputs["channels"]) - covered - {Channel.EVERY.value}):
        return False, f"No template serves {', '.join(bare)}."
    made = f"{len(pieces)} files from {len({piece.key for piece in pieces})} templates, all filled."
    if len(spoken := languages_of(launch)) > 1:
        made += f" In {' and '.join(language_name(locale) for locale in spoken)}."
    if for_tools:
        made += f" Also for {', '.join(TOOLS[tool].title for tool in for_tools)}."
    return True, " ".join([made, *_personas_without_words(launch, draft.inputs.get("segments"))])


def _personas_without_words(launch: Mapping[str, Any], segments: Sequence[str] | None) -> Iterator[str]:
    """A persona may be a slip of the pen: whom no template is written for is told before the start."""
    known = sorted({template["segment"] for template in launch["templates"]} - {""})
    named = [audience for audience in audiences(segments) if audience != EVERYONE]
    strange = [audience.name for audience in named if audience.slug not in known]
    if strange:
        yield (
            f"No template is written for {', '.join(strange)}: they get the general words. Templates know "
            f"{', '.join(known) or 'no persona'}."
        )


def _contacts(roles: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    rows = Approver.objects.filter(role__slug__in=roles, person__is_active=True)
    found: dict[str, list[dict[str, Any]]] = {role: [] for role in roles}
    for row in rows.select_related("person", "role").order_by("person__name", "pk"):
        wish = preference_of(row.person)
        is_mailed = wish.by_mail and NoticeKind.INVITATION not in wish.muted_kinds
        told = {"name": row.person.name, "email": row.person.email, "is_mailed": is_mailed}
        found[row.role.slug].append(told)
    return found
