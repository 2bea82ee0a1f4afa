"""Mails as mailing tools import them: a file a mail, with the tool's own tokens, subject and preheader.

What each takes, by its own documentation:

- Mailchimp imports a template as HTML; the settings of a campaign have title, subject_line, preview_text.
- HubSpot takes a coded template whose first comment says that it is one for e-mail.
- Braze: the body of ``POST /templates/email/create``.
- Klaviyo: the body of ``POST /api/templates``; subject and preview text belong to a campaign message.

Each of them has a field for the preheader, so the HTML does not hide one a second time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from programs.analytics.templating import TemplatingError
from programs.models import Form, form_of
from programs.outreach.communications import Audience, Piece, render_pieces
from programs.outreach.tokens import ADDRESS

FOLDER = "exports"
_OWN_COMMENT = "<!--\n    templateType: email\n    isAvailableForNewContent: true\n    label: {label}\n-->\n"


@dataclass(frozen=True, slots=True)
class ToolMail:
    """One mail for a mailing tool; ``name`` tells it apart from all others of the program."""

    stem: str
    name: str
    subject: str
    preheader: str
    html: str
    text: str


def _mailchimp(mails: Sequence[ToolMail]) -> Iterator[tuple[str, str]]:
    for mail in mails:
        yield f"{mail.stem}.html", mail.html
        yield f"{mail.stem}.txt", mail.text
    settings = [
        {"template": f"{mail.stem}.html", "settings": {"title": mail.name, "subject_line": mail.subject,
                                                       "preview_text": mail.preheader}}
        for mail in mails
    ]  # fmt: skip
    yield "campaigns.json", _json(settings)


def _hubspot(mails: Sequence[ToolMail]) -> Iterator[tuple[str, str]]:
    for mail in mails:
        label = mail.name.replace("--", "-")  # two dashes end a comment
        yield f"{mail.stem}.html", _OWN_COMMENT.format(label=label) + mail.html
        yield f"{mail.stem}.txt", mail.text
    emails = [
        {"template": f"{mail.stem}.html", "name": mail.name, "subject": mail.subject,
         "previewText": mail.preheader}
        for mail in mails
    ]  # fmt: skip
    yield "emails.json", _json(emails)


def _braze(mails: Sequence[ToolMail]) -> Iterator[tuple[str, str]]:
    for mail in mails:
        told = {"template_name": mail.name, "subject": mail.subject, "preheader": mail.preheader,
                "body": mail.html, "plaintext_body": mail.text}  # fmt: skip
        yield f"{mail.stem}.json", _json(told)


def _klaviyo(mails: Sequence[ToolMail]) -> Iterator[tuple[str, str]]:
    for mail in mails:
        told = {"name": mail.name, "editor_type": "CODE", "html": mail.html, "text": mail.text}
        yield f"{mail.stem}.json", _json({"data": {"type": "template", "attributes": told}})
    messages = [
        {"template": mail.name, "subject": mail.subject, "preview_text": mail.preheader} for mail in mails
    ]
    yield "campaign-messages.json", _json(messages)


def _json(told: Any) -> str:
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class MailingTool:
    """``asks`` maps what the tool needs in each mail to how it is written; ``foreign`` it does not fill."""

    title: str
    asks: Mapping[str, str]
    foreign: str
    files: Callable[[Sequence[ToolMail]], Iterator[tuple[str, str]]]


_MERGE_TAG = r"\*\|[^|\n]+\|\*"
TOOLS: Mapping[str, MailingTool] = {
    "mailchimp": MailingTool(
        "Mailchimp", {"*|UNSUB|*": r"\*\|UNSUB(:[^|]*)?\|\*"}, r"\{\{.*?\}\}|\{%.*?%\}", _mailchimp
    ),
    "hubspot": MailingTool(
        "HubSpot",
        {
            "{{ unsubscribe_link }}": r"\{\{\s*unsubscribe_(link|link_all|section)\s*\}\}",
            "{{ site_settings.company_name }}": r"\{\{\s*site_settings\.company_name\s*\}\}",
            "{{ site_settings.company_street_address_1 }}": (
                r"\{\{\s*site_settings\.company_street_address_1\s*\}\}"
            ),
            "{{ site_settings.company_city }}": r"\{\{\s*site_settings\.company_city\s*\}\}",
            "{{ site_settings.company_state }}": r"\{\{\s*site_settings\.company_state\s*\}\}",
        },
        rf"{_MERGE_TAG}|\{{\{{\s*\$\{{.*?\}}\s*\}}\}}",
        _hubspot,
    ),
    "braze": MailingTool(
        "Braze",
        {"{{${set_user_to_unsubscribed_url}}}": r"set_user_to_unsubscribed_url|preference_center"},
        _MERGE_TAG,
        _braze,
    ),
    "klaviyo": MailingTool(
        "Klaviyo",
        {"{% unsubscribe_link %}": r"\{%-?\s*(unsubscribe|unsubscribe_link|manage_preferences)\b"},
        rf"{_MERGE_TAG}|\{{\{{\s*\$\{{.*?\}}\s*\}}\}}",
        _klaviyo,
    ),
}


def exports(
    launch: Mapping[str, Any],
    program: Mapping[str, Any],
    inputs: Mapping[str, Any],
    audiences: Sequence[Audience],
) -> dict[str, dict[str, str]]:
    """Tool → path below the kit → content, for each tool that the launch profile names.

    Raises TemplatingError naming every mail in which a tool would miss what it needs, or leave a token of
    another tool as it is.
    """
    found: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    for tool, own in sorted((launch.get("mailing_tools") or {}).items()):
        tokens = {**(launch.get("tokens") or {}), **own}
        meant = {
            **launch,
            "tokens": tokens,
            "templates": [one for one in launch["templates"] if form_of(one) == Form.MAIL],
            "hides_preheader": False,
            "address_token": ADDRESS in own,
        }
        try:
            pieces = render_pieces(meant, program, inputs, audiences)
        except TemplatingError as error:
            problems += [f"{TOOLS[tool].title}: {problem}" for problem in error.problems]
            continue
        problems += _faults(TOOLS[tool], pieces)
        mails = _mails(pieces, str(program["name"]))
        found[tool] = {f"{FOLDER}/{tool}/{name}": text for name, text in TOOLS[tool].files(mails) if mails}
    if problems:
        raise TemplatingError(problems)
    return found


def _faults(tool: MailingTool, pieces: Sequence[Piece]) -> Iterator[str]:
    for piece in pieces:
        for written, how in tool.asks.items():
            if not re.search(how, piece.body):
                yield (
                    f"{piece.path} lacks {written}, which {tool.title} needs in every mail: enter it for "
                    f"{tool.title} under Mailing tools of the launch profile."
                )
        for text in (piece.subject, piece.preheader, piece.body):
            for strange in sorted(set(re.findall(tool.foreign, text))):
                yield f"{piece.path}: {tool.title} does not fill {strange}."


def _mails(pieces: Sequence[Piece], program: str) -> list[ToolMail]:
    """HTML and text of one mail together, in order of path."""
    bodies: dict[str, dict[str, Piece]] = {}
    for piece in pieces:
        stem, _, suffix = piece.path.rpartition(".")
        bodies.setdefault(stem, {})[suffix] = piece
    mails = []
    for stem, parts in sorted(bodies.items()):
        head = parts.get("html") or parts["txt"]
        html, text = (parts[suffix].body if suffix in parts else "" for suffix in ("html", "txt"))
        flat = stem.replace("/", "-")
        mails.append(ToolMail(flat, f"{program}: {flat}", head.subject, head.preheader, html, text))
    return mails
