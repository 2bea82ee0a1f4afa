"""Who: roles (functions), people (identities), approvers (people in roles, with authority)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models.signals import m2m_changed

from gtm.core import actors
from gtm.core.errors import NotPermitted
from gtm.core.evidence import accounts
from gtm.core.governed import GovernedModel
from gtm.core.money import Money
from gtm.core.money_field import EnteredInCoins, MoneyField
from gtm.core.places.calendars import WorkingCalendar
from programs.models import two_people
from programs.models.account_links import allow_something, guard_accounts
from programs.models.guarded_change import GuardedKind
from programs.models.place import (
    CodeField,
    calendar_at,
    check_subdivision,
    known_country,
    known_currency,
    known_zone,
    usable_zone,
)
from programs.models.two_people import AskedChange, ChangedByTwo


class Role(ChangedByTwo, GovernedModel):
    """A function such as Finance or Loyalty Strategist. The agents of the runbooks are roles."""

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=80)
    group = models.OneToOneField(Group, null=True, blank=True, on_delete=models.PROTECT, related_name="role")
    description = models.CharField(max_length=240, blank=True)
    handles_money_or_law = models.BooleanField(
        default=False, help_text="Decisions of this role ask for the password again"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def change_for_two(self, stored: Role | None) -> AskedChange | None:
        """Gates know a role by its slug, and ask for the password by its flag; a new role has no holders."""
        if stored is None:
            return None
        is_lighter = stored.handles_money_or_law and not self.handles_money_or_law
        if (stored.slug, stored.group_id) == (self.slug, self.group_id) and not is_lighter:
            return None
        people = Approver.objects.filter(role=self.pk).values_list("person_id", flat=True)
        return two_people.about(
            self, stored, GuardedKind.ROLE, f"The role {stored} becomes another", people=set(people),
            roles={stored.slug, self.slug},
        )  # fmt: skip


class Person(ChangedByTwo, GovernedModel):
    """One human being. May hold several accounts; approvals count people, not accounts."""

    name = models.CharField(max_length=120)
    email = models.EmailField(unique=True)
    accounts = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="people")
    country = CodeField(max_length=2, default="US", validators=[known_country])
    subdivision = CodeField(max_length=10, blank=True)
    time_zone = CodeField(max_length=60, default="UTC", validators=[known_zone])
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        check_subdivision(self.country, self.subdivision)

    @property
    def zone(self) -> str:
        """Their time zone; UTC where the row was written before zones were checked and names none."""
        return usable_zone(self.time_zone)

    @property
    def calendar(self) -> WorkingCalendar:
        """On which days and hours they work."""
        return calendar_at(self)

    @property
    def has_weight(self) -> bool:
        """Whether anything is decided, signed or administered in this person's name."""
        return (
            self.approverships.exists()
            or self.delegations_held.filter(revoked_at=None).exists()
            or self.partner_set.exists()
            or allow_something(self.accounts.values_list("pk", flat=True))
        )

    def roles(self) -> set[str]:
        return set(self.approverships.values_list("role__slug", flat=True))

    def change_for_two(self, stored: Person | None) -> AskedChange | None:
        """Somebody who is back, or whose messages go elsewhere; and who is closed, where that leaves nobody
        who could agree to anything."""
        if stored is None:
            return None
        if stored.is_active and not self.is_active and two_people.is_only_other(self.pk):
            what = f"{self} is closed: nobody else could agree to anything"
            return two_people.about(self, stored, GuardedKind.ROLE, what)
        said = []
        if self.is_active and not stored.is_active:
            said.append("is back and decides again")
        if self.email != stored.email and not _is_acting_alone(self):
            said.append(f"gets messages at {self.email}")
        if not said or not self.has_weight:
            return None
        return two_people.about(
            self, stored, GuardedKind.ROLE, f"{self} {' and '.join(said)}", people={self.pk},
            roles=self.roles(),
        )  # fmt: skip

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        if two_people.is_only_other(self.pk):
            what = f"{self} is deleted: nobody else could agree to anything"
            two_people.ask(two_people.about(self, self, GuardedKind.ROLE, what, verb=two_people.DELETE))
        return super().delete(*args, **kwargs)


m2m_changed.connect(guard_accounts, Person.accounts.through, dispatch_uid="own-account")


SUM_A_YEAR = "A sum a year: a plan that spends 10,000 a month is held against it as 120,000"


