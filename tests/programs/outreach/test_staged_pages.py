"""Staged landing pages: only where asked for, cut off from this site, and never with holes."""

import pytest
from django.urls import reverse

from plans.commands.launch_program.steps.link_qa import check_links
from plans.demo import launch_kit
from programs.models import LaunchProfile
from programs.outreach.staged_pages import policy_of
from tests.plans.commands.launch_program.launch_kit import change_template, context_of, establish
from tests.plans.engine.conftest import acting, time  # noqa: F401

URL = "/join/customer-advocates/"


@pytest.fixture
def program(acting, settings):  # noqa: F811
    settings.GTM_STAGE_LANDING_PAGES = True
    settings.GTM_BASE_URL = "http://localhost:8000"
    return establish()


def test_the_page_is_the_template_filled_and_cut_off_from_this_site(program, client):
    response = client.get(URL + "?utm_source=crm&ref=qa-test")
    assert response.status_code == 200
    assert "<h1>Customer Advocates</h1>" in response.content.decode()
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy and "connect-src" not in policy
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert not response.cookies


def test_what_is_asked_is_not_written_into_the_page(program, client):
    assert "<b>" not in client.get(URL + "?ref=<b>").content.decode()


def test_nothing_is_staged_unless_the_administrator_says_so(program, client, settings):
    settings.GTM_STAGE_LANDING_PAGES = False
    assert client.get(URL).status_code == 404


def test_a_page_with_holes_or_of_nobody_is_not_there(program, client):
    assert client.get(reverse("staged_landing_page", args=["nobody"])).status_code == 404
    change_template("landing-page", html="{{ copy.unknown }}")
    assert client.get(URL).status_code == 404
    change_template("landing-page", html="fine", is_active=False)
    assert client.get(URL).status_code == 404


def test_a_page_takes_nothing(program, client):
    assert client.post(URL, {"ref": "x"}).status_code == 405


def test_the_demo_leads_its_links_to_the_staged_page(program):
    profile = LaunchProfile.objects.get()
    assert profile.landing_url == f"http://localhost:8000{URL}"
    assert profile.allowed_hosts == ["localhost:8000"]


def test_without_staging_the_demo_checks_its_links_as_text_and_says_what_was_not_followed(program, settings):
    settings.GTM_STAGE_LANDING_PAGES = False
    LaunchProfile.objects.get().delete()
    launch_kit.load(program)
    url = (
        "https://advocates.demo.example/join?utm_campaign=customer-advocates&utm_medium=email&utm_source=crm"
    )
    kit = {"links": [{"path": "email/x.txt", "channel": "email", "url": url}]}
    values = check_links(context_of(program, outputs={"kit": kit})).values
    assert (values["tracking_accuracy"], values["followed"]) == (None, 0)
    assert list(values["not_followed"]) == ["advocates.demo.example"]


def test_scripts_and_styles_of_the_template_run_by_their_digests_and_no_others(program, client):
    policy = client.get(URL).headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert policy.count("'sha256-") == 2
    source = "<style>a{}</style><p>{{ copy.terms_note }}</p><script>run()</script>"
    filled = source.replace("{{ copy.terms_note }}", "<script>stolen()</script>")
    assert "script-src 'none'; style-src 'sha256-" in policy_of(source, filled)
    assert "script-src 'none'; style-src 'none'" in policy_of("<p onclick='x()'>", "<p onclick='x()'>")
    assert policy_of(source, source) == policy_of(source, source.replace("{{ copy.terms_note }}", "Terms"))
