"""The referral flow in a real Chromium: scripts run, the code is read where it ends, no more is reached."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from gtm.core.places.outside import Allowance, NotAllowed
from programs.models import MessageTemplate
from programs.outreach import browser
from tests.landing_site import landing_site

pytestmark = pytest.mark.e2e


@pytest.fixture
def landing(settings, chromium):
    settings.GTM_BROWSER = chromium
    with landing_site() as server:
        yield server


def look_at(url, *hosts):
    """In a thread of its own: Playwright runs once a thread, and the other tests' browser has this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(browser.look, url, Allowance(set(hosts), set(hosts)), "ref").result()


def look(landing, path):
    return look_at(f"http://{landing.host}{path}", landing.host)


def test_a_browser_that_is_installed_is_found(landing, settings):
    assert browser.missing() == ""
    settings.GTM_BROWSER = "no-such-browser"
    assert browser.missing() == "no Chromium is installed"


def test_a_form_filled_by_a_script_shows_its_code_and_leaves_a_picture(landing):
    seen = look(landing, "/script?ref=qa-test&utm_source=crm")
    assert (seen.status, seen.field) == (200, "qa-test")
    assert seen.url == f"http://{landing.host}/script?ref=qa-test&utm_source=crm"
    assert seen.picture.startswith(b"\x89PNG")


def test_a_redirect_is_followed_and_told(landing):
    assert look(landing, "/keeps?ref=qa-test").url == f"http://{landing.host}/join?ref=qa-test"


def test_a_page_without_the_field_says_so(landing):
    assert look(landing, "/bare").field is None


@pytest.mark.parametrize("path", ["/away", "/inside"])
def test_a_redirect_off_the_list_is_not_reached(landing, path):
    with pytest.raises((browser.LookFailed, NotAllowed)):
        look(landing, path)


def test_another_port_of_an_allowed_machine_is_not_pictured(landing):
    with landing_site() as other:
        landing.elsewhere = f"http://{other.host}/join"
        with pytest.raises((browser.LookFailed, NotAllowed)):
            look(landing, "/elsewhere")
        assert other.asked == []


def test_a_host_that_is_not_allowed_is_never_opened(landing):
    with pytest.raises(NotAllowed):
        look_at(f"http://{landing.host}/join")
    assert landing.asked == []


def test_the_staged_landing_page_takes_the_code_and_reaches_nothing_of_this_site(landing, site, settings):
    settings.GTM_STAGE_LANDING_PAGES, settings.GTM_BASE_URL = True, site.url
    url = f"{site.url}/join/customer-advocates/?ref=qa-test"
    seen = look_at(url, urlsplit(site.url).netloc)
    assert (seen.url, seen.status, seen.field) == (url, 200, "qa-test")


def test_a_preview_shows_the_mail(enter):
    admin = enter("admin")
    template = MessageTemplate.objects.get(key="launch-email", segment="")
    admin.open(f"/programs/messagetemplate/{template.pk}/preview/")
    admin.page.frame_locator("iframe").get_by_text("Hello *|FNAME|*,").wait_for()