class Approver(EnteredInCoins, ChangedByTwo, GovernedModel):
    """A person in a role: since when, for what, and up to which amount. Empty means without limit."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="approverships")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="approvers")
    limit_amount = MoneyField(of="limit_currency", null=True, blank=True, help_text=SUM_A_YEAR)
    limit_currency = CodeField(max_length=3, default="USD", validators=[known_currency])
    program_kinds = models.JSONField(
        default=list, blank=True, help_text="One per line: “- loyalty”. Leave it empty for every kind"
    )
    regions = models.JSONField(
        default=list, blank=True, help_text=("One per line: “- EU”. Leave it empty for every region")
    )
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["role", "person"]
        constraints = [
            models.UniqueConstraint(fields=["person", "role"], name="approver_one_row_per_person_and_role")
        ]

    def __str__(self) -> str:
        return f"{self.person} as {self.role}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Nobody gives authority to themselves. Raises NotPermitted."""
        if _is_acting(self.person) and not two_people.is_being_made() and self._is_gain():
            raise NotPermitted(
                f"{self.person} cannot give themselves the authority of {self.role}.",
                hint="Ask somebody else who may change approvers to enter it.",
            )
        super().save(*args, **kwargs)

    def change_for_two(self, stored: Approver | None) -> AskedChange | None:
        if not self._is_gain():
            return None
        what = f"{self.person} as {self.role}: {self.reach()}"
        return two_people.about(
            self, stored, GuardedKind.ROLE, what, people={self.person_id}, roles={self.role.slug}
        )

    def reach(self) -> str:
        """How far it reaches and until when, in words."""
        limit = (
            f"up to {Money(self.limit_amount, self.limit_currency)} a year"
            if self.limit_amount is not None
            else ""
        )
        kinds = f"{', '.join(self.program_kinds)} programs" if self.program_kinds else ""
        regions = f"in {', '.join(self.regions)}" if self.regions else ""
        since = f"from {self.valid_from:%Y-%m-%d}" if self.valid_from else ""
        until = f"until {self.valid_until:%Y-%m-%d}" if self.valid_until else ""
        return ", ".join(part for part in (limit, kinds, regions, since, until) if part) or "without limit"

    def _is_gain(self) -> bool:
        """Whether the row as it is now lets the person do anything that the stored one does not."""
        stored = None if self._state.adding else type(self).objects.get(pk=self.pk)
        return stored is None or self.reaches_further_than(stored)

    def reaches_further_than(self, other: Approver) -> bool:
        """Whether it lets the person do anything that ``other``, an earlier or a later version, does not."""
        if (other.person_id, other.role_id) != (self.person_id, self.role_id):
            return True
        limit, before = self.limit_amount, other.limit_amount
        other_money = limit is not None and self.limit_currency != other.limit_currency
        return (
            (before is not None and (limit is None or limit > before or other_money))
            or _is_wider(self.program_kinds, other.program_kinds)
            or _is_wider(self.regions, other.regions)
            or _is_earlier(self.valid_from, other.valid_from)
            or _is_earlier(other.valid_until, self.valid_until, none_is_last=True)
        )

    def is_valid_at(self, instant: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= instant) and (
            self.valid_until is None or instant < self.valid_until
        )

    def covers(self, *, amount: Decimal | None, currency: str, kind: str, region: str) -> str | None:
        """None where the authority reaches, else the reason it does not."""
        if self.program_kinds and kind not in self.program_kinds:
            return f"holds {self.role} only for {', '.join(self.program_kinds)} programs"
        if self.regions and region not in self.regions:
            return f"holds {self.role} only in {', '.join(self.regions)}"
        if self.limit_amount is None or amount is None:
            return None
        if currency != self.limit_currency:
            return f"has a limit in {self.limit_currency}, but the amount is in {currency}"
        if amount > self.limit_amount:
            limit, asked = Money(self.limit_amount, currency), Money(amount, currency)
            return (
                f"may sign up to {limit} a year, but the amount is {str(asked).removesuffix(f' {currency}')}"
            )
        return None


def _is_acting(person: Person) -> bool:
    user_id = actors.current().actor.user_id
    return user_id is not None and person.accounts.filter(pk=user_id).exists()


def _is_acting_alone(person: Person) -> bool:
    """Whether it is they, by an account that nobody else can log in with: links go there, to set a password
    and to confirm a second factor. Where the site asks for one, the password alone does not say who it is."""
    actor = actors.current().actor
    if settings.GTM_SECOND_FACTOR and not actor.second_factor:
        return False
    return _is_acting(person) and accounts.why_not_theirs(actor.user) is None


def _is_wider(now: Sequence[str], before: Sequence[str]) -> bool:
    """Nothing named means everything."""
    return bool(before) and (not now or not set(now) <= set(before))


