"""Rights that accounts and groups have by SQL alone: found where a row told of them, and else named."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.db import connection

from gtm.core import access_tokens
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.evidence import changelog, keys
from gtm.core.evidence.account_audit import audit_accounts
from gtm.core.evidence.erasure import erase
from gtm.core.models import ChangeLogEntry
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def made():
    """An account that an administrator made, in a group with a permission."""
    with acting_as(Actor.of_user(UserFactory(username="admin"), ADMIN)):
        user, group = UserFactory(username="olivia"), Group.objects.create(name="Stewards of tests")
        group.permissions.add(Permission.objects.get(codename="erase_payload"))
        user.groups.add(group)
    return user


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def a_superuser(user):
    sql("UPDATE auth_user SET is_superuser = TRUE WHERE id = %s", user.pk)


def opened_again(user):
    with acting_as(Actor.system("Test")):
        user.is_active = False
        user.save()
    sql("UPDATE auth_user SET is_active = TRUE WHERE id = %s", user.pk)


def out_of_its_group(user):
    sql("DELETE FROM auth_user_groups WHERE user_id = %s", user.pk)


def with_a_permission(user):
    wanted = Permission.objects.get(codename="add_user").pk
    sql("INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES (%s, %s)", user.pk, wanted)


def a_group_that_may_more(user):
    wanted = Permission.objects.get(codename="add_user").pk
    group = user.groups.get().pk
    sql("INSERT INTO auth_group_permissions (group_id, permission_id) VALUES (%s, %s)", group, wanted)


def there_after_its_end(user):
    kept = user.pk
    with acting_as(Actor.system("Test")):
        user.delete()
    user.pk = kept
    super(type(user), user).save_base(raw=True)


CASES = {
    a_superuser: "the account olivia: its is_superuser is True, but this row recorded False last",
    opened_again: "the account olivia: its is_active is True, but this row recorded False last",
    out_of_its_group: "the account olivia: its groups is none, but this row recorded 1 (Stewards",
    with_a_permission: "the account olivia: its user_permissions is 1",
    a_group_that_may_more: "the group Stewards of tests: its permissions is 2",
    there_after_its_end: "the account olivia is there, but this row says it was deleted",
}


def test_rights_that_were_given_at_a_door_are_proved_and_nobody_is_left(made):
    found = audit_accounts()
    assert (found.breaks, found.compared) == ([], 6)
    assert not [name for name in found.untold if "olivia" in name or "Stewards of tests" in name]


@pytest.mark.parametrize(("forge", "says"), CASES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_right_that_no_row_gave_is_found(made, forge, says):
    forge(made)
    with pytest.raises(CommandError) as refused:
        call_command("verify_changelog")
    assert (refused.value.returncode, says in str(refused.value)) == (1, True), refused.value


KEY = "example.com/gtm+4f6b1b9a+AUuDhXyzQnNLtKLxs7Tb1kKayyD8l6xWJoAY8TIDw/NE"
MADE = "2026-03-02 10:00:00+00:00"
PUBLISHED = [
    (
        ["INSERT INTO core_signingkey (text, made_at) VALUES (%s, %s)", KEY, MADE],
        "that it was created is not",
    ),
    (["UPDATE core_signingkey SET text = %s WHERE retired_at IS NULL", KEY], "is another key than the one"),
    (["UPDATE core_signingkey SET made_at = %s", "2020-03-02 10:00:00+00:00"], "that it was created is not"),
    (["UPDATE core_signingkey SET retired_at = NULL"], "that it was retired is not what the log says"),
    (["UPDATE core_signingkey SET retired_at = made_at"], "that it was retired is not what the log says"),
    (["DELETE FROM core_signingkey"], "the signing key that was created here is not published any more"),
]


@pytest.mark.parametrize(("statement", "says"), PUBLISHED)
def test_a_published_key_that_no_row_tells_of_is_found(db, statement, says):
    with acting_as(Actor.system("Test")):
        keys.make("example.com/gtm")
        keys.rotate()
        keys.retire()
    assert list(keys.unexplained()) == []
    sql(*statement)
    with pytest.raises(CommandError, match=says):
        call_command("verify_changelog")


def test_a_superuser_of_whom_no_row_tells_is_named_first_under_what_is_not_proved(made, capsys):
    UserFactory(username="a-staff-account", is_staff=True)
    UserFactory(username="z-root", is_superuser=True)
    UserFactory(username="plain")
    assert "the account plain" not in audit_accounts().untold
    call_command("verify_changelog")
    said = capsys.readouterr().out.partition("Not proved:")[2]
    assert "who gave these their rights: the account z-root (superuser), " in said


def test_of_an_erased_row_nothing_is_compared_until_a_later_one_tells(made):
    user = UserFactory(username="eraser")
    user.user_permissions.add(Permission.objects.get(codename="erase_payload"))
    with acting_as(Actor.of_user(user, ADMIN)):
        rows = ChangeLogEntry.objects.filter(entity="auth.user", entity_id=str(made.pk))
        erase("installation", sorted(rows.values_list("sequence", flat=True)), reason="Asked for.")
    a_superuser(made)
    found = audit_accounts()
    assert (found.breaks, "the account olivia (superuser)" in found.untold) == ([], True)


class AsRowsTell:
    """What a row about an account is written of."""

    def __init__(self, user):
        self.pk, self._meta = user.pk, user._meta

    def change_chain(self):
        return changelog.INSTALLATION

    def change_label(self):
        return "account olivia"


def test_a_row_of_something_that_did_not_happen_tells_no_right(made):
    """A refusal names a column, too, and what somebody wanted it to be."""
    with acting_as(Actor.system("Test")):
        changelog.append(AsRowsTell(made), "refused", field="is_superuser", after=True)
    assert audit_accounts().breaks == []
    with acting_as(Actor.system("Test")):
        changelog.append(AsRowsTell(made), "changed", field="is_superuser", after=True)
    (found,) = audit_accounts().breaks
    assert "its is_superuser is False, but this row recorded True last" in found.reason


def test_a_group_with_another_name_is_no_contradiction(made):
    made.groups.update(name="Stewards of everything")
    assert audit_accounts().breaks == []
    assert "the account olivia" in audit_accounts().untold


@pytest.fixture
def token(made):
    with acting_as(Actor.of_user(made, ADMIN)):
        return access_tokens.make(made, name="reports", scopes=["read"], days=30)[0]


def test_a_token_of_which_a_row_tells_is_proved_also_under_another_name_of_its_account(made, token):
    assert audit_accounts().breaks == []
    sql("UPDATE auth_user SET username = 'olga' WHERE id = %s", made.pk)
    assert audit_accounts().breaks == []


TOKENS = {
    """UPDATE core_accesstoken SET scopes = '["read", "run"]'""": "is not the one that this row made",
    "UPDATE core_accesstoken SET expires_at = '2099-01-01 00:00:00+00:00'": "is not the one that this row",
    "UPDATE core_accesstoken SET user_id = (SELECT MIN(id) FROM auth_user)": "of admin is not the one",
    "UPDATE core_accesstoken SET id = id + 1000": "is there, but no row records that it was made",
}


@pytest.mark.parametrize(("statement", "says"), TOKENS.items())
def test_a_token_that_no_row_made_as_it_is_is_found_while_it_opens_a_door(token, statement, says):
    sql(statement)
    (found,) = audit_accounts().breaks
    assert (says in found.reason, found.chain) == (True, "installation")
    sql("UPDATE core_accesstoken SET ended_at = made_at")
    assert audit_accounts().breaks == []


def test_a_group_whose_permissions_no_row_tells_is_named_and_one_without_any_is_not(made):
    with acting_as(Actor.system("Test")):
        Group.objects.create(name="Nothing to tell")
    sql("INSERT INTO auth_group (name) VALUES ('Quiet')")
    quiet, wanted = Group.objects.get(name="Quiet").pk, Permission.objects.get(codename="add_user").pk
    sql("INSERT INTO auth_group_permissions (group_id, permission_id) VALUES (%s, %s)", quiet, wanted)
    assert [name for name in audit_accounts().untold if "group" in name and "olivia" not in name][-1:] == [
        "the group Quiet"
    ]
    assert "the group Nothing to tell" not in audit_accounts().untold
    assert "the group Stewards of tests" not in audit_accounts().untold


@pytest.mark.parametrize(("names", "says"), [("ABC", "3 (A, B, C) last"), ("ABCD", "4 (A, B, C, …) last")])
def test_many_groups_are_told_in_short(made, names, says):
    with acting_as(Actor.of_user(UserFactory(), ADMIN)):
        made.groups.set([Group.objects.create(name=name) for name in names])
    out_of_its_group(made)
    (found,) = audit_accounts().breaks
    assert found.reason.endswith(f"its groups is none, but this row recorded {says}")
