"""Load profiles at work: the one that a load names, and the choices of a load kept as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gtm.core import actors, clock
from gtm.core.errors import InvalidInput, Problem
from programs.datasets import Options
from programs.datasets.loading.guessing import KnownProfile
from programs.datasets.loading.limits import CHOICES
from programs.datasets.loading.problems import nearest
from programs.datasets.loading.terms import LoadTerms
from programs.datasets.presets import LoadPreset, presets
from programs.models import Dataset, LoadProfile, Partner, Program

OPTIONS = {choice.name for choice in CHOICES}


def settle_terms(
    program: Program,
    kind: str,
    name: str,
    mapping: Mapping[str, str],
    options: Mapping[str, str],
    without: Collection[str] = (),
) -> LoadTerms:
    """The terms of a load: those of the profile ``name``, if any, and over them what was said with the load.

    The program's own profile goes before a preset of its name. ``without`` names options of the profile that
    do not count this time. Raises InvalidInput naming those there are.
    """
    if unknown := sorted({*without} - OPTIONS):
        problem = Problem("without", f"There is no option “{unknown[0]}”.", tuple(sorted(OPTIONS)))
        raise InvalidInput("Nothing was loaded.", problems=[problem])
    said = {option: value for option, value in options.items() if value}
    if not name:
        return LoadTerms(dict(mapping), said, frozenset(said))
    own = LoadProfile.objects.filter(program=program, name=name, is_active=True).first()
    kept: LoadProfile | LoadPreset | None = own or presets().get(name)
    if kept is None or kept.kind != kind:
        message = f"“{name}” reads {kept.kind}, not {kind}." if kept else f"“{name}” is unknown."
        known = names_for(program, kind)
        problem = Problem("profile", message, known, nearest(name, known))
        raise InvalidInput("There is no such load profile.", problems=[problem])
    of_profile = {option: value for option, value in kept.options.items() if option not in without}
    return LoadTerms(
        {**kept.mapping, **mapping},
        {**of_profile, **said},
        frozenset(said),
        name,
        "profile" if own else "preset",
        own.version if own else 0,
    )


def options_of(program: Program, partner: Partner | None, terms: LoadTerms) -> Options:
    """What the loader is given: the terms, the owner's zone and currency, and the zone whose days count."""
    owner = partner or program
    given = {"time_zone": owner.time_zone} | dict(terms.options)
    return Options(
        **given,
        home_currency=owner.currency,
        home_zone=program.time_zone,
        zone_is_said="time_zone" in terms.options,
        now=clock.now(),
    )


def known_profiles(program: Program, kind: str = "") -> list[KnownProfile]:
    """The program's own profiles and the presets, of one kind or of all, as a guess sees them."""
    own = LoadProfile.objects.filter(program=program, is_active=True).order_by("name")
    found = [
        KnownProfile(one.name, one.name, one.kind, "profile", dict(one.mapping), dict(one.options))
        for one in own
    ]
    found += [
        KnownProfile(one.name, one.title, one.kind, "preset", one.mapping, one.options)
        for one in presets().values()
    ]
    return [one for one in found if not kind or one.kind == kind]


def names_for(program: Program, kind: str) -> tuple[str, ...]:
    """Names that a load of this kind may give: the program's own first, then presets."""
    own = LoadProfile.objects.filter(program=program, kind=kind, is_active=True).order_by("name")
    names = [*own.values_list("name", flat=True), *(p.name for p in presets().values() if p.kind == kind)]
    return tuple(dict.fromkeys(names))


def save_profile(dataset: Dataset, name: str, *, reason: str = "") -> LoadProfile:
    """Keep what was said with the last load of a dataset as a profile, over the one of that name.

    Raises InvalidInput where nothing was said, or the name is that of a profile for another kind.
    """
    said: dict[str, Any] = dataset.answer.get("terms", {})
    if not (said.get("mapping") or said.get("options")):
        raise InvalidInput(
            "This load has no choices that a profile could keep.",
            problems=[
                Problem("name", (f"Dataset {dataset.pk} was loaded without a choice of columns or options."))
            ],
            hint="A file that is read without any choice needs no profile.",
        )
    acting = actors.current()
    with transaction.atomic(), actors.acting_as(acting.actor, reason or acting.reason):
        profile = LoadProfile.objects.filter(program=dataset.program, name=name).first() or LoadProfile(
            program=dataset.program, name=name, kind=dataset.kind
        )
        if profile.kind != dataset.kind:
            message = f"“{name}” is the profile of {profile.kind}; choose another name."
            raise InvalidInput("The profile was not saved.", problems=[Problem("name", message)])
        profile.mapping, profile.options = dict(said["mapping"]), dict(said["options"])
        profile.is_active = True
        try:
            profile.full_clean(validate_unique=False, validate_constraints=False)
        except ValidationError as error:
            problems = [Problem(field, text) for field, told in error.message_dict.items() for text in told]
            raise InvalidInput("The profile was not saved.", problems=problems) from error
        profile.save()
    return profile
