"""Mail and channels against real servers; the secret of a channel shows up nowhere."""

import logging

import pytest

from gtm.core.places import messages
from gtm.core.places.messages import NotDelivered
from tests.sinks import HookSink, MailSink, serving


@pytest.fixture
def mail(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with serving(MailSink()) as sink:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield sink


@pytest.fixture
def hook(settings, monkeypatch):
    settings.GTM_CHANNEL_SCHEMES = frozenset({"json"})
    with serving(HookSink()) as sink:
        monkeypatch.setenv("GTM_CHANNEL_FINANCE_TEAM", f"json://127.0.0.1:{sink.port}/s3cret-token")
        yield sink


def send(**rest):
    messages.send_mail(
        "ada@example.com", "Hello\nBcc: eve@example.com", "Körper", message_id="notice-1-1", **rest
    )


def test_mail_arrives_with_its_message_id_and_a_subject_of_one_line(mail):
    send()
    (arrived,) = mail.mails
    assert (arrived["To"], arrived["Subject"], arrived["Bcc"], arrived["Message-ID"]) == (
        "ada@example.com", "Hello Bcc: eve@example.com", None, "<notice-1-1@gtm-governance>",
    )  # fmt: skip
    assert arrived.get_content().strip() == "Körper"


def test_an_attachment_arrives_byte_for_byte(mail):
    send(attachment=("anchor-1.jsonl", b'{"number":1}\n'))
    (part,) = mail.mails[0].iter_attachments()
    assert (part.get_filename(), part.get_payload(decode=True)) == ("anchor-1.jsonl", b'{"number":1}\n')


@pytest.mark.parametrize(
    ("verb", "answer", "for_good"),
    [("RCPT", "550 no such user", True), ("DATA", "451 later", False), ("MAIL", "421 busy", False)],
)
def test_a_refusal_says_whether_to_try_again(mail, verb, answer, for_good):
    mail.answers[verb] = answer
    with pytest.raises(NotDelivered) as refused:
        send()
    assert refused.value.for_good is for_good


def test_a_mail_server_that_is_away_is_worth_another_try(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(NotDelivered, match="ConnectionRefusedError") as refused:
        send()
    assert refused.value.for_good is False


def test_a_channel_gets_title_and_text(hook):
    messages.send_to_channel("finance-team", "Your decision is needed", "Go?")
    ((path, body),) = hook.posts
    assert (path, body["title"], body["message"]) == ("/s3cret-token", "Your decision is needed", "Go?")


def test_the_secret_is_neither_logged_nor_in_the_error(hook, caplog, settings):
    for name, told in settings.LOGGING["loggers"].items():
        caplog.set_level(told["level"], logger=name)
    caplog.set_level(logging.DEBUG)
    hook.status = 500
    with pytest.raises(NotDelivered) as refused:
        messages.send_to_channel("finance-team", "Hello", "text")
    assert len(hook.posts) == 1
    assert "s3cret" not in caplog.text + str(refused.value) + repr(refused.value.__context__)


def test_a_redirect_is_not_followed(hook):
    with serving(HookSink()) as inside:
        hook.status, hook.location = 307, f"http://127.0.0.1:{inside.port}/admin"
        with pytest.raises(NotDelivered):
            messages.send_to_channel("finance-team", "Hello", "text")
        assert inside.posts == []


@pytest.mark.parametrize("scheme", ["file", "json", "syslog", "mailto", ""])
def test_a_scheme_that_is_not_allowed_is_refused_for_good(settings, monkeypatch, scheme):
    monkeypatch.setenv("GTM_CHANNEL_X", f"{scheme}://localhost/s3cret")
    with pytest.raises(NotDelivered, match="GTM_CHANNEL_SCHEMES") as refused:
        messages.send_to_channel("x", "Hello", "text")
    assert refused.value.for_good


def test_a_channel_reaches_no_other_variable_of_the_environment(monkeypatch):
    monkeypatch.setenv("SECRET", "json://localhost")
    with pytest.raises(NotDelivered, match="no channel of this name is set up"):
        messages.send_to_channel("../SECRET", "Hello", "text")


def test_channels_are_listed_by_name_with_what_is_wrong_with_them(hook, monkeypatch):
    monkeypatch.setenv("GTM_CHANNEL_OLD", "file:///etc/passwd")
    assert messages.channels() == {
        "finance-team": None,
        "old": "its scheme is not among those allowed (GTM_CHANNEL_SCHEMES).",
    }
