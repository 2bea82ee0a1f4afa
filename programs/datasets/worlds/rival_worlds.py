"""Referral programs made up by other rules than the fraud review's own: consumers, agencies, organised fraud.

The house's world (``referral_world``) was written beside the heuristics. These were not: traces are written
as browsers, shops and payment providers write them (fingerprints that repeat over strangers, "unknown", one
token for everybody who pays by wallet), honest people share devices, cards, addresses and names, and frauds
hide what a heuristic looks for first. ``truth`` is kept apart and measures only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from programs.datasets.worlds.referral_world import (
    DAY,
    HOUR,
    MINUTE,
    TIERS,
    ReferralWorld,
    Row,
    activity_table,
    payouts_table,
    referrals_table,
)

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 85
GIVEN = [
    "Jan", "Anna", "Piotr", "Maria", "Lukas", "Emma", "Noah", "Lena", "Paul", "Sofia", "Max", "Clara",
    "Tom", "Julia", "Ali", "Leyla", "Omar", "Sara", "Ivan", "Olga", "Jose", "Carmen", "Luis", "Elena",
    "Marc", "Chloe", "Hugo", "Ines", "Erik", "Astrid", "Lars", "Freya", "Yuki", "Hana", "Wei", "Mei",
    "Raj", "Priya", "Sam", "Alex",
]  # fmt: skip
FAMILY = [
    "Novak", "Kowalski", "Müller", "Schmidt", "Weber", "Fischer", "Rossi", "Bianchi", "Garcia", "Lopez",
    "Martin", "Bernard", "Dubois", "Nielsen", "Hansen", "Berg", "Lind", "Silva", "Costa", "Santos",
    "Yilmaz", "Kaya", "Demir", "Ivanov", "Petrov", "Tanaka", "Sato", "Chen", "Wang", "Singh", "Patel",
    "Khan", "Jones", "Smith", "Brown", "Evans", "Walsh", "Murphy", "Byrne", "Clark",
]  # fmt: skip
NICKNAMES = {"Alex": "Alexander", "Sam": "Samuel", "Max": "Maximilian", "Tom": "Thomas", "Jan": "Johannes"}
MAIL = ("gmail.com", "outlook.com", "gmx.net", "icloud.com", "web.de", "yahoo.com", "proton.me")
THROWN = ("mailinator.com", "quickbox.example", "yopmail.com", "onetime.example")
BROWSERS = ("Chrome/141", "Safari/19", "Firefox/143", "Chrome/140 Mobile", "Safari/19 Mobile")
STREETS = ("Lindenstraße", "High Street", "Rue Neuve", "Calle Mayor", "Park Road", "Via Roma", "Elm Avenue")


class RivalBuilder:
    """Collects rows; every scheme says what differs from an ordinary referral of the program."""

    def __init__(self, rng: np.random.Generator, *, win: float = 0.45, returns: float = 0.07) -> None:
        self.rng, self.win, self.returns = rng, win, returns
        self.rows: list[Row] = []
        self.serial = 0
        self.gateways = [self.network() for _ in range(40)]

    def of(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def maybe(self, chance: float) -> bool:
        return bool(self.rng.random() < chance)

    def token(self, kind: str) -> str:
        self.serial += 1
        return f"{kind}-{self.serial:x}{self.rng.integers(1 << 32):08x}"

    def network(self) -> str:
        return ".".join(str(int(part)) for part in self.rng.integers(1, 255, 4))

    def browser(self) -> Row:
        """A browser: its fingerprint repeats over strangers in one of three, and may not be known at all."""
        drawn = self.rng.random()
        model = int(self.rng.zipf(1.6)) % 60
        device = f"fp-{model}" if drawn < 0.3 else "unknown" if drawn < 0.37 else self.token("fp")
        mobile = self.maybe(0.35)
        return {
            "device": None if 0.37 <= drawn < 0.42 else device,
            "cookie": None if self.maybe(0.12) else self.token("ck"),
            "ip": self.of(self.gateways) if mobile else self.network(),
            "agent": self.of(BROWSERS),
        }

    def payment(self) -> str | None:
        drawn = self.rng.random()
        if drawn < 0.2:
            return "paypal"
        return "giftcard" if drawn < 0.23 else None if drawn < 0.35 else self.token("card")

    def person(self, **given: Any) -> Row:
        first, last = given.pop("first", None) or self.of(GIVEN), given.pop("last", None) or self.of(FAMILY)
        local = self.of((f"{first}.{last}", f"{first[0]}{last}", f"{last}{first}", f"{first}"))
        number = self.of(
            ("", "", str(int(self.rng.integers(1950, 2010))), str(int(self.rng.integers(10, 999))))
        )
        mail = local.lower().replace("ü", "ue") + number + self.token("").replace("-", ".")[:4]
        person = {
            "id": self.token("cu"), "first": first, "last": last,
            "email": f"{mail}@{self.of(MAIL)}",
            "address": f"{self.of(STREETS)} {int(self.rng.integers(1, 200))}, "
            f"{int(self.rng.integers(10000, 99999))}",
            "payment": self.payment(), "payout": self.token("iban"),
            "channel": self.of(("email", "link", "social")),
            "region": self.of(("north", "south")), "partner": int(self.rng.integers(12)),
        }  # fmt: skip
        return person | self.browser() | given

    def refer(self, scheme: str, fraud: bool, a: Row, b: Row, at: float | None = None, **given: Any) -> Row:
        """One referral of ``b`` by ``a``; ``given`` overrides columns, times in seconds from the start."""
        rng = self.rng
        invited = float(rng.uniform(0, DAYS * DAY)) if at is None else at
        clicked = invited + float(rng.exponential(6 * HOUR)) if fraud or self.maybe(0.7) else None
        won: float | None = None
        if clicked is not None and (fraud or self.maybe(self.win)):
            # One in twenty buys by one tap; the others look around first.
            won = clicked + float(rng.uniform(15, 90) if self.maybe(0.05) else rng.lognormal(10.2, 1.5))
        clicked = given.get("clicked_at", clicked)
        won = given.get("won_at", won)
        waits = given.pop("pays_after", 30 * DAY)
        paid = None if won is None else won + waits
        returned = None
        if won is not None and self.maybe(self.returns):
            returned = won + float(rng.exponential(12 * DAY))
            paid = paid if paid is not None and paid < returned else None
        query = {"link": "", "email": "&utm_medium=email", "social": "&utm_medium=social"}[a["channel"]]
        if a["channel"] == "social" and self.maybe(0.3):
            query += "&fbclid=" + self.token("Iw")
        if self.maybe(0.004):
            query += "&gclid=" + self.token("Cj")
        row: Row = {
            "invited_at": invited, "clicked_at": clicked, "submitted_at": won, "qualified_at": won,
            "pipeline_at": won, "won_at": won, "paid_at": paid, "refunded_at": returned,
            "referral_id": self.token("rf"), "referrer_id": a["id"],
            "partner_id": f"partner-{a['partner']:02d}", "partner_tier": TIERS[a["partner"] % 3],
            "revenue": None if won is None else round(float(rng.lognormal(4, 0.6)) + 20, 2),
            "pipeline_amount": None, "reward": 20.0, "currency": "EUR", "source": "advocate",
            "channel": a["channel"],
            "region": a["region"], "referrer_email": a["email"], "referrer_name": f"{a['first']} {a['last']}",
            "referrer_address": a["address"], "referrer_cookie_id": a["cookie"],
            "referrer_device_id": a["device"], "referrer_payment_hash": a["payment"],
            "referee_email": b["email"], "referee_name": f"{b['first']} {b['last']}",
            "referee_address": b["address"], "referee_customer_id": b["id"], "cookie_id": b["cookie"],
            "device_id": b["device"], "payment_hash": b["payment"], "ip": b["ip"], "user_agent": b["agent"],
            "landing_url": f"https://shop.example/hello?ref={a['id']}{query}",
            "referer_url": self.of(("", "https://mail.example/", "https://www.facebook.com/", "android-app://chat")),
            "account_hash": a["payout"], "scheme": scheme, "fraud": fraud,
        }  # fmt: skip
        row |= given
        row["margin"] = None if row["revenue"] is None else round(0.4 * row["revenue"], 2)
        self.rows.append(row)
        return row

    def world(self) -> ReferralWorld:
        order = self.rng.permutation(len(self.rows))
        rows = [self.rows[place] for place in order]
        names = ("referral_id", "referrer_id", "partner_id", "scheme", "fraud")
        return ReferralWorld(
            tables={
                "referrals": referrals_table(rows, START),
                "referral_payouts": payouts_table(rows, START),
                "partner_activity": activity_table(self.rng, START, DAYS),
            },
            truth=pa.table({name: [row[name] for row in rows] for name in names}),
        )


# ------------------------------------------------------------------ consumers


def kin(w: RivalBuilder, a: Row, **given: Any) -> Row:
    """Somebody of the household: one address and network, often one tablet, sometimes one card."""
    shared: Row = {"address": a["address"], "ip": a["ip"], "last": a["last"] if w.maybe(0.8) else None}
    if w.maybe(0.4):
        shared |= {"device": a["device"], "cookie": a["cookie"], "agent": a["agent"]}
    if w.maybe(0.2):
        shared["payment"] = a["payment"]
    if w.maybe(0.02):  # father and son of one name
        shared |= {"first": a["first"], "last": a["last"]}
    return w.person(**(shared | given))


def neighbours(w: RivalBuilder, advocates: int) -> None:
    """Friends and family, a flat share, creators, a stall at a fair, a gift card, friends in return."""
    for _ in range(advocates):
        a = w.person()
        for _ in range(1 + int(w.rng.poisson(2.0))):
            is_kin = w.maybe(0.25)
            w.refer("family" if is_kin else "friend", False, a, kin(w, a) if is_kin else w.person())
    for _ in range(max(advocates // 200, 1)):
        creator = w.person(channel="social")
        for _ in range(4):
            post = float(w.rng.uniform(0, DAYS * DAY))
            for _ in range(int(w.rng.integers(8, 25))):
                w.refer("creator", False, creator, w.person(), at=post + float(w.rng.exponential(2 * HOUR)))
        flat = {"address": f"Campus {w.serial}", "ip": w.network(), "agent": w.of(BROWSERS)}
        mates = [w.person(**flat) for _ in range(8)]
        for place in range(1, 8):
            w.refer("flat share", False, mates[int(w.rng.integers(place))], mates[place])
        tablet = w.browser() | {"device": w.token("fp"), "cookie": w.token("ck")}
        for _ in range(20):
            fair = w.rng.uniform(0, 6 * HOUR) + 40 * DAY
            w.refer("fair", False, w.person(), w.person(**tablet), at=float(fair))
        one, two = w.person(), w.person()
        w.refer("in return", False, one, two)
        w.refer("in return", False, two, one)
        shy = w.person()
        w.refer("shy", False, shy, w.person(email=f"{w.token('me')}@{w.of(THROWN)}"))


def second_account(w: RivalBuilder) -> None:
    """The same person again with another mailbox; what else is changed is a matter of care."""
    a = w.person()
    for _ in range(int(w.rng.integers(1, 4))):
        b: Row = {"ip": a["ip"]}
        if w.maybe(0.7):
            b |= {"device": a["device"], "agent": a["agent"]}
            b |= {"cookie": a["cookie"]} if w.maybe(0.6) else {}
        if w.maybe(0.6):
            b["payment"] = a["payment"]
        if w.maybe(0.6):
            b["address"] = a["address"].replace("Street", "St.").replace("straße", "str.").upper()
        drawn = w.rng.random()
        if drawn < 0.4:
            b |= {"first": a["first"], "last": a["last"]}
        elif drawn < 0.7:
            b |= {"first": NICKNAMES.get(a["first"], a["first"][0] + "."), "last": a["last"]}
        w.refer("second account", True, a, w.person(**b))


def own_circle(w: RivalBuilder) -> None:
    """Accounts of one hand on two phones, each with a card and an account of its own."""
    phones = [w.browser() | {"device": w.token("fp")} for _ in range(2)]
    members = [w.person(**phones[place % 2]) for place in range(int(w.rng.integers(5, 10)))]
    start = float(w.rng.uniform(0, 60 * DAY))
    for place in range(1, len(members)):
        a = members[int(w.rng.integers(place))]
        w.refer("circle", True, a, members[place], at=start + place * DAY * float(w.rng.uniform(0.3, 2)))


def patient_script(w: RivalBuilder) -> None:
    """A script that waits a minute, through proxies, with throw-away or numbered mailboxes."""
    a, start, stem = w.person(), float(w.rng.uniform(0, 70 * DAY)), w.token("kim").replace("-", "")
    for place in range(int(w.rng.integers(10, 25))):
        clicked = start + float(w.rng.uniform(0, 3 * HOUR))
        mail = f"{stem}{place + 3}@{MAIL[1]}" if w.serial % 2 else f"{w.token('u')}@{w.of(THROWN)}"
        at = {"clicked_at": clicked, "won_at": clicked + float(w.rng.uniform(36, 100))}
        w.refer("script", True, a, w.person(email=mail), at=clicked - 9, **at)


def brand_bidder(w: RivalBuilder) -> None:
    a = w.person()
    kind = w.of(("gclid", "gbraid", "msclkid", "wbraid"))
    for _ in range(int(w.rng.integers(8, 20))):
        url = f"https://shop.example/hello?ref={a['id']}&{kind}={w.token('Cj')}"
        w.refer("brand bidder", True, a, w.person(), landing_url=url, referer_url="https://www.google.com/")


CONSUMER_FRAUDS = ((second_account, 14.0), (own_circle, 2.0), (patient_script, 1.5), (brand_bidder, 1.5))


def plant(
    w: RivalBuilder, schemes: tuple[tuple[Callable[[RivalBuilder], None], float], ...], size: float
) -> None:
    for scheme, often in schemes:
        for _ in range(max(round(often * size), 1)):
            scheme(w)


def consumer_world(rng: np.random.Generator, *, advocates: int = 1000) -> ReferralWorld:
    """A shop's friends-and-family program with frauds of amateurs and of small hands."""
    w = RivalBuilder(rng)
    neighbours(w, advocates)
    plant(w, CONSUMER_FRAUDS, advocates / 500)
    return w.world()


