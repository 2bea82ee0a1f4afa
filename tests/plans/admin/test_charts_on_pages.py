"""Charts of a plan's page: their specification with the points, and a picture for whoever runs no script."""

import json
import re

import pytest
from django.urls import reverse

from plans.drawing import pictures
from plans.models import Artifact
from plans.schemas.answer import Answer
from plans.schemas.outputs import Chart, Column, Series, Table
from tests.doors import user
from tests.plans.admin.test_result_page import keep

TREND = Chart("trend", "How it <went>", "line", ["a", "b"], [Series("</script>", [1.0, 2.5])], unit="USD")
ROWS = Table("rows", "Rows", [Column("name", "Name")], [["x"]])
ANSWER = Answer(headline="Do it.", verdict="go", chart="trend", table="rows")


@pytest.fixture
def charted(asked, client):
    keep(asked, ANSWER, TREND, ROWS)
    client.force_login(user("ops"))
    return asked


def page_of(client, plan):
    return client.get(reverse("admin:plans_plan_change", args=[plan.pk])).content.decode()


def picture_of(client, plan, key):
    artifact = Artifact.objects.get(plan=plan, key=key)
    return client.get(reverse("admin:plans_plan_picture", args=[plan.pk, artifact.pk]))


def test_a_page_carries_each_chart_as_data_that_cannot_end_its_script(charted, client):
    page = page_of(client, charted)
    found = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    lead, chapter = (json.loads(one) for one in found)
    assert lead == chapter
    assert [(p["series"], p["told"]) for p in lead["datasets"]["points"]] == [
        ("</script>", "1 USD"),
        ("</script>", "2.50 USD"),
    ]
    assert "gtm/charts.js" in page


def test_a_browser_without_scripts_gets_a_picture_with_words_and_the_figures(charted, client):
    page = page_of(client, charted)
    artifact = Artifact.objects.get(plan=charted, key="trend")
    address = reverse("admin:plans_plan_picture", args=[charted.pk, artifact.pk])
    assert f'<noscript><img src="{address}" alt="How it &lt;went&gt;' in page
    assert reverse("admin:plans_plan_table", args=[charted.pk, artifact.pk]) in page
    picture = picture_of(client, charted, "trend")
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/svg+xml")


def test_what_is_no_chart_has_no_picture(charted, client):
    assert picture_of(client, charted, "rows").status_code == 404


def test_a_picture_that_cannot_be_drawn_is_a_page_that_says_so(charted, client, monkeypatch):
    monkeypatch.setattr(pictures, "CHILD", "plans.drawing.no_such_module")
    answer = picture_of(client, charted, "trend")
    assert answer.status_code == 503
    assert "The chart cannot be drawn at the moment." in answer.content.decode()
