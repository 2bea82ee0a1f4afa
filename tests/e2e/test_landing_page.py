"""The landing page of a kit in Chromium: whoever came by a tagged link keeps its tags on the ways on."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from jinja2 import Template
from playwright.sync_api import sync_playwright

from plans import standard
from plans.demo import launch_kit

pytestmark = pytest.mark.e2e
TAGS = "utm_source=linkedin&utm_medium=social&utm_campaign=customer-advocates&utm_content=post-2"


@pytest.fixture(scope="module")
def page():
    """The shipped page, filled in as a kit fills it: links to its own site carry no tags."""
    source = (Path(standard.__file__).parent / "messages/landing-page.html").read_text()
    site = "https://advocates.demo.example"
    return Template(source).render(
        program={"name": "Customer Advocates"},
        copy=launch_kit.COPY,
        link={"landing": f"{site}/join", "terms": f"{site}/terms"},
        locale="en",
        code_parameter="ref",
    )


def left_by(page, address, chromium):
    """What leaves when a visitor comes to the page at ``address`` and presses its button, and where its
    link to the terms leads."""

    def visit():
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            tab, sent = browser.new_page(), []
            tab.on("request", lambda request: sent.append(request.url))
            tab.route("**/*", lambda route: route.fulfill(body=page, content_type="text/html"))
            tab.goto(address)
            terms = tab.get_attribute("#terms a", "href")
            tab.fill("#email", "ada@example.com")
            sent.clear()
            tab.click("form button")
            tab.wait_for_load_state()
            browser.close()
            return sent[0], terms

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(visit).result()


@pytest.mark.parametrize(
    "host", ["advocates.demo.example", "www.advocates.demo.example", "pages.builder.example"]
)
def test_the_page_s_button_keeps_the_tags_of_the_post_that_led_there(page, host, chromium):
    sent, terms = left_by(page, f"https://{host}/join?{TAGS}&ref=ABC", chromium)
    for address in (sent, terms):
        told = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert told == {**{name: values[0] for name, values in parse_qs(TAGS).items()}, "ref": "ABC"}
    assert urlsplit(sent).netloc == "advocates.demo.example"


def test_a_visitor_without_tags_gets_none(page, chromium):
    sent, terms = left_by(page, "https://advocates.demo.example/join", chromium)
    assert (urlsplit(sent).query, urlsplit(terms).query) == ("", "")
