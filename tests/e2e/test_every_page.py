"""Every page of the admin, one of each, looked at closely; none is forgotten."""

import pytest
from django.test import override_settings

from plans.models import Plan
from tests.doors import user
from tests.e2e import every_page

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def furnished(waiting_plan) -> Plan:
    with override_settings(GTM_BREAK_GLASS=True):
        every_page.one_of_everything()
        yield waiting_plan


@pytest.fixture
def request_of_admin(rf):
    request = rf.get("/")
    request.user = user("admin")
    return request


def test_no_page_is_forgotten(furnished, request_of_admin):
    of_models = {
        name
        for kind in every_page.KINDS
        for name in every_page.names()
        if name.endswith(f"_{kind}") and name not in every_page.NO_PAGES
    }
    forms = {name for name in every_page.names() if name.endswith(every_page.FORMS)}
    own = every_page.own_pages(furnished).keys() | every_page.NO_PAGES.keys() | every_page.action_names()
    assert every_page.names() - of_models - forms - own == set()


@pytest.mark.parametrize("kind", every_page.KINDS)
def test_the_pages_of_every_model_are_sound(enter, furnished, request_of_admin, kind):
    admin = enter("admin")
    pages = every_page.model_pages(kind, request_of_admin)
    assert pages
    assert {name: told for name, url in pages.items() if (told := admin.faults_at(url))} == {}


def test_the_pages_of_our_own_are_sound(enter, furnished):
    admin = enter("admin")
    pages = every_page.own_pages(furnished)
    found = {url: admin.faults_at(url) for urls in pages.values() for url in urls}
    assert {url: told for url, told in found.items() if told} == {}
