"""A joint campaign of two partners made up from a seed: who was touched, by whom, and what came of it.

SYNTHETIC. What holds in this world, and is kept in ``truth`` apart from the tables:

- Every person is known to one partner or to both; a partner touches only people it knows.
- A deal opens with probability 1 − Π(1 − effect) over the *distinct* sources a person was touched by
  (``EFFECTS``). Each source's true share of the deals is what would be missing without it.
- ``northwind · social`` has no effect at all and is often the last touch: last-touch overpays it.
- The sourcing partner is the partner of the person's first touch. CRM claims agree but for a planted share.
- A deal with a person both know may be in both CRMs, under two identifiers, in two currencies.
- A person both know has one keyed e-mail hash with them, or two and sometimes a typing error in the name.
- A few touches at the same moments are of another campaign, some carry no tags, some unknown ones.
- Contoso loses more deals at the proposal (``PASS_RATES``). Segments and regions differ by chance alone,
  assets but for the channel they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from programs.analytics.identity import hashed_email

PARTNERS = ("northwind", "contoso")
CURRENCIES = {"northwind": "USD", "contoso": "EUR"}
CHANNELS = ("webinar", "email", "paid-search", "event", "social")
CAMPAIGN = "ai-launch-tour"
#: Chance that a touch by the source is enough, once, for a deal.
EFFECTS = {
    ("northwind", "webinar"): 0.14, ("northwind", "email"): 0.05, ("northwind", "paid-search"): 0.08,
    ("northwind", "event"): 0.20, ("northwind", "social"): 0.0,
    ("contoso", "webinar"): 0.24, ("contoso", "email"): 0.04, ("contoso", "paid-search"): 0.05,
    ("contoso", "event"): 0.12, ("contoso", "social"): 0.02,
}  # fmt: skip
#: How often a channel is used; social is weighted up towards the end of a journey.
USE = {"webinar": 0.2, "email": 0.35, "paid-search": 0.2, "event": 0.1, "social": 0.15}
ASSETS = {
    "webinar": ("benchmark-report-live", "roadmap-talk"),
    "email": ("launch-newsletter", "customer-story"),
    "paid-search": ("landing-page-a", "landing-page-b"),
    "event": ("tour-stop", "executive-dinner"),
    "social": ("teaser-video", "launch-post"),
}
STAGES = ("qualified", "discovery", "proposal", "negotiation", "won")
PASS_RATES = {"northwind": (0.9, 0.8, 0.75, 0.7), "contoso": (0.9, 0.8, 0.45, 0.7)}
WORDS = {
    "northwind": ("Qualification", "Discovery", "Proposal", "Negotiation", "Closed Won", "Closed Lost"),
    "contoso": ("Erstgespräch", "Bedarf", "Angebot", "Verhandlung", "Gewonnen", "Verloren"),
}
#: Contoso writes "Offen" where it did not look: it may be any of the first two.
VAGUE_STAGE, VAGUE_SHARE = "Offen", 0.04
SPELLINGS = {"email": ("email", "E-Mail", "newsletter"), "paid-search": ("paid-search", "cpc", "PPC")}
CAMPAIGN_SPELLINGS = ("ai-launch-tour", "AI_Launch_Tour")
UNTAGGED, OTHER_CAMPAIGN, UNKNOWN_MEDIUM = 0.04, 0.12, 0.02
SHARED, SAME_ADDRESS, TYPING_ERROR, BOTH_CLAIM = 0.35, 0.6, 0.15, 0.25
FIRST = (
    "Ana",
    "Ben",
    "Chiara",
    "Dara",
    "Elias",
    "Fay",
    "Gustav",
    "Hana",
    "Ivo",
    "Jun",
    "Kim",
    "Leo",
    "Mia",
    "Noa",
)
LAST = (
    "Abel",
    "Berg",
    "Cruz",
    "Diaz",
    "Endo",
    "Fuchs",
    "Gray",
    "Hill",
    "Ito",
    "Jung",
    "Kaya",
    "Lind",
    "Moor",
    "Nagy",
)
SYLLABLES = (
    "al",
    "bor",
    "cen",
    "dra",
    "el",
    "fin",
    "gar",
    "hel",
    "ion",
    "kor",
    "lum",
    "mer",
    "nov",
    "or",
    "pax",
    "quin",
)
#: Our column → Contoso's header; Northwind writes ours.
CONTOSO_TOUCHES = {"person_id": "Lead ID", "occurred_at": "Timestamp", "asset": "Content"}
CONTOSO_DEALS = {
    "opportunity_id": "Deal ID", "person_id": "Lead ID", "created_at": "Open date", "closed_at": "Close date",
    "amount": "Deal size", "account_name": "Company",
}  # fmt: skip
CONTOSO_CONTACTS = {"contact_id": "Lead ID", "family_name": "Surname"}
REGIONS, SEGMENTS = ("north-america", "europe"), ("enterprise", "mid-market", "startup")
#: Keys the hashes of this world; nobody's secret, because nobody lives here.
HASH_KEY = b"the partners of this made-up world agreed"
USD_PER_EUR = 1.12
DAY = timedelta(days=1)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PartnerWorld:
    """``tables``: partner ("" for ours) → contract kind → table, in each partner's own headers.

    ``truth``:
    ``contacts``  partner, contact_id, person
    ``deals``     person, opened_at, closed_at, sourcing partner, stage, value in USD
    ``records``   partner, opportunity_id, person
    ``shares``    partner, channel, share of the expected deals that would be missing without the source
    """

    tables: dict[str, dict[str, pa.Table]]
    truth: dict[str, pa.Table]


@dataclass(slots=True)
class PartnerWorldBuilder:
    """Collects rows of both partners and what is true of them."""

    rng: np.random.Generator
    start: datetime
    days: int
    contacts: dict[str, list[Row]] = field(default_factory=lambda: {p: [] for p in PARTNERS})
    touches: dict[str, list[Row]] = field(default_factory=lambda: {p: [] for p in PARTNERS})
    deals: dict[str, list[Row]] = field(default_factory=lambda: {p: [] for p in PARTNERS})
    true_deals: list[Row] = field(default_factory=list)
    missing_without: dict[tuple[str, str], float] = field(default_factory=lambda: dict.fromkeys(EFFECTS, 0.0))

    @property
    def end(self) -> datetime:
        return self.start + self.days * DAY

    def pick(self, options: tuple[str, ...]) -> str:
        return options[int(self.rng.integers(len(options)))]

    def misspell(self, word: str) -> str:
        """Swap two letters that stand together."""
        at = int(self.rng.integers(0, max(len(word) - 1, 1)))
        return word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :]


def build_partner_world(
    rng: np.random.Generator,
    *,
    people: int = 2500,
    start: datetime = datetime(2026, 9, 1, tzinfo=UTC),
    days: int = 58,
) -> PartnerWorld:
    """A world of ``people`` touched over ``days`` days from ``start`` (with a time zone)."""
    world = PartnerWorldBuilder(rng, start, days)
    for person in range(people):
        known = PARTNERS if rng.random() < SHARED else (PARTNERS[int(rng.integers(2))],)
        live(world, person, known)
    total = sum(world.missing_without.values())
    return PartnerWorld(
        tables={
            "northwind": {
                "touchpoints": table(world.touches["northwind"]),
                "opportunities": table(world.deals["northwind"]),
                "contacts": table(world.contacts["northwind"]),
            },
            "contoso": {
                "touchpoints": table(world.touches["contoso"], CONTOSO_TOUCHES),
                "opportunities": table(world.deals["contoso"], CONTOSO_DEALS),
                "contacts": table(world.contacts["contoso"], CONTOSO_CONTACTS),
            },
            "": {"targets": targets_table(world)},
        },
        truth={
            "contacts": truth_table(world.contacts, "contact_id"),
            "deals": pa.Table.from_pylist(world.true_deals),
            "records": truth_table(world.deals, "opportunity_id"),
            "shares": pa.table({
                "partner": [partner for partner, _ in EFFECTS],
                "channel": [channel for _, channel in EFFECTS],
                "share": [world.missing_without[source] / total for source in EFFECTS],
            }),
        },
    )  # fmt: skip


def live(world: PartnerWorldBuilder, person: int, known: tuple[str, ...]) -> None:
    """A person's contacts, touches and, perhaps, deal."""
    rng = world.rng
    given, family = world.pick(FIRST), world.pick(LAST)
    company = "".join(world.pick(SYLLABLES) for _ in range(3)).title()
    who: Row = {
        "given_name": given, "family_name": family, "company": company,
        "email": f"{given}.{family}.{person}@{company}.example".lower(),
        "phone": f"+1 415 {rng.integers(1000000, 9999999)}", "postcode": f"{rng.integers(10000, 99999)}",
    }  # fmt: skip
    region, segment = world.pick(REGIONS), world.pick(SEGMENTS)
    ids = {partner: f"{partner[:2]}-{rng.integers(1 << 40):010x}" for partner in known}
    for number, partner in enumerate(known):
        world.contacts[partner].append(contact(world, who, ids[partner], person, second=number == 1))
    journey = touches(world, known)
    for at, partner, channel in journey:
        world.touches[partner].append(touch(world, ids[partner], partner, channel, at, region, segment))
        if rng.random() < OTHER_CAMPAIGN:
            row = touch(world, ids[partner], partner, channel, at, region, segment, campaign="always-on")
            world.touches[partner].append(row)
    sources = {(partner, channel) for _, partner, channel in journey}
    stays_away = float(np.prod([1 - EFFECTS[source] for source in sources]))
    for source in sources:
        without = float(np.prod([1 - EFFECTS[other] for other in sources - {source}]))
        world.missing_without[source] += without - stays_away
    if rng.random() < 1 - stays_away:
        opened = journey[-1][0] + timedelta(days=float(rng.exponential(2)), minutes=5)
        if opened < world.end - DAY:
            deal(world, person, who, ids, journey[0][1], opened, region, segment)


