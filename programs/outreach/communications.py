"""From templates to the pieces of a kit: for whom, in which languages and variants, with which tags, every
variable filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from programs.analytics.found_links import find_links
from programs.analytics.templating import Template, TemplatingError
from programs.models import (
    TO_PARTICIPANTS,
    Asset,
    Channel,
    Form,
    LaunchProfile,
    MessageTemplate,
    form_of,
)
from programs.outreach.bounded_rendering import render_within_limits
from programs.outreach.limits import faults_of
from programs.outreach.mail_html import finished
from programs.outreach.tokens import ADDRESS, CODE, Tokens
from programs.selectors import program_facts

MEDIA_TYPES = {"html": "text/html", "txt": "text/plain", "md": "text/markdown"}
IN_EVERY_KIT = frozenset({Asset.PARTNER_KIT})
"""Part of every launch, whatever its channels: partners hear of it before their customers do."""
ALL_PARTNERS = {"slug": "partners", "name": "our partners"}
BY_PARTNER = frozenset({Asset.PARTNER_KIT})
"""Made for each partner of the program by itself; once for all where the program has none."""


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
    preheader: str = ""
    form: str = ""
    locale: str = ""
    variant: str = ""

    @property
    def is_page(self) -> bool:
        """Whether it stands on our own site, where links to the site carry no tags."""
        return self.form == Form.PAGE


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
    problems = list(_unspoken(launch, inputs))
    for locale in languages_of(launch):
        spoken = _in_language(launch, locale)
        for audience in audiences:
            try:
                pieces += _render_for(spoken, program, inputs, audience, is_first=audience == audiences[0])
            except TemplatingError as error:
                problems += error.problems
    if problems:
        raise TemplatingError(list(dict.fromkeys(problems)))
    return sorted(pieces, key=lambda piece: piece.path)


def languages_of(launch: Mapping[str, Any]) -> list[str]:
    """The languages of the launch, that of its profile first."""
    return [launch["locale"], *launch.get("locales", ())]


def _in_language(launch: Mapping[str, Any], locale: str) -> dict[str, Any]:
    """The launch as if it spoke one language: what is not translated of the copy stands as it is.

    The main language has no folder of its own, so that a launch in one language has none at all.
    """
    is_main = locale == launch["locale"]
    said = [
        {**template, "locale": locale}
        for template in launch["templates"]
        if template.get("locale", launch["locale"]) == locale
    ]
    return {
        **launch,
        "templates": said,
        "copy": launch["copy"] | launch.get("translations", {}).get(locale, {}),
        "spoken": locale,
        "folder": "" if is_main else f"{locale}/",
    }


def _unspoken(launch: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    """What participants would get in one language only; documents for teams may stay in one."""
    main, *others = languages_of(launch)
    served = {locale: _in_language(launch, locale)["templates"] for locale in (main, *others)}
    chosen = (t for t in served[main] if _serves(t, inputs["channels"]))
    to_all = {
        t["key"]: f"{t['channel']}/{t['key']}"
        for t in chosen
        if form_of(t) in TO_PARTICIPANTS and not t["segment"]
    }
    for locale in others:
        keys = {template["key"] for template in served[locale]}
        for key in sorted(to_all.keys() - keys):
            yield (
                f"{to_all[key]} has no words in {locale}. Add a template in that language, or take "
                "the language away from the launch profile."
            )


def preview(template: MessageTemplate, profile: LaunchProfile, launch_date: date) -> list[Piece]:
    """The pieces of one template as a launch of the profile's program would send them.

    Raises TemplatingError naming everything that is not filled.
    """
    program = program_facts(profile.program)
    channels = [template.channel]
    persona = Audience(template.segment, template.segment.replace("-", " ").capitalize())
    inputs = {"launch_date": launch_date.isoformat(), "channels": channels}
    launch = profile.facts() | {"templates": [template.facts()], "locale": template.locale, "locales": []}
    return render_pieces(launch, program, inputs, [persona if template.segment else EVERYONE])


def variables(
    launch: Mapping[str, Any],
    program: Mapping[str, Any],
    inputs: Mapping[str, Any],
    audience: Audience,
    tokens: Mapping[str, str],
) -> dict[str, Any]:
    """What a template may name beside ``link`` and ``personal``."""
    return {
        "program": {name: program[name] for name in ("name", "slug", "currency")},
        "owner": launch["owner"],
        "launch_date": date.fromisoformat(inputs["launch_date"]),
        "channels": list(inputs["channels"]),
        "audience": {"slug": audience.slug, "name": audience.name},
        "locale": launch["spoken"],
        "code_parameter": launch["code_parameter"],
        "copy": launch["copy"],
        "token": tokens,
    }


def tags_of(template: Mapping[str, Any], campaign: str, segment: str, language: str = "") -> dict[str, str]:
    """The UTM tags of every link in a piece; ``utm_content`` tells which piece, for whom, in which variant
    and, beside the main one, in which language."""
    parts = (template["key"], segment, template.get("variant", ""), language.lower())
    return {
        "utm_source": template["utm_source"],
        "utm_medium": template["utm_medium"],
        "utm_campaign": campaign,
        "utm_content": "-".join(filter(None, parts)),
    }


def _render_for(
    launch: Mapping[str, Any],
    program: Mapping[str, Any],
    inputs: Mapping[str, Any],
    audience: Audience,
    *,
    is_first: bool,
) -> list[Piece]:
    sources: dict[str, list[Template]] = {}
    planned: list[_Planned] = []
    partners = {partner["slug"]: partner for partner in launch.get("partners") or ()}
    at_home = frozenset({urlsplit(launch["links"]["landing"]).netloc.lower()})
    for template in _chosen(launch["templates"], inputs["channels"], audience.slug):
        by_persona = form_of(template) in TO_PARTICIPANTS and audience != EVERYONE
        if not by_persona and not is_first:
            continue
        segment = audience.slug if by_persona else ""
        home = at_home if form_of(template) == Form.PAGE else frozenset()
        # Each partner has a kit, and so links, of its own: what it brings is told apart from the first click.
        for partner in (list(partners) if template["asset"] in BY_PARTNER else []) or [""]:
            tags = tags_of(template, program["slug"], segment or partner, launch["folder"].rstrip("/"))
            stem = _stem(template, segment or partner, launch["folder"])
            heads = {
                name: f"{stem}.{name}.txt"
                for name in ("subject", "preheader")
                if template.get(name, "").strip()
            }
            own = sources.setdefault(partner, [])
            own += [Template(at, template[name], tags) for name, at in heads.items()]
            for suffix, source in _bodies(template):
                own.append(Template(f"{stem}.{suffix}", source, tags, home))
                name = partners[partner]["name"] if partner else ""
                planned.append(_Planned(template, f"{stem}.{suffix}", heads, segment, suffix, name))
    tokens = Tokens(launch.get("tokens") or {})
    code = (launch["code_parameter"], tokens.by_name[CODE]) if CODE in tokens.by_name else None
    if launch.get("address_token"):
        launch = {**launch, "copy": launch["copy"] | {"postal_address": tokens.by_name[ADDRESS]}}
    named = variables(launch, program, inputs, audience, tokens.by_name)
    sealed: dict[str, str] = {}
    unfilled: list[str] = []
    for partner, own in sources.items():
        try:
            rendered = render_within_limits(
                own, named | {"partner": partners.get(partner, ALL_PARTNERS)}, launch["links"], code
            )
        except TemplatingError as error:
            unfilled += error.problems
            continue
        sealed |= {path: tokens.seal(text) for path, text in rendered.items()}
    if unfilled:
        raise TemplatingError(unfilled)
    hides = launch.get("hides_preheader", True)
    made = [_piece(each, sealed, audience, tokens, launch["test_code"], hides=hides) for each in planned]
    problems: list[str] = []
    for each, (_, body) in zip(planned, made, strict=True):
        subject = sealed.get(each.heads.get("subject", ""), "").strip()
        problems += faults_of(each.template, each.path, body, subject, launch, program, tokens.by_name)
    if problems:
        raise TemplatingError(problems)
    return [piece for piece, _ in made]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A file to make: ``heads`` are the paths of its subject and preheader, ``partner`` whose alone it is."""

    template: Mapping[str, Any]
    path: str
    heads: Mapping[str, str]
    segment: str
    suffix: str
    partner: str = ""


