"""The matrix of authority forgets no field, no link and no door, and says of each what the guard does."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import WaitsForSecondPerson
from plans.management import authority_matrix
from programs.models import (
    Absence,
    Approver,
    Benefit,
    Delegation,
    LifecycleTrigger,
    Partner,
    RotaOverride,
    Tier,
    two_people,
)
from programs.models.program import LOOKED_AT
from programs.schemas.authority import AUTHORITY, NAMES_ONLY, TWO
from tests.factories import PersonFactory, ProgramFactory, RoleFactory, UserFactory, make_plan
from tests.plans.admin import test_two_people
from tests.plans.engine.conftest import acting, time  # noqa: F401 - fixtures

WHOLE = {label for label in AUTHORITY if label != "programs.program"}
BEHIND = frozenset({"id", "version", "created_at", "updated_at"})
PEOPLE = {"programs.person", "programs.role", "auth.user", "auth.group", "auth.permission"}


def fields_of(model):
    return {f.name for f in [*model._meta.concrete_fields, *model._meta.many_to_many]} - BEHIND


@pytest.mark.parametrize("label", sorted(WHOLE))
def test_no_field_of_a_model_of_authority_is_forgotten(label):
    assert fields_of(apps.get_model(label)) == {*AUTHORITY[label]}


def test_no_fact_of_a_program_that_gates_look_at_is_forgotten():
    assert set(AUTHORITY["programs.program"]) == set(LOOKED_AT)


def test_no_link_to_a_person_an_account_or_a_role_is_forgotten():
    links = {
        f"{model._meta.label_lower}.{field.name}"
        for model in apps.get_models()
        if not model.__name__.startswith("Historical")
        for field in [*model._meta.concrete_fields, *model._meta.many_to_many]
        if field.related_model is not None and field.related_model._meta.label_lower in PEOPLE
    }
    named = {f"{label}.{name}" for label, fields in AUTHORITY.items() for name in fields}
    assert links - named == {*NAMES_ONLY}


def test_every_door_that_the_matrix_knows_is_walked_by_a_test():
    """A door that comes to a model later fails here, until a way through it is tested."""
    offered = {
        label: {d for d, told in authority_matrix.doors_of(label).items() if told} for label in AUTHORITY
    }
    assert offered == WALKED


PAGE, INLINE, FILE, VERSION, REST = "page", "inline", "file", "earlier version", "REST"
WALKED = {
    "programs.approver": {PAGE, INLINE, FILE, VERSION, REST},
    "programs.absence": {PAGE, FILE, VERSION},
    "programs.delegation": {PAGE},
    "programs.rotaoverride": {PAGE, FILE, VERSION, REST, "command line"},
    "programs.person": {PAGE, FILE, VERSION},
    "programs.role": {PAGE, FILE, VERSION},
    "programs.partner": {PAGE, FILE, VERSION, REST},
    "programs.program": {PAGE, FILE, VERSION, REST},
    "auth.user": {PAGE, "command line"},
    "auth.group": {PAGE},
    "programs.tier": {PAGE, INLINE, FILE, VERSION, REST},
    "programs.benefit": {PAGE, INLINE, FILE, VERSION, REST},
    "programs.lifecycletrigger": {PAGE, FILE, VERSION, REST},
}
BY_DOOR = {
    "_on_a_page": PAGE, "_in_an_inline": INLINE, "_by_a_file": FILE, "_by_an_earlier_version": VERSION,
    "_over_rest": REST,
}  # fmt: skip
OF_MODEL = {
    "programs.approver": ("grant", "raise"), "programs.absence": ("absence",),
    "auth.group": ("permission_of_a_group",),
    "programs.delegation": ("delegation",), "programs.rotaoverride": ("override",),
    "programs.person": ("link", "unlink", "come_back", "address"),
    "programs.role": ("lighter_role",), "programs.partner": ("contact",), "programs.program": ("facts",),
    "auth.user": ("superuser", "group_on", "permission_on", "opened", "password"),
    "programs.tier": ("tier",), "programs.benefit": ("benefit",), "programs.lifecycletrigger": ("trigger",),
}  # fmt: skip


def test_the_ways_that_tests_walk_are_the_doors_there_are():
    ways = [
        way.__name__
        for ways in (test_two_people.AUTHORITY, test_two_people.FACTS, test_two_people.PUBLISHED)
        for found in ways.values()
        for way in found
    ]
    for label, begins in OF_MODEL.items():
        walked = {
            door
            for way in ways
            for ending, door in BY_DOOR.items()
            if way.startswith(begins)
            and (way.endswith(ending) or door == PAGE and way == "permission_of_a_group")
        }
        assert walked == WALKED[label] - {"command line"}, label


# ------------------------------------------------------------------ the guard does what the matrix says


def saved(row):
    row.save()
    return row


@pytest.fixture
def world(acting, monkeypatch):  # noqa: F811
    """A row of each model as it stands, and somebody who changes it while another could agree."""
    monkeypatch.setattr(RotaOverride, "checks", [])  # the rota of this world stands on no ladder
    now, span = clock.now(), timedelta(days=3)
    person, other = PersonFactory(roles=["finance"]), PersonFactory(roles=["legal"])
    steward = PersonFactory()
    steward.accounts.get().user_permissions.add(Permission.objects.get(codename="decide_guardedchange"))
    program = ProgramFactory()
    make_plan(program=program)
    approver = person.approverships.get()
    approver.limit_amount, approver.program_kinds, approver.regions = Decimal(10), ["loyalty"], ["EMEA"]
    approver.valid_from, approver.valid_until = now, now + span
    approver.save()
    tier = saved(Tier(program=program, name="Silver", rank=1, from_plan="plan-1"))
    benefit = saved(Benefit(tier=tier, name="Returns", kind="perk"))
    trigger = saved(LifecycleTrigger(program=program, key="k", stage="renewal", event="e", entry_rule="r",
                                     action="a", channel="c", from_plan="plan-1"))  # fmt: skip
    lent = {"principal": person, "delegate": other, "role": approver.role, "reason": "r"}
    gone = UserFactory(is_active=False)
    rows = {
        "programs.approver": approver,
        "programs.absence": saved(Absence(person=person, starts_at=now, ends_at=now + span)),
        "programs.delegation": saved(Delegation(starts_at=now, ends_at=now + span, revoked_at=now, **lent)),
        "programs.rotaoverride": saved(
            RotaOverride(rota="Desk", person=person, starts_at=now, ends_at=now + span, reason="r")
        ),
        "programs.person": saved_as(PersonFactory(roles=["finance"]), is_active=False),
        "programs.role": saved_as(RoleFactory(slug="legal"), handles_money_or_law=True),
        "programs.partner": saved(Partner(slug="n", name="N")),
        "programs.program": program,
        "auth.user": gone,
        "auth.group": Group.objects.create(name="G"),
        "programs.tier": tier,
        "programs.benefit": benefit,
        "programs.lifecycletrigger": trigger,
    }
    return rows, UserFactory()


def saved_as(row, **values):
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row


def another(row, field):
    """A value that is a gain, where the field is about authority."""
    gains = {
        ("programs.approver", "limit_amount"): Decimal(99), ("programs.approver", "program_kinds"): [],
        ("programs.approver", "regions"): [], ("programs.approver", "limit_currency"): "EUR",
        ("programs.approver", "valid_from"): None, ("programs.approver", "valid_until"): None,
        ("programs.absence", "ends_at"): clock.now() + timedelta(days=9),
        ("programs.absence", "starts_at"): clock.now() - timedelta(days=9),
        ("programs.delegation", "amount_cap"): Decimal(99),
        ("programs.delegation", "revoked_at"): None, ("programs.role", "handles_money_or_law"): False,
        ("programs.program", "subdivision"): "CA", ("programs.program", "working_week"): "60123",
        ("programs.program", "country"): "DE", ("programs.program", "time_zone"): "Europe/Berlin",
        ("programs.program", "kind"): "referral", ("auth.user", "last_login"): clock.now(),
    }  # fmt: skip
    if (key := (row._meta.label_lower, field.name)) in gains:
        return gains[key]
    if field.related_model is not None:
        return {
            "person": PersonFactory(), "role": RoleFactory(slug="other"),
            "group": Group.objects.create(name="H"),
            "program": ProgramFactory(), "tier": Tier.objects.exclude(pk=getattr(row, "tier_id", 0)).first(),
        }[field.related_model._meta.model_name]  # fmt: skip
    value = getattr(row, field.name)
    if isinstance(value, bool):
        return not value
    if hasattr(value, "year"):
        return value + timedelta(days=1)
    if isinstance(value, int | Decimal):
        return value + 1
    if isinstance(value, list):
        return [*value, "x"]
    return f"{value}x"[-(field.max_length or 99) :]


@pytest.mark.parametrize(
    ("label", "name"), [(label, name) for label, fields in AUTHORITY.items() for name in fields]
)
def test_the_guard_does_what_the_matrix_says(world, label, name):
    rows, doer = world
    row, weight = rows[label], AUTHORITY[label][name]
    if label == "programs.benefit" and name == "tier":
        saved(Tier(program=row.tier.program, name="Gold", rank=2, from_plan="plan-1"))
    field = row._meta.get_field(name)
    given = Permission.objects.filter(codename="change_approver")
    links = {
        "accounts": [UserFactory()], "user_permissions": given, "permissions": given,
        "groups": [Group.objects.create(name="Able")], "programs": [ProgramFactory()],
    }  # fmt: skip
    for group in links["groups"]:
        group.permissions.set(given)
    value = None if field.many_to_many else another(row, field)
    if name == "password":
        row.user_permissions.set(given)
        row.set_password("another-2026")
    with acting_as(Actor.of_user(doer, ADMIN, interactive=True)):
        waited = False
        try:
            if field.many_to_many:
                getattr(row, name).add(*links[name])
            else:
                if name != "password":
                    setattr(row, name, value)
                row.save()
        except WaitsForSecondPerson:
            waited = True
    assert waited == (weight.by == TWO or weight.why.startswith("written when a plan publishes"))


def test_without_a_second_person_nothing_waits(world):
    rows, doer = world
    get_user_model().objects.filter(user_permissions__codename="decide_guardedchange").update(is_active=False)
    with acting_as(Actor.of_user(doer, ADMIN, interactive=True)):
        assert two_people.seconds(doer) == set()
        row = rows["programs.approver"]
        row.limit_amount = Decimal(99)
        row.save()
    assert Approver.objects.get(pk=row.pk).limit_amount == 99
