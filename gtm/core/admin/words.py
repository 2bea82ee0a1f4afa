"""Values of any shape in a form, as lines that people read and write; stored as JSON.

The lines are block-style YAML with the types of JSON and no others: ``no`` and ``2026-01-01`` are words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any

import yaml
from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput, JSONString
from unfold.widgets import UnfoldAdminTextareaWidget

HOW = "Write lines “name: value”. Begin each item of a list with “- ”. Indent what belongs to the line above."
TAG = "tag:yaml.org,2002:"
KINDS = ("null", "bool", "int", "float", "str", "seq", "map")
_INTEGER = "-?(?:0|[1-9][0-9]*)"
_RESOLVED = {  # the JSON schema, YAML 1.2.2 section 10.2; what matches none is text
    "null": ("null|~|", ["n", "~", ""]),
    "bool": ("true|false", ["t", "f"]),
    "int": (_INTEGER, list("-0123456789")),
    "float": (rf"{_INTEGER}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
}


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - as the base says it
    yaml_constructors = {  # noqa: RUF012
        TAG + kind: yaml.SafeLoader.yaml_constructors[TAG + kind] for kind in KINDS
    } | {None: yaml.SafeLoader.yaml_constructors[None]}

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # so the stub
            raise yaml.composer.ComposerError(None, None, "put text that starts with “*” in quotes", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Names as they are written, each once."""
        found: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in found:
                told = (
                    "this name is used twice" if isinstance(key, yaml.ScalarNode) else "a name must be text"
                )
                raise yaml.constructor.ConstructorError(None, None, told, key.start_mark)
            found[key.value] = self.construct_object(value, deep=True)
        return found


class _Dumper(yaml.SafeDumper):
    """Lists indented under their name, as people write them; nothing by reference."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


for kind, (pattern, first) in _RESOLVED.items():
    for side in (_Loader, _Dumper):  # the dumper, so that it quotes text that would be read as something else
        side.add_implicit_resolver(TAG + kind, re.compile(f"^(?:{pattern})$"), first)


def write(value: Any) -> str:
    """A JSON value as lines; nothing for what is empty."""
    if value in (None, {}, []):
        return ""
    text = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
    return text.removesuffix("...\n").rstrip("\n")


def read(text: str) -> Any:
    """The JSON value that ``text`` writes. Raises ValidationError with the line that is wrong."""
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - knows the types of JSON, nothing else
        json.dumps(value, allow_nan=False)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ValidationError(f"Line {line}: {error.problem}. {HOW}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValidationError(f"The text cannot be read. {HOW}") from error
    return value


class WordsField(forms.JSONField):
    """A JSON field of a model in a form; JSON itself is read too. Empty text is the field's own default."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> str:
        return str(value) if isinstance(value, InvalidJSONInput) else write(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed is shown as it was typed."""
        return initial if self.disabled else InvalidJSONInput("" if data is None else data)

    def to_python(self, value: Any) -> Any:
        if self.disabled or isinstance(value, list | dict | int | float | JSONString):
            return value
        found = read(value or "")
        if found is None:
            return self.initial() if callable(self.initial) else self.initial
        return JSONString(found) if isinstance(found, str) else found
