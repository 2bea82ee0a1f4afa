"""A kit in two languages and three variants: each with its own file, links and limits."""

import io
import json
import zipfile
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ValidationError

from gtm.core.places import filestore
from plans.commands.launch_program.facts import check_material
from plans.commands.launch_program.steps.communications import render_kit
from plans.commands.launch_program.steps.sessions import schedule_sessions
from plans.commands.launch_program.steps.timetable import needs_of, rows_of
from plans.engine.running.steps import PermanentError
from plans.runs.draft import Draft
from programs.models import LaunchProfile, MessageTemplate
from tests.factories import RoleFactory
from tests.plans.commands.launch_program.launch_kit import (
    change_profile,
    change_template,
    context_of,
    establish,
    outputs_by_key,
)

GERMAN = {
    "launch-email": (
        "<html><body><p>Hallo {{ token.first_name }}, {{ copy.reward }} für dich.</p>"
        '<a href="{{ personal.landing }}">Dein Link</a> {{ copy.postal_address }} '
        '<a href="{{ token.unsubscribe }}">Abmelden</a></body></html>',
        "Hallo {{ token.first_name }}: {{ personal.landing }}\n"
        "{{ copy.postal_address }} {{ token.unsubscribe }}",
    ),
    "landing-page": ("<html><body>{{ copy.reward }} {{ link.landing }}</body></html>", ""),
    "faq": ("", "## Was bekomme ich?\n{{ copy.reward }}. {{ link.terms }}"),
}
SUBJECTS = {"short": "{{ copy.reward }}?", "question": "Wen kennst du?"}


def saved(row):
    row.full_clean()
    row.save()
    return row


def _like(key, **fields):
    """A template beside the shipped one of that key."""
    row = MessageTemplate.objects.get(key=key, segment="", locale="en", variant="")
    row.pk, row.id, row.version = None, None, 0
    row._state.adding = True
    for name, value in fields.items():
        setattr(row, name, value)
    return saved(row)


@pytest.fixture
def program(acting):
    """English and German; the mail in three variants of each."""
    program = establish()
    RoleFactory(slug="german-desk", name="German desk")
    for key, (html, text) in GERMAN.items():
        _like(key, locale="de", html=html, text=text, title=f"{key} (deutsch)")
    for variant, subject in SUBJECTS.items():
        _like("launch-email", variant=variant, subject=subject)
        html, text = GERMAN["launch-email"]
        _like("launch-email", variant=variant, locale="de", subject=subject, html=html, text=text)
    profile = LaunchProfile.objects.get()
    profile.locales, profile.translations = ["de"], {"de": {"reward": "50 € Guthaben"}}
    profile.reviewers = {"de": "german-desk"}
    saved(profile)
    return program


def kit(program, **given):
    return render_kit(context_of(program, channels=["email"], **given))


def packed(result):
    with zipfile.ZipFile(io.BytesIO(filestore.read(outputs_by_key(result)["comms-kit"].path))) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_each_language_and_variant_is_a_file_of_its_own(program):
    files = packed(kit(program))
    mails = {name for name in files if "launch-email" in name and name.endswith((".html", ".subject.txt"))}
    of_each = {"", ".variant-short", ".variant-question"}
    assert mails == {
        f"{folder}email/launch-email{variant}.{end}"
        for folder in ("", "de/")
        for variant in of_each
        for end in ("html", "subject.txt")
    }
    assert files["de/email/launch-email.variant-short.subject.txt"] == "50 € Guthaben?\n"
    assert files["email/launch-email.variant-short.subject.txt"] == "€50 of credit?\n"
    assert json.loads(files["manifest.json"])["languages"] == ["en", "de"]


def test_tokens_stay_byte_for_byte_in_every_language_and_variant(program):
    for name, text in packed(kit(program)).items():
        if "launch-email" in name and name.endswith((".html", ".txt")) and ".subject" not in name:
            assert ("*|FNAME|*" in text, "*|UNSUB|*" in text) == (True, True) or ".preheader" in name, name
            assert "ref=*|REFCODE|*" in text or ".preheader" in name, name


@pytest.mark.parametrize(
    "words", ["Hallo {{ token.first_name }}, {{ link.landing }}", "{{ personal.landing }}", "*|REFCODE|*"]
)
def test_a_token_on_a_page_or_in_a_post_is_refused_since_nothing_fills_it_there(program, words):
    change_template("landing-page", html=f"<html><body>{words}</body></html>")
    change_template("social-x", text=words)
    with pytest.raises(PermanentError) as refused:
        render_kit(context_of(program, channels=["email", "social"]))
    told = str(refused.value)
    assert "core/landing-page.html holds {{ token." in told and "social/social-x.txt holds {{ token." in told


def test_links_tell_the_language_and_the_variant_apart(program):
    links = [link for link in kit(program).values["links"] if "launch-email" in link["path"]]
    told = {
        link["path"].rsplit(".", 1)[0]: parse_qs(urlsplit(link["url"]).query)["utm_content"][0]
        for link in links
    }
    assert told == {
        "email/launch-email": "launch-email",
        "email/launch-email.variant-short": "launch-email-short",
        "email/launch-email.variant-question": "launch-email-question",
        "de/email/launch-email": "launch-email-de",
        "de/email/launch-email.variant-short": "launch-email-short-de",
        "de/email/launch-email.variant-question": "launch-email-question-de",
    }


