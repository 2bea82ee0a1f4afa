"""The screen near the data lets through whatever a heuristic can fire on, and tells what it left out."""

from dataclasses import fields
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from plans.commands.optimize_referrals.steps.screen import POLICY, policy_of, screened
from plans.demo import referrals as demo
from programs.analytics.fraud.review import review
from programs.analytics.fraud.table import COUNTS, MAILBOXES, TIMES, Population, ReferralTable
from programs.analytics.fraud.traffic import LOOK_FOR
from programs.datasets import OpenData
from programs.datasets.worlds.referral_world import build_referral_world
from tests.plans.commands.optimize_referrals.conftest import Shelf
from tests.programs.analytics.fraud.tables import world_columns

START = datetime(2026, 6, 1, tzinfo=UTC)


def stored(shelf, tables):
    kinds = ("referrals", "referral_payouts")
    taken = {kind: shelf.result(kind, tables[kind]).snapshot.sha256 for kind in kinds}
    described = [{"kind": kind, "sha256": digest, "partner": ""} for kind, digest in taken.items()]
    return OpenData(shelf.home / "datasets", described)


def everything(world, end):
    """All referrals as known at ``end``, without a screen."""
    whole = ReferralTable.from_columns(world_columns(world))
    columns = {f.name: getattr(whole, f.name) for f in fields(whole) if f.name not in (*COUNTS, *MAILBOXES)}
    limit = np.datetime64(end.replace(tzinfo=None), "us")
    for name in TIMES:
        columns[name] = np.where(columns[name] < limit, columns[name], np.datetime64("NaT"))
    columns["payout_hash"] = np.where(columns["paid_at"] < limit, columns["payout_hash"], "")
    return ReferralTable.from_columns(columns)


def fired(found, table):
    return {
        (hit.key, table.referral_id[row], round(float(weight), 9), evidence)
        for hit in found.hits
        for row, weight, evidence in zip(hit.rows, hit.weights, hit.evidence, strict=True)
    }


@pytest.fixture(scope="module", params=[2026, 31, 32])
def pair(request, tmp_path_factory):
    world = build_referral_world(np.random.default_rng(request.param), advocates=500, start=START)
    data = stored(Shelf(tmp_path_factory.mktemp("screen")), world.tables)
    end = data.as_of("referrals")
    return screened(data, end, POLICY), everything(world, end)


def test_the_screened_review_is_the_review_of_all(pair):
    (few, population), every = pair
    screened_review, full_review = review(few, POLICY, population), review(every, POLICY)
    assert fired(screened_review, few) == fired(full_review, every)
    assert screened_review.cases == full_review.cases


def test_most_referrals_are_left_out(pair):
    (few, _), every = pair
    assert 0 < len(few) < len(every) / 5


def test_what_was_left_out_is_told(pair):
    (_, population), every = pair
    whole = Population.of(every)
    assert (population.referrals, population.referrers, population.span_seconds) == (
        whole.referrals,
        whole.referrers,
        whole.span_seconds,
    )
    assert population.refund_moments == pytest.approx(whole.refund_moments)


def test_no_label_is_read(shelf, world):
    few, _ = screened(stored(shelf, world), demo.START.replace(month=8), POLICY)
    assert "fraud" in world["referrals"].column_names
    assert not {"fraud", "scheme"} & set(few.__slots__)


def test_banned_sources_pass_the_screen_however_they_are_spelled(shelf, world):
    source = world["referrals"]
    names = ["Coupon_Site", "coupon site", "ÇOUPON-site", None] + ["blog"] * (len(source) - 4)
    links = [None] * 4 + ["https://WWW.deals.example/x?y=1"] + [None] * (len(source) - 5)
    place = source.column_names.index
    told = source.set_column(place("source"), "source", pa.array(names, pa.string()))
    told = told.set_column(place("referer_url"), "referer_url", pa.array(links, pa.string()))
    data = stored(shelf, world | {"referrals": told})
    banning = policy_of({"banned_sources": ["coupon-site", "Deals.example"]})
    few, population = screened(data, data.as_of("referrals"), banning)
    found = next(hit for hit in review(few, banning, population).hits if hit.key == "banned_source")
    banned = set(source.column("referral_id").slice(0, 5).to_pylist()) - {source["referral_id"][3].as_py()}
    assert {few.referral_id[row] for row in found.rows} == banned


def changed(shelf, world, column, values):
    """The data of ``world`` whose first referrals have ``values`` in a column, and the ids of these."""
    source = world["referrals"]
    told = [*values, *source[column].to_pylist()[len(values) :]]
    place = source.column_names.index(column)
    table = source.set_column(place, column, pa.array(told, pa.string()))
    return stored(shelf, world | {"referrals": table}), source["referral_id"].to_pylist()[: len(values)]


def test_throw_away_mailboxes_pass_the_screen_and_those_that_sound_alike_do_not(shelf, world):
    thrown = ["a@mailinator.com", "b@x.Mailinator.com", "c@y.x.mailinator.com.", "d+e@yopmail.com"]
    others = ["f@notmailinator.com", "g@mailinator.com.example.org", "h@com", "i@x.y.example.org"]
    data, ids = changed(shelf, world, "referee_email", [*thrown, *others])
    few, population = screened(data, data.as_of("referrals"), POLICY)
    hit = next(hit for hit in review(few, POLICY, population).hits if hit.key == "disposable_domain")
    assert {few.referral_id[row] for row in hit.rows} & set(ids) == set(ids[: len(thrown)])


@pytest.mark.parametrize("column", ["landing_url", "referer_url"])
def test_every_click_id_passes_the_screen(shelf, world, column):
    links = [f"https://shop.example/?ref=1&{name.upper()}=x" for name in LOOK_FOR]
    data, ids = changed(shelf, world, column, links)
    few, _ = screened(data, data.as_of("referrals"), POLICY)
    assert set(ids) <= set(few.referral_id.tolist())