def contact(world: PartnerWorldBuilder, who: Row, contact_id: str, person: int, *, second: bool) -> Row:
    """The person as a partner knows them; the second partner often has another address or a slip."""
    row: Row = {"contact_id": contact_id} | who
    if second and world.rng.random() > SAME_ADDRESS:
        row["email"] = f"{who['given_name']}{person}@mail.example".lower()
        if world.rng.random() < TYPING_ERROR:
            row["family_name"] = world.misspell(who["family_name"])
        if world.rng.random() < 0.3:
            row["phone"] = None
    row["email_hash"] = hashed_email(str(row.pop("email")), HASH_KEY)
    return row | {"person": person}


def touches(world: PartnerWorldBuilder, known: tuple[str, ...]) -> list[tuple[datetime, str, str]]:
    """(when, partner, channel), oldest first; social closes every third journey whatever went before."""
    rng = world.rng
    count = 1 + int(rng.poisson(2.2))
    use = np.array([USE[channel] for channel in CHANNELS])
    at = world.start + timedelta(days=float(rng.uniform(0, world.days - 4)))
    found: list[tuple[datetime, str, str]] = []
    for number in range(count):
        channel = str(rng.choice(CHANNELS, p=use))
        if number and number == count - 1 and rng.random() < 0.33:
            channel = "social"
        found.append((at, world.pick(known), channel))
        at += timedelta(days=float(rng.exponential(4)), minutes=1)
    return [one for one in found if one[0] < world.end - DAY] or found[:1]