def test_limits_are_counted_for_each_variant_by_itself(program):
    change = MessageTemplate.objects.get(key="launch-email", variant="question", locale="de")
    change.subject = "s" * 190
    saved(change)
    with pytest.raises(PermanentError) as refused:
        kit(program)
    assert [problem.message for problem in refused.value.problems] == [
        "de/email/launch-email.variant-question.html: its subject is 190 characters long; 150 are the most.",
        "de/email/launch-email.variant-question.txt: its subject is 190 characters long; 150 are the most.",
    ]


def test_what_participants_would_get_in_one_language_only_is_named(program):
    MessageTemplate.objects.get(key="landing-page", locale="de").delete()
    draft = Draft.__new__(Draft)
    context = context_of(program, channels=["email"])
    object.__setattr__(draft, "facts", dict(context.program))
    object.__setattr__(draft, "inputs", dict(context.inputs))
    told = (
        "every/landing-page has no words in de. Add a template in that language, or take the language "
        "away from the launch profile."
    )
    assert check_material(draft) == (False, told)


def test_the_table_says_what_is_not_translated_and_which_documents_are_in_one_language(program):
    english, german = outputs_by_key(kit(program))["languages"].rows
    assert (english[0], german[0], english[4], english[5]) == ("English", "German", "", "")
    assert german[2] == "launch-email: question, launch-email: short"
    assert german[3] == "german-desk"
    assert "reward" not in german[4].split(", ") and "postal_address" in german[4].split(", ")
    assert german[5] == "help-article, partner-kit, support-script"


def test_a_kit_in_one_language_has_no_such_table(program):
    for template in MessageTemplate.objects.exclude(variant=""):
        template.delete()
    change_profile(locales=[], reviewers={}, translations={})
    assert "languages" not in outputs_by_key(kit(program))


def test_personas_have_their_own_variants_or_those_of_everybody(program):
    _like("launch-email", segment="champions", variant="bold", subject="Bold")
    files = packed(kit(program, segments=["Champions", "New customers"]))
    subjects = {name for name in files if name.startswith("email/") and name.endswith(".subject.txt")}
    assert subjects == {
        "email/launch-email.champions.subject.txt",
        "email/launch-email.champions.variant-bold.subject.txt",
        "email/launch-email.new-customers.subject.txt",
        "email/launch-email.new-customers.variant-short.subject.txt",
        "email/launch-email.new-customers.variant-question.subject.txt",
    }


def test_each_language_has_an_faq_of_its_own(program):
    found = outputs_by_key(schedule_sessions(context_of(program, channels=["email"])))
    assert (found["faq"].title, found["faq-de"].title) == ("FAQ", "faq (deutsch), German")
    assert found["faq-de"].sections[0].paragraphs == [
        "50 € Guthaben. https://advocates.demo.example/terms?utm_campaign=customer-advocates&"
        "utm_content=faq-de&utm_medium=support&utm_source=help-centre"
    ]


def test_the_language_with_a_reviewer_is_proof_read_before_anything_is_approved(program):
    context = context_of(program, channels=["email"])
    legal = {
        "key": "legal-approval",
        "phase": "approval",
        "responsible": "legal",
        "needs": [],
        "is_blocker": True,
    }
    rows = (*rows_of(context.inputs, context.program), legal)
    (reading,) = (row for row in rows if row["key"] == "kit-review-de")
    assert (reading["name"], reading["responsible"]) == ("Proof-read the kit in German", "german-desk")
    assert "kit-review-de" in needs_of(legal, rows)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"locales": "de"}, "It must be a list of languages, one per line: - de."),
        ({"locales": ["German"]}, "“German” is no language tag such as de or de-AT."),
        ({"locales": ["de", "de"]}, "de is there more than once."),
        ({"locales": ["en"]}, "en is the language of the profile already."),
        ({"translations": {"fr": {"reward": "50 €"}}}, "Launches do not speak fr: add it to the languages."),
        ({"translations": {"de": {"reward": " "}}}, "de: reward is not filled."),
        ({"reviewers": {"de": "nobody"}}, "There is no role nobody."),
        ({"reviewers": {"fr": "german-desk"}}, "Launches do not speak fr: add it to the languages."),
    ],
)
def test_languages_that_cannot_be_read_are_refused_in_words(program, fields, said):
    profile = LaunchProfile.objects.get()
    for name, value in fields.items():
        setattr(profile, name, value)
    with pytest.raises(ValidationError) as refused:
        profile.full_clean()
    assert said in [message for found in refused.value.message_dict.values() for message in found]


def test_a_template_of_a_language_that_launches_do_not_speak_is_left_out(program):
    change_profile(locales=[], translations={}, reviewers={})
    change_template("in-app-prompt", locale="de")
    assert not any(name.startswith("de/") for name in packed(kit(program)))