def clean_world(rng: np.random.Generator, *, advocates: int = 1000) -> ReferralWorld:
    """The same program without a single fraud."""
    w = RivalBuilder(rng)
    neighbours(w, advocates)
    return w.world()


# ------------------------------------------------------------------ agencies


def agency(w: RivalBuilder, number: int, invent: bool = False) -> None:
    """Staff of one office, who enter leads on its computers and are paid through one account.

    Where they ``invent``, the leads are theirs: paid by the agency's own card and returned once it is paid.
    """
    desk = [
        w.browser() | {"device": w.token("fp"), "cookie": w.token("ck"), "ip": w.network()} for _ in range(2)
    ]
    shared: Row = {
        "payout": w.token("iban"),
        "address": f"Agency house {number}",
        "partner": number % 40,
        "channel": "link",
    }
    staff = [w.person(**shared, **w.of(desk), payment=None) for _ in range(int(w.rng.integers(3, 12)))]
    style, own_card = int(w.rng.integers(4)), w.token("card")
    for a in staff:
        batch = float(w.rng.uniform(0, 80 * DAY))
        for place in range(int(w.rng.integers(4, 20))):
            at = (
                batch + float(w.rng.uniform(0, 40 * MINUTE))
                if style % 2
                else float(w.rng.uniform(0, DAYS * DAY))
            )
            firm = w.token("firm").replace("-", "")
            mail = (f"info@{firm}.example", f"leads+{firm}@agency{number}.example",
                    f"client{place + 1}@agency{number}.example",
                    f"{a['last'].lower()}@{firm}.example")[style]  # fmt: skip
            lead = w.person(email=mail, payment="invoice" if w.maybe(0.7) else None)
            if style != 3 or w.maybe(0.5):
                lead |= {name: a[name] for name in ("device", "cookie", "ip", "agent")}
            given: Row = {"clicked_at": at + 2, "reward": 150.0}
            if w.maybe(0.5):
                given["won_at"] = at + float(w.rng.uniform(5, 60))  # entered when the deal was signed already
            if invent:
                lead["payment"] = own_card
                won = at + float(w.rng.uniform(5, 60))
                given |= {
                    "won_at": won,
                    "paid_at": won + 20 * DAY,
                    "refunded_at": won + 24 * DAY,
                    "referrer_payment_hash": own_card,
                }
            w.refer("invented leads" if invent else "agency", invent, a, lead, at=at, **given)


