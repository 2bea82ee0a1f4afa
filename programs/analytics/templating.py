"""Communications from templates: every variable filled or an error that lists all that are not.

Templates are written by people who should not be able to run code: Jinja's immutable sandbox. HTML escapes
what is put into it, text does not. Links come tagged for the channel: a template names a destination,
``{{ link.landing }}``, and nobody types a tag.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined, TemplateError, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from programs.analytics.tracking_links import tagged

LINKS, PERSONAL = "link", "personal"
LONGEST_SOURCE = 300_000

_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")


class TemplatingError(ValueError):
    """The communications cannot be rendered; ``problems`` names everything wrong, a sentence each."""

    def __init__(self, problems: Sequence[str]):
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Template:
    """One piece of communication. ``name`` is its path in the kit; ``.html`` makes it HTML, all else is text.

    ``tags`` (utm_source, utm_medium, …) go onto every link of this piece but those to hosts of ``at_home``: a
    page that tags the way to itself takes away where its visitors came from.
    """

    name: str
    source: str
    tags: Mapping[str, str]
    at_home: frozenset[str] = frozenset()

    @property
    def is_html(self) -> bool:
        return self.name.endswith(".html")


def render(
    templates: Sequence[Template],
    variables: Mapping[str, Any],
    destinations: Mapping[str, str],
    code: tuple[str, str] | None = None,
) -> dict[str, str]:
    """Name → text of every template, in order of name.

    ``variables`` may nest; None and blank text count as not filled. ``destinations`` maps names to addresses
    without tags. With a ``code``, parameter and value, ``personal`` are the same links with it on them.
    Raises TemplatingError with all problems of all templates: syntax, variables not filled,
    wherever they stand, destinations that cannot be tagged, and addresses on a destination's host that were
    typed by hand and would not be tracked.
    """
    filled = _filled(variables)
    problems: list[str] = []
    names = [template.name for template in templates]
    problems += [
        f"There is more than one {name}." for name in sorted({n for n in names if names.count(n) > 1})
    ]
    problems += [f"A variable must not be called {name}." for name in (LINKS, PERSONAL) if name in filled]
    rendered = {}
    for template in sorted(templates, key=lambda t: t.name):
        try:
            links = {name: _link(template, address) for name, address in destinations.items()}
            own = {name: tagged(address, dict([code])) for name, address in links.items()} if code else {}
            rendered[template.name] = text = _render_one(template, {**filled, LINKS: links, PERSONAL: own})
            problems += _typed_by_hand(template, text, [*links.values(), *own.values()])
        except TemplatingError as error:
            problems += error.problems
        except ValueError as error:
            problems.append(f"{template.name}: {error}")
    if problems:
        raise TemplatingError(problems)
    return rendered


def _link(template: Template, address: str) -> str:
    is_at_home = urlsplit(address).netloc.lower() in template.at_home
    return address if is_at_home else tagged(address, template.tags)


def variables_of(template: Template) -> frozenset[str]:
    """The variables a template asks for, without their parts. Raises TemplatingError for bad syntax."""
    return frozenset(path[0] for path in _paths(_parsed(template))) - {LINKS, PERSONAL}


def parts_asked(template: Template, name: str) -> list[str]:
    """The parts of the variable ``name`` that a template asks for, in its order.

    Raises TemplatingError for bad syntax.
    """
    paths = (path for path in _paths(_parsed(template)) if len(path) > 1 and path[0] == name)
    return list(dict.fromkeys(str(path[1]) for path in paths))


def _render_one(template: Template, values: Mapping[str, Any]) -> str:
    environment = _environment(template)
    # What a branch not taken asks for is missing as well: the next launch may take it.
    paths = _paths(_parsed(template))
    if missing := sorted({gap for path in paths if (gap := _first_gap(environment, path, values))}):
        raise TemplatingError([f"{template.name}: {gap} is not filled." for gap in missing])
    try:
        text: str = environment.from_string(template.source).render(values)
    except (TemplateError, TypeError, ArithmeticError, LookupError, OverflowError) as error:
        raise TemplatingError([f"{template.name}: {error}."]) from error
    return text


def _environment(template: Template) -> Environment:
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_put_out,
        autoescape=template.is_html,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _put_out(value: Any) -> Any:
    """What an expression came to; TypeError where nobody meant that to be read."""
    if value is None or (callable(value) and not isinstance(value, Undefined)):
        raise TypeError("an expression comes to nothing, or to a function that is not called")
    return value


def _parsed(template: Template) -> nodes.Template:
    if len(template.source) > LONGEST_SOURCE:
        raise TemplatingError([f"{template.name} has more than {LONGEST_SOURCE:,} characters."])
    try:
        return _environment(template).parse(template.source)
    except TemplateSyntaxError as error:
        raise TemplatingError([f"{template.name}, line {error.lineno}: {error.message}"]) from error
    except RecursionError as error:
        raise TemplatingError([f"{template.name} is nested too deep."]) from error


def _paths(tree: nodes.Template) -> list[tuple[Any, ...]]:
    """Every variable of the tree with the parts asked of it: ``program.owner`` is ("program", "owner")."""
    free = meta.find_undeclared_variables(tree)
    found = (_path(node) for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem)))
    return [path for path in found if path and path[0] in free]


def _path(node: nodes.Node) -> tuple[Any, ...]:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr) and (parent := _path(node.node)):
        return (*parent, node.attr)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and (parent := _path(node.node)):
        return (*parent, node.arg.value)
    return ()


def _first_gap(environment: Environment, path: tuple[Any, ...], values: Mapping[str, Any]) -> str:
    """The shortest part of ``path`` that is not filled, "" where all of it is."""
    value: Any = values
    for length, part in enumerate(path, start=1):
        value = environment.getitem(value, part)
        if isinstance(value, Undefined):
            return ".".join(map(str, path[:length]))
    return ""


def _filled(value: Any) -> Any:
    """Without what is None or blank, at any depth: it would leave a hole in the text."""
    if isinstance(value, Mapping):
        kept = {key: _filled(part) for key, part in value.items()}
        return {key: part for key, part in kept.items() if part is not None and str(part).strip()}
    return value


def _typed_by_hand(template: Template, text: str, links: Sequence[str]) -> list[str]:
    ours = set(links)
    hosts = {urlsplit(address).hostname for address in ours}
    found = set(_ADDRESS.findall(html.unescape(text) if template.is_html else text))
    # An address ends before the punctuation of its sentence, unless that belongs to the link.
    typed = {address.rstrip(".,;:!?)") for address in found - ours} - ours
    return [
        f"{template.name}: {address} was typed by hand and is not tracked; use {LINKS}."
        for address in sorted(typed)
        if urlsplit(address).hostname in hosts and urlsplit(address).netloc.lower() not in template.at_home
    ]
