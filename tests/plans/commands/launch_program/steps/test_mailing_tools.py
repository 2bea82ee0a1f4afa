"""What mailing tools import, read back as each of them reads it: its tokens byte for byte, and its fields."""

import io
import json
import re
import zipfile

import jinja2
import pytest
from django.core.exceptions import ValidationError

from gtm.core.places import filestore
from plans.commands.launch_program.steps.communications import render_kit
from plans.engine.running.steps import PermanentError
from programs.models import LaunchProfile
from tests.plans.commands.launch_program.launch_kit import (
    change_profile,
    change_template,
    context_of,
    establish,
    outputs_by_key,
)

HUBSPOT = {
    "first_name": "{{ contact.firstname|default('friend') }}",
    "code": "{{ contact.ref_code }}",
    "unsubscribe": "{{ unsubscribe_link }}",
    "address": "{{ site_settings.company_name }}, {{ site_settings.company_street_address_1 }}, "
    "{{ site_settings.company_city }} {{ site_settings.company_state }}",
}
BRAZE = {
    "first_name": "{{${first_name} | default: 'friend'}}",
    "code": "{{custom_attribute.${ref}}}",
    "unsubscribe": "{{${set_user_to_unsubscribed_url}}}",
}
KLAVIYO = {
    "first_name": "{{ first_name|default:'friend' }}",
    "code": "{{ person|lookup:'ref' }}",
    "unsubscribe": "{% unsubscribe_link %}",
}
SUBJECT = "Customer Advocates: €50 of credit for each new customer you bring"
PREHEADER = "Your personal link: a month free for them, €50 of credit for you."
NAME = "Customer Advocates: email-launch-email"


@pytest.fixture
def program(acting):
    program = establish()
    profile = LaunchProfile.objects.get()
    profile.mailing_tools = {"mailchimp": "", "hubspot": HUBSPOT, "braze": BRAZE, "klaviyo": KLAVIYO}
    profile.full_clean()
    profile.save()
    return program


@pytest.fixture
def files(program):
    """The files of the kit for tools, by path below “exports”."""
    result = render_kit(context_of(program, channels=["email"]))
    content = filestore.read(outputs_by_key(result)["comms-kit"].path)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        found = {name: packed.read(name).decode() for name in packed.namelist()}
    own = {name.removeprefix("exports/"): text for name, text in found.items() if name.startswith("exports/")}
    told = {f"exports/{name}" for name in own}
    assert told == {path for paths in result.values["exports"].values() for path in paths}
    return own


def test_mailchimp_reads_a_template_as_html_and_the_settings_of_its_campaign(files):
    (campaign,) = json.loads(files["mailchimp/campaigns.json"])
    assert campaign["settings"] == {"title": NAME, "subject_line": SUBJECT, "preview_text": PREHEADER}
    html = files[f"mailchimp/{campaign['template']}"]
    assert {"*|FNAME|*", "*|REFCODE|*", "*|UNSUB|*"} <= set(re.findall(r"\*\|[^|]+\|\*", html))
    assert 'href="*|UNSUB|*"' in html and PREHEADER not in html


def test_hubspot_reads_a_coded_template_for_email(files):
    (email,) = json.loads(files["hubspot/emails.json"])
    assert (email["name"], email["subject"], email["previewText"]) == (NAME, SUBJECT, PREHEADER)
    html = files[f"hubspot/{email['template']}"]
    comment = re.match(r"<!--\n(.*?)-->\n<!doctype html>", html, re.DOTALL | re.IGNORECASE)[1]
    settings = dict(line.strip().split(": ", 1) for line in comment.strip().splitlines())
    assert settings == {"templateType": "email", "isAvailableForNewContent": "true", "label": NAME}
    # HubL is written in Jinja: what a send fills in stands where it belongs, and nothing else is left.
    sent = jinja2.Environment(autoescape=False).from_string(html).render(
        contact={"firstname": "Zoë", "ref_code": "R-7"}, unsubscribe_link="https://hs.example/u/1",
        site_settings={"company_name": "Acme", "company_street_address_1": "1 Main St",
                       "company_city": "Austin", "company_state": "TX"},
    )  # fmt: skip
    assert "Hello Zoë," in sent and "ref=R-7" in sent and 'href="https://hs.example/u/1"' in sent
    assert "Acme, 1 Main St, Austin TX" in sent and "1 Market Street" not in sent
    assert "{{" not in sent