def _is_earlier(one: datetime | None, other: datetime | None, *, none_is_last: bool = False) -> bool:
    """Whether ``one`` comes before ``other``; None is before every time, or with ``none_is_last`` after."""
    if one == other:
        return False
    if one is None or other is None:
        return (other if none_is_last else one) is None
    return one < other


class Absence(ChangedByTwo, GovernedModel):
    """Out of office, with the substitute that covers."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    substitute = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="covers_absences"
    )
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                name="absence_ends_after_it_starts", condition=models.Q(ends_at__gt=models.F("starts_at"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} away {' – '.join(map(str, self.days))}"

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day, on the calendar of whoever is away: it ends before ``ends_at``."""
        zone = ZoneInfo(self.person.time_zone)
        last = max(self.starts_at, self.ends_at - timedelta(microseconds=1))
        return self.starts_at.astimezone(zone).date(), last.astimezone(zone).date()

    def change_for_two(self, stored: Absence | None) -> AskedChange | None:
        """One's own absence is one's own to enter; another's takes two, unless it gets shorter."""
        if _is_acting(self.person) and (stored is None or stored.person_id == self.person_id):
            return None
        if stored is not None and self._is_only_shorter(stored):
            return None
        stand_in = f", {self.substitute} stands in" if self.substitute else ""
        people = {self.person_id, self.substitute_id}
        return two_people.about(
            self, stored, GuardedKind.ABSENCE, f"{self}{stand_in}", people=people, roles=self.person.roles()
        )

    def _is_only_shorter(self, stored: Absence) -> bool:
        same = (stored.person_id, stored.substitute_id) == (self.person_id, self.substitute_id)
        return same and self.starts_at >= stored.starts_at and self.ends_at <= stored.ends_at


class Delegation(EnteredInCoins, ChangedByTwo, GovernedModel):
    """A principal lets a delegate decide for them: dated, capped, not transitive."""

    principal = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="delegations_held")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="delegations")
    commands = models.JSONField(
        default=list, blank=True, help_text="One per line: “- plan-loyalty”. Leave it empty for every command"
    )
    amount_cap = MoneyField(of="currency", null=True, blank=True, help_text=SUM_A_YEAR)
    currency = CodeField(max_length=3, default="USD", validators=[known_currency])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                name="delegation_ends_after_it_starts", condition=models.Q(ends_at__gt=models.F("starts_at"))
            ),
            models.CheckConstraint(
                name="delegation_to_somebody_else", condition=~models.Q(principal=models.F("delegate"))
            ),
            models.UniqueConstraint(
                fields=["principal", "role"],
                condition=models.Q(revoked_at__isnull=True),
                name="delegation_one_active_per_principal_and_role",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.principal} as {self.role}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Nobody takes the authority of somebody else by themselves. Raises NotPermitted."""
        is_own = _is_acting(self.delegate) and not _is_acting(self.principal)
        if is_own and not two_people.is_being_made() and self._is_new():
            raise NotPermitted(
                f"{self.delegate} cannot give themselves the authority of {self.principal}.",
                hint=f"Ask {self.principal}, or somebody else who may change delegations, to enter it.",
            )
        super().save(*args, **kwargs)

    def change_for_two(self, stored: Delegation | None) -> AskedChange | None:
        """Whom one lets decide is one's own choice; whom somebody else lets decide takes two."""
        is_revived = stored is not None and stored.revoked_at is not None and self.revoked_at is None
        if _is_acting(self.principal) or not (self._is_new() or is_revived):
            return None
        what = f"{self}, {self.starts_at:%Y-%m-%d} – {self.ends_at:%Y-%m-%d}"
        people = {self.principal_id, self.delegate_id}
        return two_people.about(
            self, stored, GuardedKind.DELEGATION, what, people=people, roles={self.role.slug}
        )

    def _is_new(self) -> bool:
        """Whether anything but its revocation differs from what is stored."""
        if self._state.adding:
            return True
        stored = type(self).objects.get(pk=self.pk)
        names = [field.attname for field in self._meta.concrete_fields if field.editable]
        return any(getattr(self, name) != getattr(stored, name) for name in names)

    def is_active_at(self, instant: datetime) -> bool:
        return self.revoked_at is None and self.starts_at <= instant < self.ends_at


def addresses_of(account: Any) -> list[str]:
    """The e-mail addresses of the people that an account belongs to."""
    return [*Person.objects.filter(accounts=account).values_list("email", flat=True)]
