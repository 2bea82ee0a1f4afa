"""From templates to the pieces of a kit: which ones, for whom, with which tags, every variable filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import css_inline

from programs.analytics.found_links import find_links
from programs.analytics.templating import Template, TemplatingError, render
from programs.models import BY_PERSONA, Asset, Channel, LaunchProfile, MessageTemplate
from programs.selectors import program_facts

MEDIA_TYPES = {"html": "text/html", "txt": "text/plain", "md": "text/markdown"}
DOCUMENTS = frozenset({Asset.PARTNER_KIT, Asset.SUPPORT_SCRIPT, Asset.FAQ, Asset.HELP_ARTICLE})
"""Assets whose text is Markdown."""
IN_EVERY_KIT = frozenset({Asset.PARTNER_KIT})
"""Part of every launch, whatever its channels: partners hear of it before their customers do."""


@dataclass(frozen=True, slots=True)
class Audience:
    slug: str
    name: str


EVERYONE = Audience("everyone", "everyone")


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of the kit: ``subject`` of an e-mail, ``links`` its web addresses, ``segment`` a persona."""

    path: str
    key: str
    version: int
    title: str
    asset: str
    channel: str
    segment: str
    audience: str
    media_type: str
    body: str
    subject: str
    links: tuple[str, ...]


def render_pieces(
    launch: Mapping[str, Any],
    program: Mapping[str, Any],
    inputs: Mapping[str, Any],
    audiences: Sequence[Audience],
) -> list[Piece]:
    """Every piece of the kit for the chosen channels, in order of path.

    ``launch`` is the facts of a launch profile, ``templates`` in it those of its templates. Raises
    TemplatingError naming every template and variable that is not filled, for all audiences at once.
    """
    pieces: list[Piece] = []
    problems: list[str] = []
    for audience in audiences:
        try:
            pieces += _render_for(launch, program, inputs, audience, is_first=audience == audiences[0])
        except TemplatingError as error:
            problems += error.problems
    if problems:
        raise TemplatingError(list(dict.fromkeys(problems)))
    return sorted(pieces, key=lambda piece: piece.path)


def preview(template: MessageTemplate, profile: LaunchProfile, launch_date: date) -> list[Piece]:
    """The pieces of one template as a launch of the profile's program would send them.

    Raises TemplatingError naming everything that is not filled.
    """
    program = program_facts(profile.program)
    channels = [template.channel]
    persona = Audience(template.segment, template.segment.replace("-", " ").capitalize())
    inputs = {"launch_date": launch_date.isoformat(), "channels": channels}
    launch = profile.facts() | {"templates": [template.facts()]}
    return render_pieces(launch, program, inputs, [persona if template.segment else EVERYONE])


def variables(
    launch: Mapping[str, Any], program: Mapping[str, Any], inputs: Mapping[str, Any], audience: Audience
) -> dict[str, Any]:
    """What a template may name beside ``link``."""
    return {
        "program": {name: program[name] for name in ("name", "slug", "currency")},
        "owner": launch["owner"],
        "launch_date": date.fromisoformat(inputs["launch_date"]),
        "channels": list(inputs["channels"]),
        "audience": {"slug": audience.slug, "name": audience.name},
        "code_parameter": launch["code_parameter"],
        "copy": launch["copy"],
    }


def tags_of(template: Mapping[str, Any], campaign: str, segment: str) -> dict[str, str]:
    """The UTM tags of every link in a piece; ``utm_content`` tells which piece, and for whom."""
    return {
        "utm_source": template["utm_source"],
        "utm_medium": template["utm_medium"],
        "utm_campaign": campaign,
        "utm_content": f"{template['key']}-{segment}" if segment else template["key"],
    }


def _render_for(
    launch: Mapping[str, Any],
    program: Mapping[str, Any],
    inputs: Mapping[str, Any],
    audience: Audience,
    *,
    is_first: bool,
) -> Iterator[Piece]:
    sources: list[Template] = []
    planned: list[tuple[Mapping[str, Any], str, str, str, str]] = []
    for template in _chosen(launch["templates"], inputs["channels"], audience.slug):
        by_persona = template["asset"] in BY_PERSONA and audience != EVERYONE
        if not by_persona and not is_first:
            continue
        segment = audience.slug if by_persona else ""
        tags = tags_of(template, program["slug"], segment)
        stem = _stem(template, segment)
        subject = f"{stem}.subject.txt" if template["subject"].strip() else ""
        if subject:
            sources.append(Template(subject, template["subject"], tags))
        for suffix, source in _bodies(template):
            sources.append(Template(f"{stem}.{suffix}", source, tags))
            planned.append((template, f"{stem}.{suffix}", subject, segment, suffix))
    rendered = render(sources, variables(launch, program, inputs, audience), launch["links"])
    return (
        _piece(template, path, rendered[path], rendered.get(subject, "").strip(), segment, audience, suffix)
        for template, path, subject, segment, suffix in planned
    )


def _chosen(
    templates: Sequence[Mapping[str, Any]], channels: Sequence[str], segment: str
) -> Iterator[Mapping[str, Any]]:
    """A template a key: the one for this persona, else the general one."""
    by_key: dict[str, dict[str, Mapping[str, Any]]] = {}
    for template in templates:
        if template["channel"] in (*channels, Channel.EVERY) or template["asset"] in IN_EVERY_KIT:
            by_key.setdefault(template["key"], {})[template["segment"]] = template
    for variants in by_key.values():
        if found := variants.get(segment) or variants.get(""):
            yield found


def _stem(template: Mapping[str, Any], segment: str) -> str:
    folder = "core" if template["channel"] == Channel.EVERY else template["channel"]
    return f"{folder}/{template['key']}" + (f".{segment}" if segment else "")


def _bodies(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if template["html"].strip():
        yield "html", template["html"]
    if template["text"].strip():
        yield "md" if template["asset"] in DOCUMENTS else "txt", template["text"]


def _piece(
    template: Mapping[str, Any],
    path: str,
    body: str,
    subject: str,
    segment: str,
    audience: Audience,
    suffix: str,
) -> Piece:
    if suffix == "html" and template["asset"] == Asset.LAUNCH_EMAIL:
        body = _inlined(path, body)
    return Piece(
        path=path,
        key=template["key"],
        version=template["version"],
        title=template["title"],
        asset=template["asset"],
        channel=template["channel"],
        segment=segment,
        audience=audience.name if segment else "",
        media_type=MEDIA_TYPES[suffix],
        body=body,
        subject=subject,
        links=find_links(body, is_html=suffix == "html"),
    )


def _inlined(path: str, body: str) -> str:
    """Mail programs drop style sheets: rules go onto their elements. Nothing is fetched."""
    try:
        return css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True).inline(body)
    except css_inline.InlineError as error:
        raise TemplatingError([f"{path}: its style sheet cannot be read: {error}."]) from error
