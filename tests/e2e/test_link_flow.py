"""The referral flow in a real Chromium: scripts run, the code is read where it ends, no more is reached."""

import pytest

from programs import browser
from programs.visits import Allowance, NotAllowed
from tests.landing_site import landing_site

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(settings, chromium):
    settings.GTM_BROWSER = chromium
    with landing_site() as server:
        yield server


def look(site, path, **rest):
    return browser.look(f"http://{site.host}{path}", Allowance({site.host}, {site.host}), "ref", **rest)


def test_a_browser_that_is_installed_is_found(site, settings):
    assert browser.missing() == ""
    settings.GTM_BROWSER = "no-such-browser"
    assert browser.missing() == "no Chromium is installed"


def test_a_form_filled_by_a_script_shows_its_code_and_leaves_a_picture(site):
    seen = look(site, "/script?ref=qa-test&utm_source=crm")
    assert (seen.status, seen.field) == (200, "qa-test")
    assert seen.url == f"http://{site.host}/script?ref=qa-test&utm_source=crm"
    assert seen.picture.startswith(b"\x89PNG")


def test_a_redirect_is_followed_and_told(site):
    assert look(site, "/keeps?ref=qa-test").url == f"http://{site.host}/join?ref=qa-test"


def test_a_page_without_the_field_says_so(site):
    assert look(site, "/bare").field is None


@pytest.mark.parametrize("path", ["/away", "/inside"])
def test_a_redirect_off_the_list_is_not_reached(site, path):
    with pytest.raises((browser.LookFailed, NotAllowed)):
        look(site, path)


def test_another_port_of_an_allowed_machine_is_not_pictured(site):
    with landing_site() as other:
        site.elsewhere = f"http://{other.host}/join"
        with pytest.raises((browser.LookFailed, NotAllowed)):
            look(site, "/elsewhere")
        assert other.asked == []


def test_a_host_that_is_not_allowed_is_never_opened(site):
    with pytest.raises(NotAllowed):
        browser.look(f"http://{site.host}/join", Allowance(set()), "ref")
    assert site.asked == []