def touch(
    world: PartnerWorldBuilder, person_id: str, partner: str, channel: str, at: datetime, region: str,
    segment: str, *, campaign: str = CAMPAIGN,
) -> Row:  # fmt: skip
    """A touch as the partner's tool writes it; Northwind keeps the URL, Contoso the parameters."""
    rng, drawn = world.rng, world.rng.random()
    medium = world.pick(SPELLINGS.get(channel, (channel,)))
    if drawn < UNKNOWN_MEDIUM:
        medium = "misc"
    spelling = world.pick(CAMPAIGN_SPELLINGS) if campaign == CAMPAIGN else campaign
    told: dict[str, str | None] = {"utm_source": partner, "utm_medium": medium, "utm_campaign": spelling}
    row: Row = {
        "touch_id": f"t-{rng.integers(1 << 50):013x}", "person_id": person_id,
        "occurred_at": local(at, partner), "campaign": campaign, "asset": world.pick(ASSETS[channel]),
        "segment": segment, "region": region,
    }  # fmt: skip
    if UNKNOWN_MEDIUM <= drawn < UNKNOWN_MEDIUM + UNTAGGED:
        told = dict.fromkeys(told)
    if partner == "contoso":
        return row | told
    query = "&".join(f"{name}={value}" for name, value in told.items() if value)
    return row | {"landing_url": f"https://{partner}.example/launch?{query}&click={rng.integers(1 << 30):x}"}


