"""What the text of a rota must be, as somebody proposes it with a ladder, and the same in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from gtm.core.errors import Problem
from plans.engine.escalation import rotations
from plans.schemas.declaration import Rota
from programs.models import Person

OF_LAYERS = ("turn", "since", "people", "days", "hours")
FIELDS = ("name", *OF_LAYERS, "layers")
MOST_PEOPLE, LONGEST_NAME, MOST_LAYERS = 20, 60, 4


def in_words(rota: Mapping[str, Any]) -> str:
    """A rota as a policy stores it, in a sentence: name, turn, and the people in their order, by layer."""
    layers = [rota, *rota.get("layers", ())]
    addresses = {address for layer in layers for address in layer["people"]}
    names = dict(Person.objects.filter(email__in=addresses).values_list("email", "name"))
    return f"rota {rota['name']}, " + "; covered by the layer ".join(_in_words(one, names) for one in layers)


def in_words_of(rota: Rota) -> str:
    """The same of a rota that a ladder has."""
    return in_words(asdict(rota))


def _in_words(layer: Mapping[str, Any], names: Mapping[str, str]) -> str:
    people = ", ".join(names.get(address, address) for address in layer["people"])
    when = "".join(f", {said}" for name in ("days", "hours") if (said := layer.get(name)))
    return f"by {layer['turn']} from {layer['since']}{when}: {people}"


def faults(at: str, rota: Any) -> Iterable[Problem]:
    """Everything wrong with a rota as somebody proposes it, each by its path."""
    if not isinstance(rota, Mapping):
        yield Problem(at, "must be an object with a name, a turn, since and people.")
        return
    for name in sorted(set(rota) - set(FIELDS)):
        yield Problem(f"{at}.{name}", "is unknown.", FIELDS, code="unknown")
    name = rota.get("name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= LONGEST_NAME:
        yield Problem(f"{at}.name", f"must be a text of 1 to {LONGEST_NAME} characters.")
    yield from _layer_faults(at, rota)
    layers = rota.get("layers", [])
    if not isinstance(layers, list) or len(layers) >= MOST_LAYERS:
        yield Problem(f"{at}.layers", f"must be a list of at most {MOST_LAYERS - 1} further layers.")
        return
    for number, layer in enumerate(layers):
        here = f"{at}.layers.{number}"
        if not isinstance(layer, Mapping):
            yield Problem(here, "must be an object with a turn, since and people.")
            continue
        for name in sorted(set(layer) - set(OF_LAYERS)):
            yield Problem(f"{here}.{name}", "is unknown.", OF_LAYERS, code="unknown")
        yield from _layer_faults(here, layer)


def _layer_faults(at: str, layer: Mapping[str, Any]) -> Iterable[Problem]:
    if layer.get("turn") not in rotations.TURNS:
        yield Problem(f"{at}.turn", f"“{layer.get('turn', '')}” is unknown.", tuple(rotations.TURNS))
    if not _is_read(rotations.begins_at, layer.get("since")):
        said = f"“{layer.get('since', '')}” is no day; write it like 2026-12-07, or 2026-12-07 09:00."
        yield Problem(f"{at}.since", said)
    if not _is_read(rotations.weekdays, layer.get("days", "")):
        yield Problem(f"{at}.days", "are no weekdays; write them like mon-fri, or sat, sun.")
    if not _is_read(rotations.hours_of, layer.get("hours", "")):
        yield Problem(f"{at}.hours", "are no hours; write them like 18:00-08:00.")
    yield from _people_faults(f"{at}.people", layer.get("people"))


def _is_read(read: Callable[[str], Any], value: Any) -> bool:
    try:
        if isinstance(value, str):
            read(value)
            return True
    except ValueError:
        return False
    return False


def _people_faults(at: str, people: Any) -> Iterable[Problem]:
    is_list = isinstance(people, list) and all(isinstance(address, str) for address in people)
    if not is_list or not 1 <= len(people) <= MOST_PEOPLE:
        yield Problem(at, f"must be a list of 1 to {MOST_PEOPLE} e-mail addresses.")
        return
    known = set(Person.objects.filter(email__in=people, is_active=True).values_list("email", flat=True))
    for address in (address for address in people if address not in known):
        yield Problem(at, f"“{address}” is nobody's address in the directory.")
    for address in sorted({address for address in people if people.count(address) > 1}):
        yield Problem(at, f"“{address}” stands there twice.")
