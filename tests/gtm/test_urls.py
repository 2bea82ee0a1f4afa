"""The routes every installation has."""

import re

import pytest

from gtm import headers


def test_liveness_answers_without_a_database(client):
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_home_sends_a_stranger_to_the_login(client):
    response = client.get("/")
    assert (response.status_code, response.headers["Location"]) == (302, "/login/?next=/")


@pytest.mark.django_db
def test_home_opens_for_staff_and_carries_the_security_headers(admin_client):
    response = admin_client.get("/")
    assert response.status_code == 200
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Frame-Options"] == "DENY"


@pytest.mark.django_db
def test_schema_is_openapi_3_for_who_is_logged_in(admin_client):
    response = admin_client.get("/api/v1/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.")


def test_every_exception_of_the_policy_has_its_reason_and_no_inline_script_runs():
    open_sources = {
        (name, source)
        for name, *sources in map(str.split, headers.CONTENT_SECURITY_POLICY.split("; "))
        for source in sources
        if source not in ("'self'", "'none'")
    }
    assert open_sources == {*headers.EXCEPTIONS}
    assert all(len(reason) > 20 for reason in headers.EXCEPTIONS.values())
    scripts = headers.CONTENT_SECURITY_POLICY.partition("script-src ")[2].partition(";")[0]
    assert scripts == "'self' 'unsafe-eval'"


@pytest.mark.django_db
def test_what_is_no_page_runs_nothing_where_a_browser_shows_it(client):
    answer = client.get("/api/v1/nothing/")
    assert answer.headers["Content-Security-Policy"] == headers.DATA_POLICY


@pytest.mark.django_db
def test_the_documentation_of_rest_has_no_inline_script(admin_client):
    page = admin_client.get("/api/v1/docs/").content.decode()
    assert re.findall(r"<script>", page) == []
    script = re.search(r'<script src="([^"]*docs/[^"]*script[^"]*)"', page)[1]
    assert "SwaggerUIBundle" in admin_client.get(script.replace("&amp;", "&")).content.decode()
