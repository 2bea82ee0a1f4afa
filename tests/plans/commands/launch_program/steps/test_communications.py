"""The communications kit: complete, tracked, the same bytes for the same run, and only what was asked for."""

import hashlib
import io
import json
import re
import zipfile
from urllib.parse import parse_qs, urlsplit

import html5lib
import pytest

from gtm.core import canonical
from gtm.core.places import filestore
from plans.commands.launch_program.steps.communications import render_kit
from plans.engine.running.steps import PermanentError
from plans.schemas.outputs import payload_of
from programs.analytics.link_check import check_link
from programs.models import MessageTemplate, Partner
from tests.plans.commands.launch_program.launch_kit import (
    change_profile,
    change_template,
    context_of,
    establish,
    outputs_by_key,
)

PARTNERS = {"partner/partner-kit.md"}  # theirs, whatever the channels
CORE = PARTNERS | {
    "core/landing-page.html", "core/support-script.md", "core/faq.md", "core/help-article.md",
}  # fmt: skip
EMAIL = {"email/launch-email.html", "email/launch-email.txt"}
IN_APP = {"in-app/in-app-prompt.html", "in-app/in-app-prompt.txt"}
SOCIAL = {"social/social-linkedin.txt", "social/social-x.txt"}


FOOTER = '{{ copy.postal_address }} <a href="{{ token.unsubscribe }}">Out</a>'


@pytest.fixture
def program(acting):
    return establish()


def archive(result):
    content = filestore.read(outputs_by_key(result)["comms-kit"].path)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def bodies(result):
    return {item.path: item.body for item in outputs_by_key(result)["comms-preview"].items}


def refusal(program, **given):
    with pytest.raises(PermanentError) as refused:
        render_kit(context_of(program, **given))
    return [problem.message for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("channels", "paths"),
    [
        (["email", "in-app"], CORE | EMAIL | IN_APP),
        (["social"], CORE | SOCIAL),
        (["partner"], CORE),
    ],
)
def test_the_kit_holds_the_assets_of_the_chosen_channels_the_partner_kit_and_no_others(
    program, channels, paths
):
    assert set(bodies(render_kit(context_of(program, channels=channels)))) == paths


def test_the_archive_holds_what_is_previewed_with_subjects_manifest_and_checksums(program):
    result = render_kit(context_of(program))
    packed = archive(result)
    shown = {path: body.encode() for path, body in bodies(result).items()}
    assert {path: packed[path] for path in shown} == shown
    assert (
        packed["email/launch-email.subject.txt"]
        == "Customer Advocates: €50 of credit for each new customer you bring\n".encode()
    )
    sums = dict(reversed(line.split("  ")) for line in packed.pop("SHA256SUMS").decode().splitlines())
    assert sums == {path: hashlib.sha256(body).hexdigest() for path, body in packed.items()}
    manifest = json.loads(packed["manifest.json"])
    assert (manifest["program"], manifest["launch_date"]) == ("Customer Advocates", "2026-03-20")
    assert manifest["templates"]["email/launch-email.html"] == "launch-email v1"


def test_the_same_run_gives_the_same_bytes_and_another_word_another_digest(program):
    first, again = (render_kit(context_of(program)).values for _ in range(2))
    assert canonical.digest(first) == canonical.digest(again)
    change_profile(copy={**context_of(program).program["launch"]["copy"], "reward": "€60"})
    assert render_kit(context_of(program)).values["sha256"] != first["sha256"]


def test_every_link_is_tagged_for_its_channel_and_passes_the_vocabulary(program):
    context = context_of(program, channels=["email", "in-app", "social", "partner"])
    links = render_kit(context).values["links"]
    vocabulary = {**context.program["launch"]["vocabulary"], "utm_campaign": ["customer-advocates"]}
    outward = [link for link in links if not link["internal"]]
    assert [check_link(link["url"], vocabulary).findings for link in outward] == [()] * len(outward)
    tags = {link["path"]: parse_qs(urlsplit(link["url"]).query) for link in outward}
    assert tags["email/launch-email.html"] == {
        "utm_source": ["crm"],
        "utm_medium": ["email"],
        "utm_campaign": ["customer-advocates"],
        "utm_content": ["launch-email"],
    }
    within = {link["path"]: link["url"] for link in links if link["internal"]}
    assert list(within) == ["core/landing-page.html"]
    assert "utm_" not in within["core/landing-page.html"]  # a page does not take its visitors' origin away
    assert tags["social/social-x.txt"]["utm_source"] == ["x"]


