"""The demo's joint campaign: a SYNTHETIC world of two partners, what they agreed on, and their contacts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.csv as pa_csv
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from programs.datasets.worlds.partner_world import agreed_taxonomy, build_partner_world
from programs.models import Campaign, Dataset, MeasurementAgreement, Partner, Person
from programs.services import load_dataset

SEED, PEOPLE = 2026, 2500
CONTACTS = {"northwind": "Nora West", "contoso": "Cem Yılmaz"}


def take_contacts(campaign: Campaign, password: str) -> None:
    """Somebody who speaks for each partner of the campaign, and can log in."""
    partners = {partner.slug: partner for partner in campaign.partners.all()}
    for slug, name in CONTACTS.items():
        _contact(partners[slug], name, password)


def load(campaign: Campaign, say: Callable[[str], Any]) -> None:
    """Agreement and data of the campaign, unless its program has touchpoints already."""
    if not MeasurementAgreement.objects.filter(campaign=campaign).exists():
        MeasurementAgreement(campaign=campaign, **agreed_taxonomy()).save()
    partners = {partner.slug: partner for partner in campaign.partners.all()}
    if Dataset.objects.filter(program=campaign.program, kind="touchpoints").exists():
        return
    say("Making a joint campaign of two partners …")
    with TemporaryDirectory() as folder:
        for slug, tables in build_partner_world(np.random.default_rng(SEED), people=PEOPLE).tables.items():
            for kind, table in tables.items():
                path = Path(folder) / f"synthetic_{slug or 'joint'}_{kind}.csv"
                pa_csv.write_csv(table, path)
                dataset, _ = load_dataset(
                    kind, [path], program=campaign.program, partner=partners.get(slug), campaign=campaign
                )
                say(f"  {dataset.rows:,} {kind} of {slug or 'both'} (synthetic)")


def _contact(partner: Partner, name: str, password: str) -> None:
    """A person of the partner's own: sees the partner's records and the disputes, and nothing else."""
    if partner.contact_id:
        return
    users = get_user_model().objects
    first, last = name.split(" ", 1)
    user = users.filter(username=partner.slug).first() or users.create_user(
        partner.slug,
        f"{partner.slug}@demo.example",
        password,
        first_name=first,
        last_name=last,
        is_staff=True,
    )
    user.groups.set([Group.objects.get(name="Partner contacts")])
    person = Person(name=name, email=f"{partner.slug}@demo.example", country=partner.country)
    person.save()
    person.accounts.add(user)
    partner.contact = person
    partner.save()
