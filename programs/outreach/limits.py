"""What a channel does not take, and what the law asks of a message: found before anybody approves a kit."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from programs.models import Asset, Form, form_of
from programs.outreach.tokens import ADDRESS, UNSUBSCRIBE

SUBJECT = PREHEADER = 150
"""Characters. Mail programs show 40 to 100 of them; more than this is a text in the wrong field."""
MAIL_BYTES = 102_400
"""Gmail cuts a message here, and with it the way to unsubscribe."""
POSTS = {
    "x": 280, "twitter": 280, "bluesky": 300, "threads": 500, "mastodon": 500, "instagram": 2200,
    "linkedin": 3000,
}  # fmt: skip
"""Characters of a post by source, as each network counts them."""
ON_X = ("x", "twitter")
LINK_ON_X = 23
LAWS = {"US": "CAN-SPAM", "CA": "CASL", "GB": "PECR", "AU": "the Spam Act", "DE": "§ 7 UWG", "BR": "LGPD"}
_LINK = re.compile(r"https?://\S+")
_SINGLE = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_WAY_OUT = re.compile(
    r"unsub|opt[ _-]?out|abmeld|abbestell|désabonn|désinscri|darse de baja|disiscri|afmeld|配信停止", re.I
)


def faults_of(
    template: Mapping[str, Any],
    path: str,
    body: str,
    subject: str,
    launch: Mapping[str, Any],
    program: Mapping[str, Any],
    words: Mapping[str, str],
) -> Iterator[str]:
    """A sentence for each thing that keeps a piece from being sent. ``words``: name of a token → its word."""
    if form_of(template) == Form.PAGE or template["asset"] == Asset.SOCIAL_POST:
        yield from _unfilled(path, body, words)
    if form_of(template) == Form.MAIL:
        yield from _mail(template, path, body, subject, launch, program, words)
    if template["asset"] == Asset.SOCIAL_POST and (most := POSTS.get(template["utm_source"])):
        length = _length_on_x(body) if template["utm_source"] in ON_X else len(body.strip())
        if length > most:
            yield f"{path} is {length} characters long; {template['utm_source']} takes {most}."
    if (most := template.get("most_characters")) and len(body.strip()) > most:
        yield f"{path} is {len(body.strip())} characters long; {most} are the most that its template allows."


def _unfilled(path: str, body: str, words: Mapping[str, str]) -> Iterator[str]:
    """A mailing tool fills in what it sends: on a page or in a post everybody would read the token."""
    names = sorted(name for name, word in words.items() if word in body)
    if names:
        held = ", ".join(f"{{{{ token.{name} }}}}" for name in names)
        yield (
            f"{path} holds {held} or a personal link: no tool fills that in on a page or in a post, and "
            "everybody would read it as it is written. Use {{ link.landing }} there."
        )


def _mail(
    template: Mapping[str, Any],
    path: str,
    body: str,
    subject: str,
    launch: Mapping[str, Any],
    program: Mapping[str, Any],
    words: Mapping[str, str],
) -> Iterator[str]:
    if len(subject) > SUBJECT:
        yield f"{path}: its subject is {len(subject)} characters long; {SUBJECT} are the most."
    if not template.get("preheader", "").strip():
        yield f"{path} has no preheader: what a mail program shows beside the subject. Enter one."
    size = len(body.encode())
    if size > MAIL_BYTES:
        yield f"{path} is {size:,} bytes long; Gmail cuts a message at {MAIL_BYTES:,}."
    law = LAWS.get(program["country"], "the law of nearly every country")
    way_out = words.get(UNSUBSCRIBE, ""), launch["links"].get(UNSUBSCRIBE, "")
    if not any(way and way in body for way in way_out) and not _WAY_OUT.search(_without_words(body)):
        yield (
            f"{path} has no way to unsubscribe, which {law} asks for: use {{{{ token.unsubscribe }}}}, "
            "entered under Tokens of the launch profile, or a destination called unsubscribe."
        )
    address = " ".join(str(launch["copy"].get("postal_address", "")).split())
    told = " ".join(html.unescape(body).split())
    if not (address and address in told) and not (words.get(ADDRESS) and words[ADDRESS] in body):
        yield (
            f"{path} does not say who sends it, with a postal address, which {law} asks for: enter "
            "postal_address under Copy of the launch profile and use {{ copy.postal_address }}, or a token "
            "called address."
        )


def _without_words(body: str) -> str:
    """A sentence about unsubscribing is no way out: only what stands in a link or a token is."""
    return " ".join(re.findall(r"href=\"[^\"]*\"|https?://\S+", body))


def _length_on_x(text: str) -> int:
    """Characters as X counts them: a link is 23, most scripts one a character, others two."""
    plain = text.strip()
    links = len(_LINK.findall(plain))
    rest = _LINK.sub("", plain)
    return links * LINK_ON_X + sum(1 if any(a <= ord(c) <= b for a, b in _SINGLE) else 2 for c in rest)