def test_braze_reads_the_body_of_its_request(files):
    told = json.loads(files["braze/email-launch-email.json"])
    assert told.keys() == {"template_name", "subject", "preheader", "body", "plaintext_body"}
    assert (told["template_name"], told["subject"], told["preheader"]) == (NAME, SUBJECT, PREHEADER)
    for body in (told["body"], told["plaintext_body"]):
        assert all(token in body for token in BRAZE.values())
    assert "*|" not in files["braze/email-launch-email.json"]
    assert len(told["body"].encode()) < 400_000


def test_klaviyo_reads_a_template_and_the_messages_of_a_campaign(files):
    told = json.loads(files["klaviyo/email-launch-email.json"])["data"]
    assert (told["type"], told["attributes"]["name"], told["attributes"]["editor_type"]) == (
        "template",
        NAME,
        "CODE",
    )
    for body in (told["attributes"]["html"], told["attributes"]["text"]):
        assert all(token in body for token in KLAVIYO.values())
    (message,) = json.loads(files["klaviyo/campaign-messages.json"])
    assert message == {"template": NAME, "subject": SUBJECT, "preview_text": PREHEADER}


def refusal(program):
    with pytest.raises(PermanentError) as refused:
        render_kit(context_of(program, channels=["email"]))
    return [problem.message for problem in refused.value.problems]


def test_a_mail_without_what_the_tool_asks_for_is_refused(program):
    change_profile(mailing_tools={"hubspot": HUBSPOT | {"unsubscribe": "https://acme.example/unsubscribe"}})
    assert refusal(program) == [
        f"email/launch-email.{end} lacks {{{{ unsubscribe_link }}}}, which HubSpot needs in every mail: "
        "enter it for HubSpot under Mailing tools of the launch profile."
        for end in ("html", "txt")
    ]


def test_a_token_of_another_tool_is_refused(program):
    change_profile(mailing_tools={"klaviyo": {"unsubscribe": "{% unsubscribe_link %}"}})
    told = refusal(program)
    assert "email/launch-email.html: Klaviyo does not fill *|FNAME|*." in told
    assert "email/launch-email.txt: Klaviyo does not fill *|REFCODE|*." in told


def test_a_token_written_into_a_template_is_refused_for_a_tool_that_does_not_fill_it(program):
    change_profile(mailing_tools={"braze": BRAZE})
    change_template("launch-email", subject="Hello *|FNAME|*")
    assert "email/launch-email.html: Braze does not fill *|FNAME|*." in refusal(program)


def test_each_language_and_variant_has_an_export_of_its_own(program, files):
    change_template("launch-email", variant="short")
    result = render_kit(context_of(program, channels=["email"]))
    assert "exports/braze/email-launch-email.variant-short.json" in result.values["exports"]["braze"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"outlook": {}}, "“outlook” is not known here. Known are braze, hubspot, klaviyo, mailchimp."),
        ({"braze": {"nickname": "{{x}}"}}, "braze: there is no token nickname. Tokens are first_name, code,"),
        ({"braze": {"code": " "}}, "braze: code is not filled."),
        ("braze", "Write a line with the tool and a colon, and its tokens under it."),
    ],
)
def test_tools_that_cannot_be_read_are_refused_in_words(program, value, said):
    profile = LaunchProfile.objects.get()
    profile.mailing_tools = value
    with pytest.raises(ValidationError, match=re.escape(said)):
        profile.full_clean()