def agency_world(rng: np.random.Generator, *, agencies: int = 130) -> ReferralWorld:
    """A partner program of agencies: about seven referrers each; one agency in forty invents its leads."""
    w = RivalBuilder(rng, win=0.5, returns=0.02)
    for number in range(agencies):
        agency(w, number, invent=number % 40 == 17)
    bosses = [w.person(partner=n % 40) for n in range(agencies)]
    for _ in range(agencies // 3):
        one, two = w.of(bosses), w.of(bosses)
        if one is not two:
            w.refer("colleagues", False, one, two, reward=150.0)
            w.refer("colleagues", False, two, one, reward=150.0)
    return w.world()


# ------------------------------------------------------------------ organised fraud


def publisher(w: RivalBuilder, number: int, how: str = "") -> None:
    """A partner with hands of its own; ``how`` it cheats, with nothing that a heuristic on one order sees."""
    hands = [w.person(partner=number) for _ in range(int(w.rng.integers(2, 6)))]
    pace = float(w.rng.normal(0, 0.4))  # honest partners differ, too
    likes = float(w.rng.beta(2, 30))
    orders = int(w.rng.integers(40, 120))
    for place in range(orders):
        a = w.of(hands)
        given: Row = {}
        at = float(w.rng.uniform(0, DAYS * DAY))
        if how == "hijack":  # an extension clicks for the shopper who is at the till
            given = {"clicked_at": at, "won_at": at + float(w.rng.uniform(31, 90))}
        elif how == "coupon":
            given = {
                "clicked_at": at,
                "won_at": at + float(w.rng.uniform(60, 400)),
                "referer_url": "https://codes.example/shop",
            }
        elif how == "brand":
            given["landing_url"] = f"https://shop.example/hello?utm_medium=cpc&gclid={w.token('Cj')}"
        elif how == "drip":  # one order every few hours, through proxies, at the least basket that earns
            at = place * DAYS * DAY / orders + float(w.rng.uniform(0, 2 * HOUR))
            clicked = at + float(w.rng.exponential(HOUR))
            won = clicked + float(w.rng.lognormal(8.5, 1))
            given = {
                "clicked_at": clicked,
                "won_at": won,
                "revenue": round(25 + float(w.rng.uniform(0, 1.5)), 2),
            }
        elif how == "return":
            won = at + float(w.rng.lognormal(10, 1.2))
            given = {"clicked_at": at, "won_at": won, "paid_at": won + 30 * DAY}
            if w.maybe(0.7):
                given["refunded_at"] = won + float(w.rng.uniform(31, 50)) * DAY
        if how:
            w.refer(how, True, a, w.person(), at=at, **given)
            continue
        clicked = at + float(w.rng.exponential(6 * HOUR))
        won = clicked + float(w.rng.uniform(15, 90) if w.maybe(likes) else w.rng.lognormal(10.2 + pace, 1.5))
        w.refer(
            "publisher",
            False,
            a,
            w.person(),
            at=at,
            clicked_at=clicked,
            **({"won_at": won} if w.maybe(0.6) else {}),
        )


def organised_world(rng: np.random.Generator, *, partners: int = 60, advocates: int = 500) -> ReferralWorld:
    """Publishers and advocates; every sixth publisher cheats in one of five ways."""
    w = RivalBuilder(rng)
    neighbours(w, advocates)
    ways = ("hijack", "coupon", "brand", "drip", "return")
    for number in range(partners):
        publisher(w, 100 + number, ways[number // 6 % 5] if number % 6 == 0 else "")
    return w.world()


WORLDS: dict[str, Callable[..., ReferralWorld]] = {
    "clean": clean_world,
    "consumers": consumer_world,
    "agencies": agency_world,
    "organised": organised_world,
}
