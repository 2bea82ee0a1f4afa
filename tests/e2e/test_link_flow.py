"""The referral flow in a real Chromium: scripts run, the code is read where it ends, no more is reached."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from gtm.core.actors import Actor, acting_as
from programs import browser
from programs.models import MessageTemplate
from programs.visits import Allowance, NotAllowed
from tests.landing_site import landing_site
from tests.plans.commands.launch_kit import establish

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(settings, chromium):
    settings.GTM_BROWSER = chromium
    with landing_site() as server:
        yield server


def look_at(url, *hosts):
    """In a thread of its own: Playwright runs once a thread, and the other tests' browser has this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(browser.look, url, Allowance(set(hosts), set(hosts)), "ref").result()


def look(site, path):
    return look_at(f"http://{site.host}{path}", site.host)


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
        look_at(f"http://{site.host}/join")
    assert site.asked == []


def test_the_staged_landing_page_takes_the_code_and_reaches_nothing_of_this_site(
    site, live_server, settings, transactional_db
):
    settings.GTM_STAGE_LANDING_PAGES, settings.GTM_BASE_URL = True, live_server.url
    with acting_as(Actor.system("Test")):
        establish()
    host = urlsplit(live_server.url).netloc
    url = f"{live_server.url}/join/customer-advocates/?ref=qa-test"
    seen = look_at(url, host)
    assert (seen.url, seen.status, seen.field) == (url, 200, "qa-test")


def test_a_preview_shows_the_mail_and_the_content_security_policy_breaks_nothing(page, admin_user):
    with acting_as(Actor.system("Test")):
        establish()
    page.goto("/login/?next=/programs/messagetemplate/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Log in").click()
    template = MessageTemplate.objects.get(key="launch-email", segment="")
    page.goto(f"/programs/messagetemplate/{template.pk}/preview/")
    page.frame_locator("iframe").get_by_text("Hello everyone,").wait_for()
    assert page.complaints == []
