"""Which text of which model may name a person or is what a person wrote, and what stands there then.

Each app declares its models beside them, and every text column of every model is declared: so a new one is
not forgotten. ``erased_text`` reads the declarations.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

MARK = "(erased)"
SHORTEST = 3
"""Characters of a text that may be erased everywhere: a shorter one stands in too much else."""
NOTHING = "(?!)"
"""The pattern that no text has."""
SAID = frozenset({"evidence", "comment", "reason", "note"})
"""Keys of JSON under which people write: what they noted as evidence, and why."""


@dataclass(frozen=True, slots=True)
class DeclaredText:
    """The text columns of a model.

    ``personal`` may name people. ``comments``, part of it, are what the person behind a row wrote. ``plain``
    are codes, keys, digests and names of things: nobody's. ``identity``, part of ``personal``, is told apart
    by its value: an address, a user name. ``owner``: the column with the account whose row it is, if any.
    """

    personal: frozenset[str]
    plain: frozenset[str]
    comments: frozenset[str]
    identity: frozenset[str]
    owner: str


_declared: dict[str, DeclaredText] = {}


def declare(
    label: str,
    *,
    personal: str = "",
    plain: str = "",
    comments: str = "",
    identity: str = "",
    owner: str = "",
) -> None:
    """Say of a model ("plans.decision") which text is whose; names of columns, with blanks between them.

    Raises ValueError for a column that is said to be both.
    """
    wrote, named = frozenset(comments.split()), frozenset(identity.split())
    whose = DeclaredText(
        frozenset(personal.split()) | wrote | named, frozenset(plain.split()), wrote, named, owner
    )
    if both := whose.personal & whose.plain:
        raise ValueError(f"{label}: {', '.join(sorted(both))} cannot be personal and plain")
    _declared[label.lower()] = whose


def declared() -> dict[str, DeclaredText]:
    """Label of a model in small letters → its text columns."""
    return dict(_declared)


def text_columns(model: type[models.Model]) -> set[str]:
    """The columns of a model that can hold text, whatever is written there."""
    kinds = (models.CharField, models.TextField, models.JSONField, models.FileField, models.BinaryField)
    return {field.attname for field in model._meta.concrete_fields if isinstance(field, kinds)}


def model_of(label: str) -> type[models.Model]:
    return apps.get_model(label)


class SoughtText:
    """The words of an erasure: names, addresses, a comment. Upper and lower case are the same.

    A word counts where it stands by itself: "Jo" is not in "Jonas".
    """

    def __init__(self, words: Collection[str]):
        self.words = tuple(sorted({word.strip() for word in words if word.strip()}, key=len, reverse=True))
        either = "|".join(r"\s+".join(map(re.escape, word.split())) for word in self.words)
        self._pattern = re.compile(rf"(?<!\w)(?:{either or NOTHING})(?!\w)", re.IGNORECASE)

    def is_in(self, value: Any) -> bool:
        """Whether any text of a value has one of the words: keys of JSON, too."""
        if isinstance(value, str):
            return self._pattern.search(value) is not None
        if isinstance(value, dict):
            return any(self.is_in(part) for pair in value.items() for part in pair)
        return isinstance(value, list | tuple) and any(map(self.is_in, value))

    def without(self, value: Any) -> Any:
        """The same with ``MARK`` in place of each word. Keys that become the same are numbered."""
        if isinstance(value, str):
            return self._pattern.sub(MARK, value)
        if isinstance(value, dict):
            left: dict[str, Any] = {}
            for key, item in value.items():
                left[_free(self.without(key), left)] = self.without(item)
            return left
        return [*map(self.without, value)] if isinstance(value, list | tuple) else value


def _free(key: Any, taken: Collection[Any]) -> Any:
    number, wanted = 1, key
    while key in taken:
        number += 1
        key = f"{wanted} {number}"
    return key


def without_said(value: Any, sought: SoughtText) -> Any:
    """JSON without what people noted in it: the text at and below the keys ``SAID``.

    Where a part says whose it is ("person"), it goes only if that is one of the words.
    """
    if isinstance(value, dict):
        if "person" in value and not sought.is_in(value["person"]):
            return value
        return {k: _blank(item) if k in SAID else without_said(item, sought) for k, item in value.items()}
    return [without_said(item, sought) for item in value] if isinstance(value, list) else value


def _blank(value: Any) -> Any:
    if isinstance(value, str):
        return MARK if value else value
    if isinstance(value, dict):
        return {key: _blank(item) for key, item in value.items()}
    return [*map(_blank, value)] if isinstance(value, list) else value
