"""A referral program made up from a seed, with frauds and honest look-alikes whose truth is known.

Tables have the columns of the contracts ``referrals``, ``referral_payouts`` and ``partner_activity``;
what was planted is in ``truth``, apart, for measuring detection only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

CHANNELS = ("email", "link", "social", "in_app")
#: Chance of reaching each stage from the one before: click, submit, qualify, pipeline, win.
STAGES = ("clicked_at", "submitted_at", "qualified_at", "pipeline_at", "won_at")
PASS_RATES = (0.55, 0.60, 0.70, 0.65, 0.55)
#: The channel and stage that are broken: in-app referrals qualify, and then nobody follows up.
BROKEN_CHANNEL, BROKEN_STAGE, BROKEN_RATE = "in_app", "pipeline_at", 0.25
REGIONS = ("north", "south", "east", "west")
TIERS = ("bronze", "silver", "gold")
DOMAINS = ("gmail.com", "outlook.com", "yahoo.com", "icloud.com", "example.org")
THROWAWAY = ("mailinator.com", "guerrillamail.com", "yopmail.com")
FIRST = ("ana", "ben", "chi", "dara", "eli", "fay", "gus", "hana", "ivo", "jun", "kim", "leo", "mia", "noa")
LAST = ("abel", "berg", "cruz", "diaz", "endo", "fox", "gray", "hill", "ito", "jung", "kaya", "lind", "moor")
AGENTS = ("Firefox/140", "Chrome/139", "Safari/18", "Edge/139")
#: Traces that a tenth of the rows lack, as private windows and new browsers make it.
TRACES = ("cookie_id", "device_id", "payment_hash", "ip", "referee_address", "referrer_device_id")
MINUTE, HOUR, DAY = 60, 3600, 86400

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReferralWorld:
    """``tables`` by contract kind; ``truth`` has referral_id, scheme, fraud."""

    tables: dict[str, pa.Table]
    truth: pa.Table


class ReferralWorldBuilder:
    """Collects rows; knows how an ordinary referral looks so that every scheme only says what differs."""

    def __init__(self, rng: np.random.Generator, start: datetime, days: int) -> None:
        self.rng, self.start, self.days = rng, start, days
        self.rows: list[Row] = []
        self.serial = 0

    def token(self, kind: str) -> str:
        self.serial += 1
        return f"{kind}{self.serial:x}-{self.rng.integers(1 << 40):010x}"

    def pick(self, options: tuple[str, ...]) -> str:
        return options[int(self.rng.integers(len(options)))]

    def person(self, **given: Any) -> Row:
        first, last = self.pick(FIRST), self.pick(LAST)
        number = int(self.rng.integers(1_000_000))
        person = {
            "id": self.token("c"),
            "name": f"{first.title()} {last.title()}",
            "email": f"{first}.{last}.{number}x@{self.pick(DOMAINS)}",
            "address": f"{number % 9999 + 1} {self.pick(LAST).title()} Street {number // 9999 + 100}",
            "cookie": self.token("k"),
            "device": self.token("d"),
            "payment": self.token("p"),
            "payout": self.token("a"),
            "ip": ".".join(str(int(part)) for part in self.rng.integers(1, 255, 4)),
            "agent": self.pick(AGENTS),
            "channel": self.pick(CHANNELS),
            "region": self.pick(REGIONS),
            "partner": int(self.rng.integers(12)),
        }
        return person | given

    def moment(self) -> float:
        return float(self.rng.uniform(0, self.days * DAY))

    def refer(self, scheme: str, fraud: bool, a: Row, b: Row, at: float | None = None, **given: Any) -> None:
        """One referral of ``b`` by ``a``; ``given`` overrides columns (times in seconds from the start)."""
        rng = self.rng
        invited = self.moment() if at is None else at
        times: dict[str, float | None] = {"invited_at": invited}
        clock: float | None = invited
        gaps = (HOUR, 10 * MINUTE, DAY, 2 * DAY, 4 * DAY)
        for stage, rate, gap in zip(STAGES, PASS_RATES, gaps, strict=True):
            if a["channel"] == BROKEN_CHANNEL and stage == BROKEN_STAGE:
                rate = BROKEN_RATE
            reached = clock is not None and (fraud or rng.random() < rate)
            clock = clock + MINUTE + float(rng.exponential(gap)) if reached and clock is not None else None
            times[stage] = clock
        won = times["won_at"]
        times["paid_at"] = won + 30 * DAY if won is not None else None
        times["refunded_at"] = None
        if won is not None and rng.random() < 0.06:
            times["refunded_at"] = won + float(rng.uniform(DAY, 40 * DAY))
        revenue = float(np.round(rng.lognormal(4.6, 0.5), 2)) if won is not None else None
        row: Row = times | {
            "referral_id": f"r{len(self.rows):07d}-{rng.integers(1 << 20):05x}",
            "referrer_id": a["id"],
            "partner_id": f"partner-{a['partner']:02d}",
            "partner_tier": TIERS[a["partner"] % 3],
            "revenue": revenue,
            "margin": None if revenue is None else round(revenue * 0.4, 2),
            "pipeline_amount": None if times["pipeline_at"] is None else 120.0,
            "reward": 20.0,
            "currency": "EUR",
            "source": "advocate",
            "channel": a["channel"],
            "region": a["region"],
            "referrer_email": a["email"],
            "referrer_name": a["name"],
            "referrer_address": a["address"],
            "referrer_cookie_id": a["cookie"],
            "referrer_device_id": a["device"],
            "referrer_payment_hash": a["payment"],
            "referee_email": b["email"],
            "referee_name": b["name"],
            "referee_address": b["address"],
            "referee_customer_id": b["id"],
            "cookie_id": b["cookie"],
            "device_id": b["device"],
            "payment_hash": b["payment"],
            "ip": b["ip"],
            "user_agent": b["agent"],
            "landing_url": "https://shop.example/welcome?ref=" + a["id"],
            "referer_url": "https://mail.example/",
            "account_hash": a["payout"],
            "scheme": scheme,
            "fraud": fraud,
        }
        for trace in TRACES:
            if rng.random() < 0.1:
                row[trace] = None
        self.rows.append(row | given)


def ordinary(world: ReferralWorldBuilder) -> None:
    advocate = world.person()
    for _ in range(1 + int(world.rng.poisson(2.5))):
        friend = world.person(region=advocate["region"])
        given: Row = {}
        if world.rng.random() < 0.003:
            given["landing_url"] = "https://shop.example/welcome?gclid=copied"
        if world.rng.random() < 0.01:
            friend["email"] = f"{world.token('me')}@{world.pick(THROWAWAY)}"
        world.refer("ordinary", False, advocate, friend, **given)


def household(world: ReferralWorldBuilder) -> None:
    """Family at one address; half of them share the tablet."""
    a = world.person()
    shared: Row = {"address": a["address"], "ip": a["ip"], "agent": a["agent"]}
    if world.rng.random() < 0.5:
        shared["device"] = a["device"]
    for _ in range(int(world.rng.integers(1, 3))):
        world.refer("household", False, a, world.person(**shared))


def office(world: ReferralWorldBuilder) -> None:
    """Colleagues behind one address, one network and one kind of browser, referring each other forward."""
    shared: Row = {"address": "1 Office Park", "ip": "203.0.113.7", "agent": AGENTS[1]}
    staff = [world.person(**shared) for _ in range(30)]
    for index in range(1, 30):
        world.refer("office", False, staff[int(world.rng.integers(index))], staff[index])


def power_referrer(world: ReferralWorldBuilder) -> None:
    """An honest enthusiast: many friends, and two newsletters that bring a dozen within the hour."""
    a = world.person()
    for _ in range(40):
        world.refer("power", False, a, world.person())
    for _ in range(2):
        letter = world.moment()
        for _ in range(12):
            world.refer("power", False, a, world.person(), at=letter + float(world.rng.uniform(0, HOUR)))


def kiosk(world: ReferralWorldBuilder) -> None:
    """A library computer that strangers, sent by different referrers, sign up on."""
    device = world.token("d")
    for _ in range(12):
        world.refer("kiosk", False, world.person(), world.person(device=device))


def self_referral(world: ReferralWorldBuilder) -> None:
    a = world.person()
    local, _, domain = a["email"].partition("@")
    disguise = int(world.rng.integers(3))
    if disguise == 0:
        b = world.person(email=f"{local.replace('.', '')}+promo@gmail.com")
        a["email"] = f"{local}@gmail.com"
    elif disguise == 1:
        b = world.person(device=a["device"], payment=a["payment"], ip=a["ip"], agent=a["agent"])
    else:
        b = world.person(name=a["name"].upper(), address=a["address"].replace("Street", "St."))
        b |= {"cookie": a["cookie"], "email": f"alt.{local}@{domain}"}
    world.refer("self", True, a, b)


def ring(world: ReferralWorldBuilder) -> None:
    """Accounts of one hand: few devices and cards, one payout account, referring each other onward."""
    rng = world.rng
    size = int(rng.integers(5, 12))
    devices = [world.token("d") for _ in range(2)]
    cards = [world.token("p") for _ in range(2)]
    payout = world.token("a")
    members = [
        world.person(device=devices[index % 2], payment=cards[int(rng.integers(2))], payout=payout)
        for index in range(size)
    ]
    start = world.moment()
    for index in range(1, size):
        at = start + index * DAY * float(rng.uniform(0.5, 2))
        world.refer("ring", True, members[int(rng.integers(index))], members[index], at=at)
    if rng.random() < 0.5:
        world.refer("ring", True, members[-1], members[0], at=start + 30 * DAY)


def bot_burst(world: ReferralWorldBuilder) -> None:
    """A script: numbered or throw-away mailboxes within the hour, bought seconds after the click."""
    a = world.person()
    start, stem = world.moment(), world.token("user") + "n"
    numbered = world.rng.random() < 0.5
    for index in range(int(world.rng.integers(10, 25))):
        at = start + float(world.rng.uniform(0, 50 * MINUTE))
        email = f"{stem}{index + 1:02d}@outlook.com"
        if not numbered:
            email = f"{world.token('q')}z@{world.pick(THROWAWAY)}"
        clicked = at + 5
        step = float(world.rng.uniform(2, 9))
        fast = {name: clicked + step * place for place, name in enumerate(STAGES)}
        world.refer("bots", True, a, world.person(email=email), at=at, **fast, paid_at=clicked + 30 * DAY)


def advertiser(world: ReferralWorldBuilder) -> None:
    """Buys search advertisements on the brand and sends the clicks through a referral link."""
    a = world.person()
    for index in range(int(world.rng.integers(5, 15))):
        url = f"https://www.google.com/aclk?gclid=Cj{index}&gad_source=1"
        world.refer("advertiser", True, a, world.person(), referer_url=url)


PLANTED: tuple[tuple[Callable[[ReferralWorldBuilder], None], float], ...] = (
    (household, 20),
    (office, 1),
    (power_referrer, 3),
    (kiosk, 1),
    (self_referral, 12),
    (ring, 3),
    (bot_burst, 2),
    (advertiser, 2),
)


def build_referral_world(
    rng: np.random.Generator,
    *,
    advocates: int = 500,
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    days: int = 90,
) -> ReferralWorld:
    """A world of ``advocates`` ordinary advocates; planted schemes grow with it (counts per 500).

    Times run from ``start`` (with a time zone) over ``days`` days of invitations. Amounts in EUR.
    """
    world = ReferralWorldBuilder(rng, start, days)
    for _ in range(advocates):
        ordinary(world)
    for plant, per_500 in PLANTED:
        for _ in range(max(round(per_500 * advocates / 500), 1)):
            plant(world)
    order = rng.permutation(len(world.rows))
    rows = [world.rows[index] for index in order]
    return ReferralWorld(
        tables={
            "referrals": referrals_table(rows, start),
            "referral_payouts": payouts_table(rows, start),
            "partner_activity": activity_table(rng, start, days),
        },
        truth=pa.table({name: [row[name] for row in rows] for name in ("referral_id", "scheme", "fraud")}),
    )


def instants(seconds: list[float | None], start: datetime) -> pa.Array:
    origin = int(start.timestamp() * 1_000_000)
    return pa.array(
        [None if value is None else origin + int(value * 1_000_000) for value in seconds],
        pa.timestamp("us", tz="UTC"),
    )


def referrals_table(rows: list[Row], start: datetime) -> pa.Table:
    names = [name for name in rows[0] if name not in ("account_hash", "scheme", "fraud")]
    columns = {name: [row[name] for row in rows] for name in names}
    times = {name: instants(columns[name], start) for name in names if name.endswith("_at")}
    return pa.table(columns | times)


def payouts_table(rows: list[Row], start: datetime) -> pa.Table:
    paid = [row for row in rows if row["paid_at"] is not None]
    return pa.table({
        "payout_id": [f"pay-{row['referral_id']}" for row in paid],
        "referral_id": [row["referral_id"] for row in paid],
        "beneficiary_id": [row["referrer_id"] for row in paid],
        "paid_at": instants([row["paid_at"] for row in paid], start),
        "amount": [row["reward"] for row in paid],
        "currency": [row["currency"] for row in paid],
        "status": ["paid"] * len(paid),
        "account_hash": [row["account_hash"] for row in paid],
    })  # fmt: skip


def activity_table(rng: np.random.Generator, start: datetime, days: int) -> pa.Table:
    """Activity of the twelve partners, from eager to silent."""
    counts = [int(rng.poisson(60 / (partner + 1))) for partner in range(12)]
    partner = np.repeat(np.arange(12), counts)
    at: list[float | None] = [float(second) for second in rng.uniform(0, days * DAY, len(partner))]
    kinds = ("login", "download", "training", "post")
    return pa.table({
        "activity_id": [f"act-{index:05d}" for index in range(len(partner))],
        "partner_id": [f"partner-{index:02d}" for index in partner],
        "occurred_at": instants(at, start),
        "activity": [kinds[int(index)] for index in rng.integers(0, 4, len(partner))],
        "count": [1] * len(partner),
        "partner_tier": [TIERS[index % 3] for index in partner],
    })  # fmt: skip
