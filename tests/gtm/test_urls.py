"""The routes every installation has."""

import pytest


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
