"""Referrals that are somebody's advertising: paid click ids and banned sources."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qs, urlsplit

import numpy as np
from scipy.stats import binom

from programs.analytics.fraud.catalogue import CATALOGUE, Hits, hits
from programs.analytics.fraud.normalise import fold
from programs.analytics.fraud.numbers import distinct_by
from programs.analytics.fraud.table import Population, ReferralTable, codes

CLICK_IDS = {
    "gclid": "google",
    "gbraid": "google",
    "wbraid": "google",
    "gad_source": "google",
    "gclsrc": "google",
    "dclid": "google",
    "fbclid": "facebook",
    "twclid": "twitter",
    "msclkid": "microsoft",
    "li_fat_id": "linkedin",
    "rdt_cid": "reddit",
    "rdclid": "reddit",
    "ttclid": "tiktok",
    "sccid": "snapchat",
    "epik": "pinterest",
    "yclid": "yandex",
}
"""Parameters that advertising platforms add to the link that is landed on."""
UNPAID_TOO = frozenset({"fbclid", "epik"})
"""Added to every outward link of the platform: a post of a friend's carries it as an advertisement does."""
PAID_MEDIA = frozenset({
    "cpc", "ppc", "cpm", "cpv", "cpa", "paid", "paidsearch", "paid-search", "paid_search", "paidsocial",
    "paid-social", "paid_social", "sem", "display", "banner", "retargeting", "remarketing",
})  # fmt: skip
"""Values of utm_medium that name what is paid for by the click or the view."""
LOOK_FOR = (*CLICK_IDS, "utm_medium")
PAID_LINK = (
    rf"[?&]({'|'.join(name for name in CLICK_IDS if name not in UNPAID_TOO)})="
    rf"|[?&]utm_medium=({'|'.join(sorted(PAID_MEDIA))})(&|$)"
)
CLICK_ID = rf"[?&]({'|'.join(CLICK_IDS)})=([^&]*)"
"""The same as patterns, for where links are read by the million."""
SINGLE = 0.15
"""What one paid click weighs: friends copy links out of advertisements."""


def paid_click(url: str) -> tuple[str, str]:
    """(platform, click id) of the advertisement a link comes from, ("", "") for none or no readable link.

    ``fbclid`` alone is none: Facebook adds it to unpaid posts as well. It needs a paid utm_medium beside it.
    """
    try:
        query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    except ValueError:  # an unreadable link shows nothing
        return "", ""
    is_bought = query.get("utm_medium", "").lower() in PAID_MEDIA
    for name, value in query.items():
        if name in CLICK_IDS and (is_bought or name not in UNPAID_TOO):
            return CLICK_IDS[name], value
    return (query.get("utm_source", "").lower() or "a paid medium", "") if is_bought else ("", "")


def paid_source(url: str) -> str:
    """The advertising platform a link comes from, "" for none."""
    return paid_click(url)[0]


def paid_traffic(table: ReferralTable, population: Population, *, alpha: float = 0.001) -> Hits:
    """Clicks out of advertisements, in the landing link or the referer alike.

    One click is no pattern: a friend copied the link, and then every use of it carries the same click id.
    Three different clicks of one referrer or more, beyond what the program's own share explains (binomial
    tail, Bonferroni over referrers), weigh in full.
    """
    platform = np.full(len(table), "", dtype=object)
    click, where = platform.copy(), platform.copy()
    for links, place in ((table.referer_url, "referer"), (table.landing_url, "landing")):
        distinct, code = codes(links)
        read = [paid_click(link) for link in distinct]
        for column, part in ((platform, 0), (click, 1)):
            values = np.array([pair[part] for pair in read], dtype=object)[code]
            column[:] = np.where(values != "", values, column)
        where[np.array([pair[0] != "" for pair in read], dtype=bool)[code]] = place
    paid = platform != ""
    rows = np.flatnonzero(paid)
    if not len(rows):
        return hits("paid_traffic", rows, [])
    # A medium without a click id is a click of its own.
    named = np.array([click[row] or f"\x1f{row}" for row in rows.tolist()], dtype=object)
    different = distinct_by(table.referrer[rows], codes(named)[1], int(table.referrer.max(initial=0)) + 1)
    count, referred = different[table.referrer[rows]], table.referrals_of_referrer[rows]
    share = len(rows) / max(population.referrals, 1)
    unusual = (count >= 3) & (binom.sf(count - 1, referred, share) * population.referrers < alpha)
    weights = np.where(unusual, 1.0, SINGLE) * CATALOGUE["paid_traffic"].weight
    evidence = [
        f"Paid click of {platform[row]} in the {where[row]} link; this referrer has {n} different of "
        f"{of_all} referrals."
        for row, n, of_all in zip(rows.tolist(), count.tolist(), referred.tolist(), strict=True)
    ]
    return hits("paid_traffic", rows, evidence, weights)


def banned_source(table: ReferralTable, banned: Collection[str], channels: Collection[str] = ()) -> Hits:
    """The source, or the host of the referer link, is banned, or the channel is none of ``channels``."""
    names = {fold(name) for name in banned}
    hosts = {name.lower() for name in banned}
    distinct, code = codes(table.source)
    by_name = np.array([fold(name) in names and name != "" for name in distinct], dtype=bool)[code]
    links, link = codes(table.referer_url)
    by_host = np.array([host_of(text) in hosts for text in links], dtype=bool)[link]
    allowed = {fold(name) for name in channels}
    ways, way = codes(table.channel)
    by_channel = np.array(
        [bool(allowed) and name != "" and fold(name) not in allowed for name in ways], dtype=bool
    )[way]
    rows = np.flatnonzero(by_name | by_host | by_channel)
    evidence = [
        f"Channel {table.channel[row]} is not allowed."
        if by_channel[row]
        else f"Source {table.source[row] or 'host'} is banned."
        for row in rows
    ]
    return hits("banned_source", rows, evidence)


def host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "-").removeprefix("www.")
    except ValueError:  # an unreadable link has no host
        return "-"