def _chosen(
    templates: Sequence[Mapping[str, Any]], channels: Sequence[str], segment: str
) -> Iterator[Mapping[str, Any]]:
    """Of each key the words for this persona in all their variants, else the general ones."""
    by_key: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for template in templates:
        if _serves(template, channels):
            by_key.setdefault(template["key"], {}).setdefault(template["segment"], []).append(template)
    for found in by_key.values():
        yield from found.get(segment) or found.get("") or ()


def _serves(template: Mapping[str, Any], channels: Sequence[str]) -> bool:
    return template["channel"] in (*channels, Channel.EVERY) or template["asset"] in IN_EVERY_KIT


def _stem(template: Mapping[str, Any], segment: str, folder: str) -> str:
    place = "core" if template["channel"] == Channel.EVERY else template["channel"]
    variant = f"variant-{template['variant']}" if template.get("variant") else ""
    return folder + ".".join(filter(None, (f"{place}/{template['key']}", segment, variant)))


def _bodies(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if template["html"].strip():
        yield "html", template["html"]
    if template["text"].strip():
        yield "md" if form_of(template) == Form.DOCUMENT else "txt", template["text"]


def _piece(
    planned: _Planned,
    sealed: Mapping[str, str],
    audience: Audience,
    tokens: Tokens,
    test_code: str,
    *,
    hides: bool,
) -> tuple[Piece, str]:
    """The file, and its body with tokens as words, as rules read it."""
    template, body = planned.template, sealed[planned.path]
    subject, preheader = (
        sealed.get(planned.heads.get(name, ""), "").strip() for name in ("subject", "preheader")
    )
    is_html = planned.suffix == "html"
    if is_html and form_of(template) == Form.MAIL:
        body = finished(planned.path, body, preheader if hides else "")
    links = find_links(body, is_html=is_html)
    piece = Piece(
        path=planned.path,
        key=template["key"],
        version=template["version"],
        title=template["title"],
        asset=template["asset"],
        channel=template["channel"],
        segment=planned.segment,
        audience=audience.name if planned.segment else planned.partner,
        media_type=MEDIA_TYPES[planned.suffix],
        body=tokens.open(body),
        subject=tokens.open(subject),
        links=tuple(dict.fromkeys(tokens.stand_in(link, test_code) for link in links)),
        preheader=tokens.open(preheader),
        form=form_of(template),
        locale=template.get("locale", ""),
        variant=template.get("variant", ""),
    )
    return piece, body
