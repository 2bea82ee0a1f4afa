"""Message templates: what is refused, and a preview that shows what would go out and can do nothing."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from gtm.core.models import ChangeLogEntry
from programs.models import Asset, LaunchProfile, MessageTemplate
from tests.doors import built, site  # noqa: F401
from tests.plans.admin.conftest import demo, login  # noqa: F401

FINE = {"key": "x", "asset": "faq", "channel": "every", "title": "X", "utm_source": "s", "utm_medium": "m"}


def wrong(**fields):
    with pytest.raises(ValidationError) as refused:
        MessageTemplate(**{**FINE, **fields}).clean()
    return refused.value.message_dict


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, {"text": ["A template needs HTML or text."]}),
        (
            {"text": "{{ a"},
            {"text": ["text, line 1: unexpected end of template, expected 'end of print statement'."]},
        ),
        (
            {"text": "x", "utm_source": "CRM"},
            {"utm_source": ["Tags are lower case, without white space around."]},
        ),
        (
            {"asset": Asset.LAUNCH_EMAIL, "html": "x"},
            dict.fromkeys(
                ["subject", "preheader", "text"], ["An e-mail needs a subject, a preheader, HTML and text."]
            ),
        ),
    ],
)
def test_a_template_that_no_kit_could_hold_is_refused_in_words(fields, named):
    assert wrong(**fields) == named


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("destinations", {"terms": "/terms"}),
        ("destinations", {"The terms": "https://example.com"}),
        ("allowed_hosts", "example.com"),
        ("allowed_hosts", ["https://example.com"]),
        ("vocabulary", {"utm_source": ["CRM"]}),
        ("vocabulary", {"utm_source": "crm"}),
        ("vocabulary", {"utm_souce": ["crm"]}),
        ("copy", {"reward": " "}),
        ("copy", ["reward"]),
    ],
)
def test_a_profile_that_cannot_be_read_is_refused_by_field(field, value):
    with pytest.raises(ValidationError) as refused:
        LaunchProfile(landing_url="https://example.com", **{field: value}).clean()
    assert list(refused.value.message_dict) == [field]


def page(login, key, segment="", who="ops"):  # noqa: F811
    template = MessageTemplate.objects.get(key=key, segment=segment)
    return login(who).get(reverse("admin:programs_messagetemplate_preview", args=[template.pk]))


def change(key, **fields):
    with acting_as(Actor.system("Test")):
        template = MessageTemplate.objects.get(key=key, segment="")
        for name, value in fields.items():
            setattr(template, name, value)
        template.save()


def test_the_preview_shows_html_in_a_frame_without_rights_and_text_as_text(login):  # noqa: F811
    body = page(login, "launch-email").content.decode()
    frames = re.findall(r"<iframe[^>]*>", body)
    assert len(frames) == 1
    assert 'sandbox=""' in frames[0] and 'referrerpolicy="no-referrer"' in frames[0]
    assert "Hello *|FNAME|*," in body
    assert "Customer Advocates: €50 of credit for each new customer you bring" in body
    assert "utm_source=crm" in body


def test_markup_of_a_template_never_becomes_markup_of_the_page(login):  # noqa: F811
    change("in-app-prompt", html='"><script>alert(1)</script>', text="</pre><script>alert(2)</script>")
    body = page(login, "in-app-prompt").content.decode()
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert(1)" in body and "&lt;script&gt;alert(2)" in body


def test_what_is_not_filled_is_told_instead_of_shown(login):  # noqa: F811
    change("faq", text="{{ copy.hotline }} {{ whatever }}")
    response = page(login, "faq")
    assert response.context["problems"] == (
        "core/faq.md: copy.hotline is not filled.",
        "core/faq.md: whatever is not filled.",
    )
    assert "<iframe" not in response.content.decode()


def test_a_persona_is_previewed_with_its_name(login):  # noqa: F811
    assert "Dear Champions," in page(login, "launch-email", "champions").content.decode()


def test_looking_changes_nothing_and_takes_the_permission_to_look(login):  # noqa: F811
    rows = ChangeLogEntry.objects.count()
    assert page(login, "faq", who="auditor").status_code == 200
    assert ChangeLogEntry.objects.count() == rows
    assert login("ops").get(reverse("admin:programs_messagetemplate_preview", args=[0])).status_code == 404


def test_an_edit_in_the_admin_is_the_next_version_with_its_author(login):  # noqa: F811
    template = MessageTemplate.objects.get(key="faq")
    url = reverse("admin:programs_messagetemplate_change", args=[template.pk])
    client = login("ops")
    form = client.get(url).context["adminform"].form
    shown = {name: "" if value is None else value for name, value in form.initial.items()}
    assert client.post(url, shown | {"text": "## New?\nYes."}).status_code == 302
    template.refresh_from_db()
    assert (template.version, template.text) == (2, "## New?\nYes.")
    assert template.history.latest("history_id").history_user.username == "ops"