def test_html_mail_carries_its_rules_on_its_elements_and_keeps_its_links(program):
    style = ".b { padding: 12px 20px; } @media (max-width: 600px) { .b { padding: 0; } }"
    button = '<a class="b" href="{{ personal.landing }}">Go</a>'
    page = f"<html><head><style>{style}</style></head><body>{button}{FOOTER}</body></html>"
    change_template("launch-email", html=page)
    mail = bodies(render_kit(context_of(program)))["email/launch-email.html"]
    assert "padding: 12px 20px" in re.search(r'<a class="b" [^>]*style="([^"]*)"', mail)[1]
    assert "&amp;utm_medium=email&amp;utm_source=crm" in mail
    assert "@media (max-width: 600px)" in mail


def test_mjml_becomes_tables_with_what_outlook_asks_for_and_keeps_links_and_tokens(program):
    said = "{% raw %}{% if a > 3 %}More & more{% endif %}{% endraw %}"
    body = f"<mj-text>{said}</mj-text><mj-button href='{{{{ personal.landing }}}}'>Go</mj-button>"
    column = f"<mj-column>{body}<mj-text>{FOOTER}</mj-text></mj-column>"
    page = f"\n<mjml><mj-body><mj-section>{column}</mj-section></mj-body></mjml>"
    change_template("launch-email", html=page)
    mail = bodies(render_kit(context_of(program)))["email/launch-email.html"]
    assert mail.lower().startswith("<!doctype html>") and "<!--[if mso | IE]><table" in mail
    assert "{% if a > 3 %}" in mail and 'href="*|UNSUB|*"' in mail
    assert "utm_source=crm&amp;ref=*|REFCODE|*" in mail
    assert "mjml" not in mail and "mj-text" not in mail


@pytest.mark.parametrize(
    "page",
    [
        "<mjml><mj-body><mj-section><mj-colum></mj-section></mj-body></mjml>",
        "<mjml><mj-body><mj-include path='/etc/hostname' /></mj-body></mjml>",
    ],
)
def test_mjml_that_cannot_be_read_or_reads_another_file_is_refused_in_words(program, page):
    change_template("launch-email", html=page)
    (told,) = refusal(program)
    assert told.startswith("email/launch-email.html cannot be read as MJML: ")


def test_every_mail_and_page_of_the_shipped_kit_is_valid_html(program):
    texts = bodies(render_kit(context_of(program, segments=["Champions", "New customers"])))
    pages = {path: text for path, text in texts.items() if path.endswith(".html")}
    assert {path.partition(".")[0] for path in pages} == {
        "core/landing-page", "email/launch-email", "in-app/in-app-prompt",
    }  # fmt: skip
    for path, text in pages.items():
        parser = html5lib.HTMLParser(strict=True)  # raises where the standard says that something is wrong
        whole = text.lstrip().lower().startswith("<!doctype")
        assert (parser.parse if whole else parser.parseFragment)(text) is not None, path


def test_inlining_fetches_no_style_sheet_so_that_one_out_of_reach_does_no_harm(program):
    sheet = '<link rel="stylesheet" href="http://127.0.0.1:9/x.css">'
    change_template(
        "launch-email", html=f"<html><head>{sheet}</head><body>{{{{ copy.reward }}}} {FOOTER}</body></html>"
    )
    assert "€50 of credit" in bodies(render_kit(context_of(program)))["email/launch-email.html"]


def test_personas_get_words_of_their_own_and_documents_stay_one(program):
    result = render_kit(context_of(program, segments=["Champions", "New customers"]))
    texts = bodies(result)
    assert texts["email/launch-email.champions.txt"].startswith("Dear Champions,")
    assert texts["email/launch-email.new-customers.txt"].startswith("Hello *|FNAME|*,")
    assert "core/faq.md" in texts
    assert result.values["audiences"] == ["Champions", "New customers"]
    outward = (link["url"] for link in result.values["links"] if not link["internal"])
    contents = {parse_qs(urlsplit(url).query)["utm_content"][0] for url in outward}
    assert {"launch-email-champions", "launch-email-new-customers", "faq"} <= contents


def test_personas_that_share_a_name_in_links_are_refused(program):
    with pytest.raises(PermanentError, match="cannot be told apart"):
        render_kit(context_of(program, segments=["New customers", "new-customers"]))


