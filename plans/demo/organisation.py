"""People in every role, programs, partners, metrics and the CDNOW purchases. Running it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from gtm.core.fsm import perform
from plans.demo import launch_kit, referrals
from plans.demo import loyalty as loyalty_world
from plans.demo import partners as partner_world
from plans.standard import establishing as standard
from programs.models import (
    Approver,
    Campaign,
    Dataset,
    Partner,
    Person,
    Program,
    ProgramKind,
    Role,
    two_people,
)
from programs.services import load_dataset

PASSWORD = "demo-gtm-2026"  # noqa: S105 - printed at every start; the demo is for one's own machine
CDNOW = "cdnow_purchases.csv.gz"


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    name: str
    title: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    limit: int | None = None
    country: str = "US"
    time_zone: str = "UTC"


LOGINS = (
    Login("ops", "Olivia Park", "loyalty operations", ("loyalty-ops", "lifecycle-ops", "partner-ops"), ("Operations",)),
    Login("strategist", "Samir Haddad", "loyalty strategist", ("loyalty-strategist", "referral-architect"), ("Operations",)),
    Login("analyst", "Ana Kovač", "member insights", ("member-insights-analyst", "co-marketing-analytics-lead"), ("Analysts",)),
    Login("finance", "Fiona Walsh", "finance", ("finance", "governance-board"), ("Approvers",), 1_000_000),
    Login("legal", "Lena Brandt", "legal", ("legal",), ("Approvers", "Stewards")),
    Login("exec", "Elena Rossi", "executive sponsor", ("exec-sponsor", "governance-board"), ("Approvers", "Stewards")),
    Login("partner", "Paul Nguyen", "partner manager", ("partner-manager", "partner-marketer", "referral-architect"), ("Operations",)),
    Login("deputy", "Dora Klein", "deputy in finance", ("finance", "revops"), ("Approvers", "Stewards"), 200_000),
    Login("studio", "Clara Moreau", "creative studio", ("creative",), ("Operations",), None, "FR", "Europe/Paris"),
    Login("sales", "Sara Lind", "sales", ("sales",), ("Operations",)),
    Login("customer-success", "Chidi Obi", "customer success", ("customer-success", "lifecycle-ops"), ("Operations",), None, "GB", "Europe/London"),
    Login("auditor", "Arne Lund", "internal audit", (), ("Auditors",)),
)  # fmt: skip


THIRD_STEWARD = "deputy"


def build(say: Callable[[str], Any]) -> None:
    """Everything the demo has, told line by line to ``say``; a second time changes nothing.

    Who may decide in it was given by whoever runs this, alone, and is marked so. One steward is a change of
    their own: so each of the two changes has somebody whom it does not concern and who can confirm it.
    """
    third = next(login for login in LOGINS if login.username == THIRD_STEWARD)
    with two_people.setting_up(f"{third.name}, the third steward of the demo"):
        standard.make()
        _person(third, *_roles_and_groups())
    with two_people.setting_up("The organisation of the demo: its people, roles, groups and contacts"):
        loyalty = establish()
        partner_world.take_contacts(Campaign.objects.get(slug="ai-launch-tour"), PASSWORD)
    if not Dataset.objects.filter(program=loyalty, kind="purchases").exists():
        say("Loading the CDNOW purchases …")
        with resources.as_file(resources.files("programs.datasets") / "samples" / CDNOW) as path:
            dataset, _ = load_dataset("purchases", [path], program=loyalty, currency="USD")
        say(f"  {dataset.rows:,} purchases, SHA-256 {dataset.sha256[:12]}…")
    loyalty_world.load(loyalty, say)
    referrals.load(Program.objects.get(slug="customer-advocates"), say)
    partner_world.load(Campaign.objects.get(slug="ai-launch-tour"), say)


def establish() -> Program:
    """People in every role, metrics, programs, partners and a campaign. Returns the loyalty program."""
    standard.make()
    known = _roles_and_groups()
    people = {login.username: _person(login, *known) for login in LOGINS}
    _admin()
    loyalty = _program("cdnow", "CDNOW Rewards", ProgramKind.LOYALTY, people["strategist"],
                       "Loyalty program on the purchases of CDNOW, 1997-01 to 1998-06.", platform_cost=150)  # fmt: skip
    advocates = _program(
        "customer-advocates",
        "Customer Advocates",
        ProgramKind.REFERRAL,
        people["strategist"],
        "Referral program on data made up from a seed, with frauds, and with honest referrals that look like fraud.",
    )
    launch_kit.load(advocates)
    joint = _program(
        "ai-launch", "AI Launch Co-marketing", ProgramKind.PARTNER, people["partner"], "Joint campaigns."
    )
    northwind = _once(
        Partner, {"slug": "northwind"}, name="Northwind Cloud", tier="gold", country="US", currency="USD"
    )
    contoso = _once(Partner, {"slug": "contoso"}, name="Contoso Analytics", tier="silver", country="DE", currency="EUR",
                    time_zone="Europe/Berlin")  # fmt: skip
    tour = _once(Campaign, {"slug": "ai-launch-tour"}, name="AI Launch Tour", program=joint,
                 starts_on=date(2026, 9, 1), ends_on=date(2026, 11, 30), budget=Decimal(120_000))  # fmt: skip
    tour.partners.set([northwind, contoso])
    return loyalty


def _roles_and_groups() -> tuple[dict[str, Role], dict[str, Group]]:
    groups = {group.name: group for group in Group.objects.all()}
    return {role.slug: role for role in Role.objects.select_related("group")}, groups


def _once(model: Any, key: dict[str, Any], **values: Any) -> Any:
    found = model.objects.filter(**key).first()
    if found is None:
        found = model(**key, **values)
        found.save()
    return found


def _person(login: Login, roles: dict[str, Role], groups: dict[str, Group]) -> Person:
    users = get_user_model().objects
    user = users.filter(username=login.username).first()
    first, last = login.name.split(" ", 1)
    if user is None:
        user = users.create_user(login.username, f"{login.username}@demo.example", PASSWORD, first_name=first,
                                 last_name=last, is_staff=True)  # fmt: skip
    user.groups.set([groups[name] for name in login.groups] + [roles[slug].group for slug in login.roles])
    person = _once(Person, {"email": f"{login.username}@demo.example"}, name=login.name, country=login.country,
                   time_zone=login.time_zone)  # fmt: skip
    person.accounts.add(user)
    for slug in login.roles:
        _once(Approver, {"person": person, "role": roles[slug]},
              limit_amount=Decimal(login.limit) if login.limit else None)  # fmt: skip
    return person


def _admin() -> None:
    users = get_user_model().objects
    if not users.filter(username="admin").exists():
        users.create_superuser("admin", "admin@demo.example", PASSWORD, first_name="Site", last_name="Admin")


def _program(
    slug: str, name: str, kind: str, owner: Person, description: str, platform_cost: int = 500
) -> Program:
    program = _once(Program, {"slug": slug}, name=name, kind=kind, owner=owner, description=description, is_default=True,
                    platform_cost_monthly=Decimal(platform_cost))  # fmt: skip
    if program.state == "draft":
        perform(program, "activate")
    return program
