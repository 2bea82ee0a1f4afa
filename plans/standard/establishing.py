"""From an empty database to a site on which a run can start. A second time changes nothing.

What the commands declare becomes rows: roles, metrics, runbooks, templates. Beside it stand the groups of
accounts, the signing key, and two people who may change who decides.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from gtm.core import actors, clock
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import keys
from gtm.core.models import PasswordOfAnother
from plans.runs import needed_roles
from plans.schemas.roles import RoleDefinition
from plans.standard import groups, message_templates, runbooks
from programs.models import Metric, Person, Role, two_people
from programs.schemas.metrics import STANDARD
from programs.services import establish_metrics

FIRST_STEWARDS = 2
PASSWORD_BYTES = 12
STEWARD_GROUPS = (groups.ADMINISTRATORS, groups.OPERATIONS, groups.STEWARDS)


@dataclass(frozen=True, slots=True)
class NewSteward:
    """Somebody who is to change who decides, together with a second one."""

    name: str
    email: str
    country: str = "US"
    time_zone: str = "UTC"
    account: Any = None
    """The account that they have already, where it is linked to nobody yet."""


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """What somebody logs in with once: the account decides nothing until they have set their own."""

    name: str
    username: str
    password: str


@dataclass(slots=True)
class Established:
    """What was made; empty where everything was there."""

    made: list[str] = field(default_factory=list)
    passwords: list[FirstPassword] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lacking:
    """What an installation lacks, in the words of a page; all empty where it is established."""

    roles: Sequence[str]
    groups: Sequence[str]
    metrics: int
    has_key: bool
    stewards: int

    @property
    def anything(self) -> bool:
        return bool(
            self.roles or self.groups or self.metrics or not self.has_key or self.is_short_of_stewards
        )

    @property
    def is_short_of_stewards(self) -> bool:
        return self.stewards < FIRST_STEWARDS


def lacking() -> Lacking:
    """What ``establish`` would make."""
    roles = set(Role.objects.values_list("slug", flat=True))
    named = set(Group.objects.values_list("name", flat=True))
    known = set(Metric.objects.values_list("key", flat=True))
    return Lacking(
        roles=[role.name for slug, role in needed_roles.all_needed().items() if slug not in roles],
        groups=[name for name in groups.GROUPS if name not in named],
        metrics=sum(metric.key not in known for metric in STANDARD),
        has_key=bool(keys.signing()),
        stewards=len(stewards()),
    )


def stewards() -> list[Person]:
    """Who may agree to a change of who decides, whether or not they have a password of their own yet."""
    may = get_user_model().objects.with_perm(two_people.PERMISSION, backend=two_people.BACKEND)
    return list(Person.objects.filter(is_active=True, accounts__in=may).distinct().order_by("pk"))


def make() -> list[str]:
    """Everything that no person stands for. Returns a sentence for each kind that was made."""
    before = lacking()
    for name in groups.GROUPS:
        groups.make(name)
    for slug, definition in needed_roles.all_needed().items():
        if not Role.objects.filter(slug=slug).exists():
            _role(definition)
    metrics, _ = establish_metrics()
    runbooks.load()
    message_templates.load()
    told = (
        (len(before.groups), "groups of accounts"),
        (len(before.roles), "roles that the commands need"),
        (metrics, "standard metrics"),
    )
    return [f"{count} {what}" for count, what in told if count]


def establish(new: Sequence[NewSteward] = (), *, name: str = "gtm-governance") -> Established:
    """Make what is missing, the signing key and these stewards too, as whoever is acting.

    ``name`` is how readers know this installation by its key. An address that somebody has already is that
    person: they get an account only where they have none. Raises InvalidInput with everything that is wrong
    with the stewards, before anything is made.
    """
    found = Established()
    _check(new)
    with two_people.setting_up("This installation is established: roles, groups, and its first stewards"):
        found.made = make()
        for steward in new:
            first = _steward(steward)
            if first is not None:
                found.passwords.append(first)
                found.made.append(f"the steward {steward.name}")
    if not keys.signing():
        found.made.append(f"the signing key {keys.make(name)}")
    return found


def _check(new: Sequence[NewSteward]) -> None:
    problems, seen = [], set()
    for number, steward in enumerate(new, start=1):
        try:
            validate_email(steward.email)
        except ValidationError:
            told = f"“{steward.email}” is no address of mail. Write it like ana@example.com."
            problems.append(Problem(f"steward {number}", told))
        if not steward.name.strip():
            problems.append(Problem(f"steward {number}", "has no name.", code="required"))
        if steward.email.casefold() in seen:
            told = "has the address of another one. Two people are two addresses."
            problems.append(Problem(f"steward {number}", told))
        seen.add(steward.email.casefold())
        try:
            person = Person(
                name=steward.name, email=steward.email, country=steward.country, time_zone=steward.time_zone
            )
            person.clean_fields(exclude=["email", "name"])
        except ValidationError as error:
            problems += [Problem(f"steward {number}", " ".join(said)) for said in error.message_dict.values()]
    if problems:
        raise InvalidInput("The installation was not established.", problems=problems)


def _role(definition: RoleDefinition) -> Role:
    group, _ = Group.objects.get_or_create(name=f"Role: {definition.name}")
    role = Role(
        slug=definition.slug,
        name=definition.name,
        group=group,
        description=definition.description,
        handles_money_or_law=definition.handles_money_or_law,
    )
    role.save()
    return role


def _steward(new: NewSteward) -> FirstPassword | None:
    """The person with an account that may agree. Answers the password of an account that was made."""
    person = Person.objects.filter(email__iexact=new.email).first()
    if person is None:
        person = Person(name=new.name.strip(), email=new.email, country=new.country, time_zone=new.time_zone)
        person.save()
    if new.account is not None and not new.account.people.exists():
        person.accounts.add(new.account)
    user, first = person.accounts.filter(is_active=True).order_by("pk").first(), None
    if user is None:
        user, first = account_of(person)
    wanted = Group.objects.filter(name__in=STEWARD_GROUPS).exclude(user=user)
    if wanted:
        user.groups.add(*wanted)
    return first


def account_of(person: Person) -> tuple[Any, FirstPassword]:
    """A new account. Its password has to be replaced before anything is decided with it."""
    users = get_user_model().objects
    stem = re.sub(r"[^a-z0-9.-]+", "-", person.email.split("@")[0].lower()).strip("-.") or "steward"
    username = next(
        name
        for name in (stem, *(f"{stem}{number}" for number in range(2, 1000)))
        if not users.filter(username=name).exists()
    )
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    first, _, last = person.name.partition(" ")
    user = users.create_user(
        username, person.email, password, first_name=first, last_name=last, is_staff=True
    )
    known = {"set_by": actors.current().actor.label, "set_at": clock.now()}
    PasswordOfAnother.objects.update_or_create(user=user, defaults=known)
    person.accounts.add(user)
    return user, FirstPassword(person.name, username, password)