def test_everything_not_filled_is_named_with_template_and_variable(program):
    change_profile(copy={"reward": "€50", "steps": ["Share"]})
    change_template("faq", text="{{ salutation }}")
    assert refusal(program, channels=["in-app"]) == [
        "core/faq.md: salutation is not filled.",
        "core/help-article.md: copy.payout_rule is not filled.",
        "core/help-article.md: copy.support_email is not filled.",
        "core/landing-page.html: copy.friend_reward is not filled.",
        "core/landing-page.html: copy.support_email is not filled.",
        "core/landing-page.html: copy.terms_note is not filled.",
        "core/support-script.md: copy.friend_reward is not filled.",
        "core/support-script.md: copy.payout_rule is not filled.",
        "core/support-script.md: copy.terms_note is not filled.",
        "in-app/in-app-prompt.html: copy.friend_reward is not filled.",
        "in-app/in-app-prompt.txt: copy.friend_reward is not filled.",
        "partner/partner-kit.md: copy.friend_reward is not filled.",
        "partner/partner-kit.md: copy.support_email is not filled.",
    ]


def test_copy_is_escaped_where_it_becomes_html(program):
    change_profile(
        copy={**context_of(program).program["launch"]["copy"], "reward": "<script>alert(1)</script>"}
    )
    texts = bodies(render_kit(context_of(program)))
    assert "<script>alert" not in texts["core/landing-page.html"]
    assert "<script>" in texts["in-app/in-app-prompt.txt"]


def test_a_template_that_is_not_active_or_of_another_language_is_left_out(program):
    change_template("faq", is_active=False)
    change_template("in-app-prompt", locale="de")
    assert set(bodies(render_kit(context_of(program)))) == CORE - {"core/faq.md"} | EMAIL


def test_a_program_without_a_profile_is_told_what_to_enter(program):
    program.launch_profile.delete()
    with pytest.raises(PermanentError) as refused:
        render_kit(context_of(program))
    assert "Launch profiles" in refused.value.hint


def test_a_changed_template_is_a_new_version_and_its_old_words_stay_in_the_history(program):
    template = change_template("faq", text="# Questions\n## Why?\nBecause. {{ link.landing }}")
    files = {f["path"]: f["version"] for f in render_kit(context_of(program)).values["files"]}
    assert (template.version, files["core/faq.md"], files["core/help-article.md"]) == (2, 2, 1)
    old = MessageTemplate.history.filter(key="faq").earliest("history_date", "history_id")
    assert "What do I get?" in old.text


def test_what_is_stored_of_a_kit_can_be_shown_and_downloaded(program):
    result = render_kit(context_of(program))
    kinds = {output.key: payload_of(output)["kind"] for output in result.outputs}
    assert kinds == {
        "kit-figures": "metrics",
        "comms-preview": "messages",
        "tracking-links": "table",
        "comms-kit": "file",
    }


# ------------------------------------------------------------------ what mailing tools and the law ask for

TOKENS = {
    "mailchimp": ("*|FNAME|*", "*|REFCODE|*", "*|UNSUB|*"),
    "hubspot": ("{{ contact.firstname }}", "{{ contact.ref_code }}", "{{ unsubscribe_link }}"),
    "braze": ("{{${first_name}}}", "{{custom_attribute.${ref}}}", "{{${set_user_to_unsubscribed_url}}}"),
    "klaviyo": ("{{ first_name|default:'friend' }}", "{{ person|lookup:'ref' }}", "{% unsubscribe 'Out' %}"),
    "liquid": (
        "{% if customer.orders > 3 %}{{ customer.name }}{% endif %}",
        "{{ customer.ref }}",
        "{% unsubscribe_url %}",
    ),
}


@pytest.mark.parametrize("tool", TOKENS)
def test_tokens_of_a_mailing_tool_stay_as_they_are_byte_for_byte(program, tool):
    name, code, way_out = TOKENS[tool]
    change_profile(tokens={"first_name": name, "code": code, "unsubscribe": way_out})
    result = render_kit(context_of(program))
    for path in ("email/launch-email.html", "email/launch-email.txt"):
        mail = archive(result)[path].decode()
        assert f"Hello {name}," in mail
        assert way_out in mail
        assert f"&amp;ref={code}" in mail.replace("&amp;", "&").replace("&", "&amp;")


def test_what_is_written_out_between_raw_tags_survives_the_inlining_of_styles(program):
    said = "{% if a > 3 and b < 2 %}More & more{% endif %}"
    style, kept = "<style>p { color: red }</style>", f"{{% raw %}}{said}{{% endraw %}}"
    page = f"<html><head>{style}</head><body><p>{kept}</p>{FOOTER}</body></html>"
    change_template("launch-email", html=page)
    mail = bodies(render_kit(context_of(program)))["email/launch-email.html"]
    assert "{% if a > 3 and b < 2 %}" in mail
    assert 'style="color: red' in mail


