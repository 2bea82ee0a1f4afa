"""Which objects and links there are, held against the rows: none added, none taken away, each told once."""

import pytest
from django.db import connection

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.evidence import append_only, changelog, erasure, presence
from gtm.core.evidence.changelog import Break
from gtm.core.governed import open_door
from gtm.core.models import ChangeLogEntry, ChangeLogPayload
from plans.models import Reading
from programs.models import Approver, Benefit, Person, Role, Tier
from programs.models.catalogue import BenefitKind
from tests.factories import ApproverFactory, PersonFactory, ProgramFactory, UserFactory, make_plan

pytestmark = pytest.mark.django_db
CHAIN = "installation"


@pytest.fixture(autouse=True)
def acting():
    with acting_as(Actor.system("Test")):
        yield


@pytest.fixture
def seat():
    """A person with an account, and the seat of it."""
    return ApproverFactory(person=PersonFactory())


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def told(chain=None):
    found = presence.audit_presence(chain)
    return found.breaks, found.unsure


def row_of(obj, event):
    label = obj._meta.label_lower
    return ChangeLogEntry.objects.get(entity=label, entity_id=str(obj.pk), event=event).sequence


def test_what_the_log_tells_of_is_there(seat):
    assert told() == told(CHAIN) == ([], 0)


def test_what_nobody_made_is_told_in_its_own_chain_alone():
    with open_door():
        Role.objects.bulk_create([Role(slug="b", name="b"), Role(slug="a", name="a")])
    rows = Role._base_manager.filter(slug__in="ab").order_by("pk")
    sentences = [f"programs.role {row.pk} is there, but no row records that it was made" for row in rows]
    expected = [Break(CHAIN, 0, sentence) for sentence in sentences]
    assert told() == told(CHAIN) == (expected, 0)
    assert told(make_plan().change_chain()) == ([], 0)


def test_what_is_gone_without_a_row_is_told_with_the_row_that_made_it(seat):
    pk, row = seat.pk, row_of(seat, "created")
    sql("DELETE FROM programs_approver")
    expected = [Break(CHAIN, row, f"programs.approver {pk} is gone, but no event records this")]
    assert told() == told(CHAIN) == (expected, 0)
    assert told("another") == ([], 0)


def test_what_was_deleted_is_explained_and_what_is_there_after_its_end_is_told(seat):
    pk = seat.pk
    seat.delete()
    assert told() == ([], 0)
    with open_door():
        seat.pk = pk
        Approver.objects.bulk_create([seat])
    row = ChangeLogEntry.objects.get(entity="programs.approver", event="deleted").sequence
    sentence = f"programs.approver {pk} is there, but this row says it was deleted"
    assert told() == ([Break(CHAIN, row, sentence)], 0)


def test_of_an_object_with_states_its_states_say_that_it_is_gone():
    sql("DELETE FROM programs_program WHERE id = %s", ProgramFactory().pk)
    assert told() == ([], 0)


def blank(obj, event):
    entry = ChangeLogEntry.objects.filter(entity=obj._meta.label_lower, entity_id=str(obj.pk), event=event)
    ChangeLogPayload.objects.filter(entry__in=entry).update(salt=None, body=None)


def of_before(obj):
    """The row of its creation as versions wrote it that told no columns."""
    append_only.drop(connection)
    payload = ChangeLogPayload.objects.get(
        entry__entity=obj._meta.label_lower, entry__entity_id=str(obj.pk), entry__event="created"
    )
    payload.body = {key: value for key, value in payload.body.items() if key != "fields"}
    ChangeLogPayload.objects.filter(pk=payload.pk).update(body=payload.body)


@pytest.fixture
def benefit():
    """A benefit of a tier of a program: what goes with the tier goes unsaid."""
    tier = Tier(program=ProgramFactory(), name="Gold", rank=1)
    tier.save()
    made = Benefit(tier=tier, name="Ten percent", kind=BenefitKind.values[0])
    made.save()
    return made


def gone(obj):
    label = f"{obj._meta.label_lower} {obj.pk}"
    return Break(CHAIN, row_of(obj, "created"), f"{label} is gone, but no event records this")


def test_what_went_with_what_it_belonged_to_is_told_by_the_end_of_that_one(benefit):
    tier = benefit.tier
    key = tier.pk
    tier.delete()
    assert told() == ([], 0)
    tier.pk = key
    with open_door():
        Tier.objects.bulk_create([tier])
    end = ChangeLogEntry.objects.get(entity="programs.tier", event="deleted").sequence
    there = Break(CHAIN, end, f"programs.tier {key} is there, but this row says it was deleted")
    assert sorted(told()[0], key=str) == sorted([there, gone(benefit)], key=str)


def test_what_alone_is_gone_is_told_unless_no_row_says_what_it_belonged_to(benefit):
    sql("DELETE FROM programs_benefit")
    assert told() == ([gone(benefit)], 0)
    of_before(benefit)
    assert told() == ([], 1)


def linked(person, event, *keys):
    says = f"programs.person {person.pk}: it {event} the accounts {', '.join(map(str, keys))}"
    return f"{says}, and this is not what the log recorded last"


