"""A mail's HTML as mail programs show it: MJML made into tables, or style sheets put onto their elements."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import css_inline

from gtm.core.later import later
from programs.analytics.templating import TemplatingError

if TYPE_CHECKING:
    import mrml
else:
    mrml = later("mrml")

_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)
_MJML = re.compile(r"\s*(<!--.*?-->\s*)*<mjml[\s>]", re.DOTALL)


def finished(path: str, body: str, preheader: str) -> str:
    """The mail with its preheader, first and unseen. Raises TemplatingError where it cannot be read.

    MJML becomes nested tables with what Outlook asks for beside them. Nothing is fetched in either case.
    """
    if _MJML.match(body):
        return _with_preheader(_from_mjml(path, body), preheader)
    return _inlined(path, _with_preheader(body, preheader))


def _from_mjml(path: str, body: str) -> str:
    try:
        made: str = mrml.to_html(body.strip()).content  # includes are refused: it has no loader
    except OSError as error:
        raise TemplatingError([f"{path} cannot be read as MJML: {error}."]) from error
    return made


def _with_preheader(body: str, preheader: str) -> str:
    """The text that mail programs show beside the subject, first in the message and not seen in it."""
    if not preheader:
        return body
    hidden = (
        '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">'
        f"{html.escape(preheader)}{'&#847;&zwnj;&nbsp;' * 40}</div>"
    )
    found = _BODY.search(body)
    return body[: found.end()] + hidden + body[found.end() :] if found else hidden + body


def _inlined(path: str, body: str) -> str:
    """Mail programs drop style sheets: rules go onto their elements."""
    try:
        return css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True).inline(body)
    except css_inline.InlineError as error:
        raise TemplatingError([f"{path}: its style sheet cannot be read: {error}."]) from error
