"""Sessions: shown to their owner, ended one by one, by a new password, by a reset second factor."""

from allauth.usersessions.models import UserSession
from django.urls import reverse

from gtm.core.models import AccessToken, ChangeLogPayload
from plans.demo.organisation import PASSWORD
from programs.models import GuardedChange
from tests.doors import token_of, user
from tests.plans.admin.test_second_factor import administrator, reset, two
from tests.plans.admin.test_two_people import answer
from tests.second_factor import add_app, is_in, shows, with_code, with_password

__all__ = ["administrator", "two"]
PAGE = reverse("usersessions_list")


def open_(client):
    return client.get(reverse("admin:index")).status_code == 200


def test_a_session_is_ended_by_its_owner_alone_and_on_record(site):
    here, there, other = (
        with_password("finance", "10.0.0.1"),
        with_password("finance", "10.0.0.2"),
        with_password("legal", "10.0.0.3"),
    )
    shown = here.get(PAGE).content.decode()
    assert ("10.0.0.1" in shown, "10.0.0.2" in shown, "10.0.0.3" in shown) == (True, True, False)
    theirs = UserSession.objects.get(ip="10.0.0.2")
    other.post(PAGE, {"session": theirs.pk})
    assert open_(there)
    here.post(PAGE, {"session": theirs.pk})
    assert (open_(here), open_(there), open_(other)) == (True, False, True)
    row = ChangeLogPayload.objects.get(body__field="sessions").body
    assert (row["object"], row["to"].startswith("ended: 10.0.0.2")) == ("user finance", True)
    here.post(PAGE, {"session": UserSession.objects.get(ip="10.0.0.1").pk})
    assert open_(here), "one logs out of this one by logging out"


def test_all_others_are_ended_at_once(site):
    here, *others = (with_password("finance", f"10.0.0.{number}") for number in range(1, 4))
    here.post(PAGE)
    assert [open_(client) for client in (here, *others)] == [True, False, False]


def test_a_new_password_ends_the_other_sessions_and_the_tokens(site):
    here, there = with_password("finance", "10.0.0.1"), with_password("finance", "10.0.0.2")
    token_of("finance")
    new = "a long and new pass phrase"
    body = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post(reverse("own_password"), body).status_code == 302
    assert (open_(here), open_(there)) == (True, False)
    assert not AccessToken.objects.filter(user=user("finance"), ended_at=None).exists()
    assert not is_in(with_password("finance", "10.0.0.3"))
    assert is_in(with_password("finance", "10.0.0.3", new))


def test_a_reset_second_factor_ends_the_sessions(administrator):
    inside = with_code("finance", shows(add_app("finance")))
    assert open_(inside)
    reset(administrator, "finance")
    assert open_(inside)
    answer("deputy", GuardedChange.objects.get(kind="factor"), "approve")
    assert not open_(inside)


def test_an_address_that_is_none_keeps_nobody_out(site):
    assert is_in(with_password("finance", "a socket"))