def test_a_link_that_nobody_made_and_one_that_was_taken_are_told_with_the_last_row(seat):
    person = seat.person
    one, two = UserFactory(), UserFactory()
    person.accounts.set([one, two])
    person.accounts.remove(two)
    assert told() == told(CHAIN) == ([], 0)
    last = ChangeLogEntry.objects.filter(entity="programs.person").latest("pk").sequence
    sql("UPDATE programs_person_accounts SET user_id = %s WHERE user_id = %s", two.pk, one.pk)
    has, has_not = linked(person, "has", two.pk), linked(person, "has not", one.pk)
    assert told() == told(CHAIN) == ([Break(CHAIN, last, has), Break(CHAIN, last, has_not)], 0)
    assert told("another") == ([], 0)


def test_a_link_of_which_no_row_tells_is_told_and_a_link_to_who_is_gone_is_not(seat):
    person, somebody = seat.person, UserFactory()
    before = [*person.accounts.values_list("pk", flat=True)]
    sql("INSERT INTO programs_person_accounts (person_id, user_id) VALUES (%s, %s)", person.pk, somebody.pk)
    (found,) = told()[0]
    assert found.reason == linked(person, "has", somebody.pk)
    sql("DELETE FROM programs_person_accounts")
    assert len(told()[0]) == len(before)
    for pk in before:
        sql("DELETE FROM auth_user WHERE id = %s", pk)
    assert told() == ([], 0)


def test_a_first_link_that_no_row_tells_is_told_in_the_chain_of_its_object(db):
    ours, somebody = Person.objects.create(name="Ann", email="ann@example.com"), UserFactory()
    sql("INSERT INTO programs_person_accounts (person_id, user_id) VALUES (%s, %s)", ours.pk, somebody.pk)
    assert told()[0] == [Break(CHAIN, 0, linked(ours, "has", somebody.pk))]


def test_a_link_of_another_kind_is_none_of_this_one(seat):
    changelog.append(seat.person, "linked", field="others", after=["77"])
    changelog.append(seat.person, "unlinked", field="others", after=[*map(str, [seat.person.pk])])
    assert told() == ([], 0)
    steward = UserFactory(is_superuser=True)
    somebody = UserFactory()
    changelog.append(seat.person, "linked", field="others", after=[str(somebody.pk)])
    rows = ChangeLogEntry.objects.filter(entity="programs.person", event="linked")
    with acting_as(Actor.of_user(steward, ADMIN)):
        erasure.erase(CHAIN, [rows.latest("pk").sequence], reason="Request 12.")
    assert (told(), presence.audit_presence().hidden) == (([], 0), 0)


def test_the_row_of_an_erasure_keeps_which_keys_were_linked(seat):
    """What the row said of a person goes; the keys name nobody, and they are compared as before."""
    person, one, two = seat.person, UserFactory(), UserFactory()
    person.accounts.set([one, two])
    person.accounts.remove(one)
    last = ChangeLogEntry.objects.filter(entity="programs.person").latest("pk").sequence
    rows = ChangeLogEntry.objects.filter(entity="programs.person", event__in=erasure.LINKS)
    steward = UserFactory(is_superuser=True)
    with acting_as(Actor.of_user(steward, ADMIN)):
        erasure.erase(CHAIN, [row.sequence for row in rows], reason="Request 12.")
    assert (told(), presence.audit_presence().hidden) == (([], 0), 0)
    sql("UPDATE programs_person_accounts SET user_id = %s WHERE user_id = %s", one.pk, two.pk)
    has, has_not = linked(person, "has", one.pk), linked(person, "has not", two.pk)
    assert told() == ([Break(CHAIN, last, has), Break(CHAIN, last, has_not)], 0)


def test_links_behind_an_erased_row_are_counted_and_not_compared(seat):
    person = seat.person
    person.accounts.set([UserFactory()])
    assert presence.audit_presence().hidden == 0
    blank(person, "linked")
    sql("DELETE FROM programs_person_accounts")
    found = presence.audit_presence(CHAIN)
    assert (found.breaks, found.hidden, presence.audit_presence("another").hidden) == ([], 1, 0)


def test_what_only_pointed_to_something_does_not_go_with_it(seat):
    """A seat points to its person, and is no part of it: that both are gone explains neither."""
    person = seat.person
    sql("DELETE FROM programs_approver")
    sql("DELETE FROM programs_person_accounts")
    sql("DELETE FROM programs_person WHERE id = %s", person.pk)
    assert sorted(told()[0], key=str) == sorted([gone(seat), gone(person)], key=str)


def test_what_belonged_to_nothing_of_a_kind_went_with_nothing_of_that_kind():
    """A reading of no task: its row told every column, and the task was none."""
    plan = make_plan()
    reading = Reading(plan=plan, program=plan.program, command="a:b", rule="r", verdict="held", period="2026")
    reading.save()
    assert told() == ([], 0)
    sql("DELETE FROM plans_reading WHERE id = %s", reading.pk)
    label = f"plans.reading {reading.pk}"
    broken = Break(
        plan.change_chain(), row_of(reading, "created"), f"{label} is gone, but no event records this"
    )
    assert told() == ([broken], 0)


class ElsewhereTold:
    """An object whose rows stand in another chain, as somebody with this code can write them."""

    def __init__(self, obj):
        self.pk, self._meta, self.change_label = obj.pk, obj._meta, obj.change_label

    def change_chain(self):
        return "notices"


def test_a_link_is_told_with_the_chain_of_the_row_that_told_it_last(seat):
    somebody = UserFactory()
    changelog.append(ElsewhereTold(seat.person), "linked", field="accounts", after=[str(somebody.pk)])
    assert told()[0] == [Break("notices", 1, linked(seat.person, "has not", somebody.pk))]