def deal(
    world: PartnerWorldBuilder, person: int, who: Row, ids: dict[str, str], first: str, opened: datetime,
    region: str, segment: str,
) -> None:  # fmt: skip
    """A deal, in the CRM of the partner that sourced it or in both."""
    rng = world.rng
    value = float(np.round(rng.lognormal(9.6, 0.6), 2))
    reached, at, lost = 0, opened, False
    for rate in PASS_RATES[first]:
        at += timedelta(days=float(rng.exponential(4)))
        if at >= world.end - DAY:
            break
        if rng.random() > rate:
            lost = True
            break
        reached += 1
    won = reached == len(STAGES) - 1
    stage = len(STAGES) if lost else reached
    closed = at if lost or won else None
    world.true_deals.append({
        "person": person, "opened_at": opened, "closed_at": closed, "sourced_by": first,
        "stage": "lost" if lost else STAGES[reached], "value": value,
    })  # fmt: skip
    keepers = list(ids) if len(ids) > 1 and rng.random() < 0.5 else [first]
    contested = len(keepers) > 1 and rng.random() < BOTH_CLAIM
    for partner in keepers:
        word = WORDS[partner][stage]
        if partner == "contoso" and stage < 2 and rng.random() < VAGUE_SHARE:
            word = VAGUE_STAGE
        amount = value if partner == "northwind" else value / USD_PER_EUR
        delay = timedelta(days=float(rng.uniform(0, 3))) if partner != first else timedelta()
        world.deals[partner].append({
            "opportunity_id": f"{partner[:2]}-opp-{rng.integers(1 << 40):010x}", "person_id": ids[partner],
            "account_name": who["company"] + (" Inc." if partner == "northwind" else " GmbH"),
            "sourced_by": partner if contested else first, "campaign": CAMPAIGN, "segment": segment,
            "region": region, "stage": word, "created_at": local(opened + delay, partner),
            "closed_at": local(closed, partner) if closed else None, "won": won if closed else None,
            "amount": round(amount, 2), "currency": CURRENCIES[partner], "person": person,
        })  # fmt: skip


def local(at: datetime, partner: str) -> str:
    """Contoso writes UTC with its sign, Northwind with an offset: one instant in two spellings."""
    if partner == "contoso":
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")


def table(rows: list[Row], headers: dict[str, str] | None = None) -> pa.Table:
    names = [name for name in rows[0] if name != "person"]
    return pa.table({(headers or {}).get(name, name): [row[name] for row in rows] for name in names})


def truth_table(rows: dict[str, list[Row]], key: str) -> pa.Table:
    return pa.Table.from_pylist(
        [{"partner": p, key: row[key], "person": row["person"]} for p in PARTNERS for row in rows[p]]
    )


def targets_table(world: PartnerWorldBuilder) -> pa.Table:
    """Sourced pipeline and revenue agreed for the 91 days of the campaign, in USD."""
    agreed = (
        ("sourced_pipeline", "northwind", 7_000_000), ("sourced_pipeline", "contoso", 7_000_000),
        ("sourced_revenue", "northwind", 1_800_000), ("sourced_revenue", "contoso", 1_800_000),
    )  # fmt: skip
    return pa.table({
        "metric": [metric for metric, _, _ in agreed],
        "dimension": ["partner"] * len(agreed),
        "member": [partner for _, partner, _ in agreed],
        "starts_on": [world.start.date()] * len(agreed),
        "ends_on": [world.start.date() + 90 * DAY] * len(agreed),
        "target": [float(value) for _, _, value in agreed],
        "currency": ["USD"] * len(agreed),
    })  # fmt: skip


def agreed_taxonomy() -> dict[str, Any]:
    """Vocabulary and stage map as the two partners would have agreed on them: fields of an agreement."""
    campaigns = [CAMPAIGN, "always-on"]
    media = {"e-mail": "email", "newsletter": "email", "cpc": "paid-search", "ppc": "paid-search"}
    return {
        "vocabulary": {
            "allowed": {"source": list(PARTNERS), "medium": list(CHANNELS), "campaign": campaigns},
            "aliases": {"medium": media, "campaign": {"ai_launch_tour": CAMPAIGN}},
        },
        "stages": {
            partner: {word: [stage] for word, stage in zip(words, (*STAGES, "lost"), strict=True)}
            | ({VAGUE_STAGE: ["qualified", "discovery"]} if partner == "contoso" else {})
            for partner, words in WORDS.items()
        },
    }  # fmt: skip
