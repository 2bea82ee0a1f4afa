"""What a page calls itself: the same page, one of its family, or another. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

SAME, FAMILY, OTHER = "same", "family", "other"
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?")
_MAKES = frozenset({"amp", "m", "mobile", "print"})
_HOSTS = frozenset({"www", "m", "amp", "mobile"})


def page_of(url: str) -> tuple[str, str]:
    """Host and path as people mean them."""
    parts = urlsplit(url)
    path = re.sub(r"/(?:index|default)\.\w+$", "/", parts.path.lower()).rstrip("/")
    return parts.netloc.lower().removeprefix("www."), path


def kinship(canonical: str, url: str, alternates: Collection[str] = ()) -> str:
    """How the page that ``canonical`` names stands to the one at ``url``: SAME, also in a make of it for
    phones; FAMILY, its parent, child or other language, or the same path on another host of its domain;
    OTHER. ``alternates`` are the addresses that the page gives for its other languages.
    """
    if page_of(canonical) == page_of(url):
        return SAME
    there, here = _plain(canonical), _plain(url)
    if there[:1] == here[:1] and there[2] == here[2] and there[1] == here[1]:
        return SAME
    if page_of(canonical) in map(page_of, alternates):
        return FAMILY
    if there[0] != here[0]:
        return FAMILY if _domain(there[0]) == _domain(here[0]) and there[2] == here[2] else OTHER
    shorter, longer = sorted((there[2], here[2]), key=len)
    return FAMILY if longer[: len(shorter)] == shorter else OTHER


def _plain(url: str) -> tuple[str, str, tuple[str, ...]]:
    """Host, language and steps of the path, without what only says in which make a page is shown."""
    parts = urlsplit(url)
    labels = parts.netloc.lower().split(".")
    if len(labels) > 2 and labels[0] in _HOSTS:  # noqa: PLR2004 - a domain has two
        labels = labels[1:]
    _, path = page_of(url)
    steps = [re.sub(r"\.(?:html?|php|aspx?)$", "", step) for step in path.split("/") if step]
    steps = [step for step in steps if step not in _MAKES]
    language = steps.pop(0) if steps and _LANGUAGE.fullmatch(steps[0]) else ""
    return ".".join(labels), language, tuple(steps)


def _domain(host: str) -> str:
    """A host without its first label, where what is left may still be a domain of somebody's."""
    name = host.partition(":")[0]
    labels = name.split(".")
    if re.fullmatch(r"[\d.]+", name):
        return name
    return ".".join(labels[-3:] if len(labels[-1]) == len(labels[-2:][0]) == 2 else labels[-2:])  # noqa: PLR2004 - co.uk
