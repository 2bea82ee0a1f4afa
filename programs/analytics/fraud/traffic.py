"""Referrals that are somebody's advertising: paid click ids and banned sources."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qs, urlsplit

import numpy as np

from programs.analytics.fraud.catalogue import Hits, hits
from programs.analytics.fraud.normalise import fold
from programs.analytics.fraud.table import ReferralTable, codes

CLICK_IDS = {
    "gclid": "google",
    "gad_source": "google",
    "fbclid": "facebook",
    "twclid": "twitter",
    "msclkid": "microsoft",
    "li_fat_id": "linkedin",
    "rdclid": "reddit",
    "ttclid": "tiktok",
}


def paid_source(url: str) -> str:
    """The advertising platform whose click id a link carries, "" for none (or no readable link)."""
    try:
        query = parse_qs(urlsplit(url).query)
    except ValueError:  # an unreadable link shows nothing
        return ""
    return next((CLICK_IDS[name.lower()] for name in query if name.lower() in CLICK_IDS), "")


def paid_traffic(table: ReferralTable) -> Hits:
    """Click ids in links.

    Weighs in full in the referer link; a third in the landing link alone (friends copy links out of
    ads), and a third for ``fbclid``, which Facebook adds to unpaid posts as well.
    """
    found: dict[int, tuple[str, float]] = {}
    for links, where, share in ((table.landing_url, "landing", 1 / 3), (table.referer_url, "referer", 1.0)):
        distinct, code = codes(links)
        sources = np.array([paid_source(link) for link in distinct], dtype=object)[code]
        for row in np.flatnonzero(sources != ""):
            found[int(row)] = (
                f"{sources[row]} click id in the {where} link.",
                share / 3 if sources[row] == "facebook" and share == 1 else share,
            )
    rows = np.array(sorted(found), dtype=np.intp)
    full = hits("paid_traffic", rows, [found[row][0] for row in rows])
    return hits("paid_traffic", rows, list(full.evidence), full.weights * [found[row][1] for row in rows])


def banned_source(table: ReferralTable, banned: Collection[str]) -> Hits:
    """The source, or the host of the referer link, is on the program's list."""
    names = {fold(name) for name in banned}
    hosts = {name.lower() for name in banned}
    distinct, code = codes(table.source)
    by_name = np.array([fold(name) in names and name != "" for name in distinct], dtype=bool)[code]
    links, link = codes(table.referer_url)
    by_host = np.array([host_of(text) in hosts for text in links], dtype=bool)[link]
    rows = np.flatnonzero(by_name | by_host)
    return hits("banned_source", rows, [f"Source {table.source[row] or 'host'} is banned." for row in rows])


def host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "-").removeprefix("www.")
    except ValueError:  # an unreadable link has no host
        return "-"