def test_a_personal_link_is_checked_with_the_test_code_in_the_place_of_the_recipients(program):
    links = render_kit(context_of(program)).values["links"]
    mail = next(link["url"] for link in links if link["path"] == "email/launch-email.html")
    assert parse_qs(urlsplit(mail).query)["ref"] == ["qa-test"]
    assert all("gtmtoken" not in link["url"] for link in links)


def test_without_a_code_no_template_has_a_personal_link(program):
    change_profile(tokens={"first_name": "*|FNAME|*", "unsubscribe": "*|UNSUB|*"})
    assert "email/launch-email.html: personal.landing is not filled." in refusal(program)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"preheader": ""}, "email/launch-email.html has no preheader"),
        ({"html": "<p>{{ copy.postal_address }}</p>"}, "has no way to unsubscribe, which CAN-SPAM asks for"),
        ({"html": "<p>Unsubscribe? {{ copy.postal_address }}</p>"}, "has no way to unsubscribe"),
        ({"text": "{{ token.unsubscribe }}"}, "email.txt does not say who sends it, with a postal address"),
        ({"subject": "s" * 445}, "its subject is 445 characters long; 150 are the most."),
        ({"html": f"<p>{'x' * 150_000}</p>{FOOTER}"}, "Gmail cuts a message at 102,400."),
    ],
)  # fmt: skip
def test_a_mail_that_nobody_could_send_is_refused(program, fields, told):
    change_template("launch-email", **fields)
    assert any(told in problem for problem in refusal(program))


@pytest.mark.parametrize(
    ("key", "text", "told"),
    [
        ("social-x", "é" * 598, "social/social-x.txt is 598 characters long; x takes 280."),
        ("social-x", "招" * 141, "social/social-x.txt is 282 characters long; x takes 280."),
        ("social-linkedin", "x" * 3001, "linkedin.txt is 3001 characters long; linkedin takes 3000."),
    ],
)  # fmt: skip
def test_a_post_longer_than_its_network_takes_is_refused(program, key, text, told):
    change_template(key, text=text)
    assert any(told in problem for problem in refusal(program, channels=["social"]))


def test_a_link_counts_as_23_characters_on_x(program):
    change_template("social-x", text="x" * 256 + " {{ link.landing }}")
    assert "social/social-x.txt" in bodies(render_kit(context_of(program, channels=["social"])))


def test_the_preheader_stands_first_and_unseen(program):
    result = render_kit(context_of(program))
    mail = bodies(result)["email/launch-email.html"]
    told = "Your personal link: a month free for them, €50 of credit for you."
    assert mail.index(told) < mail.index("<h1")
    assert "display:none" in mail[: mail.index(told)].rpartition("<div")[2].replace(" ", "")
    assert archive(result)["email/launch-email.preheader.txt"].decode() == f"{told}\n"


def _partner(slug, name):
    row = Partner(slug=slug, name=name)
    row.save()
    return row


def test_each_partner_of_the_program_has_a_kit_and_links_of_its_own(program):
    for slug, name in (("acme", "Acme GmbH"), ("nord", "Nord AB")):
        _partner(slug, name).programs.add(program)
    _partner("other", "Of another program")
    result = render_kit(context_of(program, channels=["email"]))
    kits = {f["path"]: f["audience"] for f in result.values["files"] if f["path"].startswith("partner/")}
    assert kits == {"partner/partner-kit.acme.md": "Acme GmbH", "partner/partner-kit.nord.md": "Nord AB"}
    tags = {
        link["path"]: parse_qs(urlsplit(link["url"]).query)["utm_content"][0]
        for link in result.values["links"]
        if link["path"] in kits
    }
    assert tags == {
        "partner/partner-kit.acme.md": "partner-kit-acme",
        "partner/partner-kit.nord.md": "partner-kit-nord",
    }
    texts = {m.path: m.body for m in outputs_by_key(result)["comms-preview"].items if m.path in kits}
    assert "kit for Acme GmbH" in texts["partner/partner-kit.acme.md"]
    assert "Nord" not in texts["partner/partner-kit.acme.md"]


def test_what_a_kit_of_a_partner_lacks_is_told_with_what_the_others_lack(program):
    _partner("acme", "Acme GmbH").programs.add(program)
    change_template("partner-kit", text="{{ partner.nickname }} {{ link.landing }}")
    change_template("faq", text="## {{ copy.missing }}")
    with pytest.raises(PermanentError) as refused:
        render_kit(context_of(program, channels=["email"]))
    told = [problem.message for problem in refused.value.problems]
    where = sorted(message.partition(":")[0] for message in told)
    assert where == ["core/faq.md", "partner/partner-kit.acme.md"]
