"""Which touches make a path, and what they cost, in small campaigns of known journeys."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from programs.models import MeasurementAgreement
from tests.plans.commands.track_source.campaign import LINE, establish, load, values, work_off
from tests.plans.commands.track_source.campaign import start as started

START = datetime(2026, 2, 1, tzinfo=UTC)
END = START + timedelta(days=28)


def written(at):
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def touch(person, day, channel, cost=None, currency="USD"):
    return {
        "touch_id": f"{person}-{day}-{channel}", "person_id": person,
        "occurred_at": written(START + timedelta(days=day)), "campaign": "ai-launch-tour",
        "utm_source": "northwind", "utm_medium": channel, "utm_campaign": "ai-launch-tour",
        "cost": cost, "currency": currency,
    }  # fmt: skip


def deal(person, day, amount=1000):
    return {
        "opportunity_id": f"d-{person}", "person_id": person, "account_name": f"Company {person}",
        "stage": "Qualified", "created_at": written(START + timedelta(days=day)), "amount": amount,
        "currency": "USD", "sourced_by": "northwind",
    }  # fmt: skip


@pytest.fixture
def attributed(acting, tmp_path, settings):
    """Runs the usage line on touches and deals of one partner, by the rules given, up to the attribution."""

    def run(touches, deals, **rules):
        settings.GTM_DATA_DIR = tmp_path / "data"
        joint = establish()
        agreement = MeasurementAgreement.objects.get()
        agreement.vocabulary = {}
        for name, value in rules.items():
            setattr(agreement, name, value)
        agreement.save()
        # The last day has a touch, so that the window is the same whatever the case.
        last = touch("nobody", 27, "email")
        tables = {
            "touchpoints": pa.Table.from_pylist([*touches, last]),
            "opportunities": pa.Table.from_pylist(deals),
        }
        load(joint, tmp_path, {"northwind": tables})
        plan = work_off(started(LINE.replace("30d", "7d")), until="attribution")
        return values(plan)["attribution"]

    return run


def deals_of(found):
    return {source.rpartition(" · ")[2]: row["deals"] for source, row in found["credit"].items()}


def test_a_lost_journey_looks_back_as_far_as_one_that_converts(attributed):
    """Both met the webinar weeks before their end, in a window of 7 days; somebody else the e-mail alone.

    P is 1/3, without the webinar 1/9. Where the lost journey did not look back, the webinar led to the deal
    alone.
    """
    touches = [
        touch("won", -5, "webinar"), touch("won", 22, "email"),
        touch("lost", -5, "webinar"), touch("lost", 23, "email"),
    ]  # fmt: skip
    found = deals_of(attributed(touches, [deal("won", 24)]))
    assert found == pytest.approx({"webinar": 0.4, "email": 0.6})


def test_what_lies_before_the_look_back_is_in_neither(attributed):
    touches = [
        touch("won", 22, "email"), touch("won", 15, "webinar"),
        touch("lost", 23, "email"), touch("lost", 14, "webinar"),
    ]  # fmt: skip
    found = attributed(touches, [deal("won", 24)], lookback_days=8)
    assert deals_of(found) == {"email": 1.0}


DIRECT_LAST = [
    touch("won", 20, "webinar"), touch("won", 21, "email"), touch("won", 22, "email"),
    touch("won", 23, "direct"), touch("only", 22, "direct"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "credit"),
    [
        ({"exclude_direct": True, "attribution_model": "last-touch"}, {"email": 1.0, "direct": 1.0}),
        ({"exclude_direct": False, "attribution_model": "last-touch"}, {"direct": 2.0}),
        ({"longest_path": 2, "attribution_model": "first-touch"}, {"email": 1.0, "direct": 1.0}),
        ({"longest_path": 2, "collapse_repeats": True, "exclude_direct": True,
          "attribution_model": "first-touch"}, {"webinar": 1.0, "direct": 1.0}),
    ],
)  # fmt: skip
def test_the_agreement_decides_which_touches_get_credit(attributed, rules, credit):
    found = attributed(DIRECT_LAST, [deal("won", 24), deal("only", 24)], **rules)
    assert {name: deals for name, deals in deals_of(found).items() if deals} == credit


def test_what_touches_cost_gives_cost_per_deal_and_return(attributed):
    """Ten e-mails at 2 USD and five webinars at 10 EUR; six of the ten people had a deal."""
    people = [f"p{n}" for n in range(10)]
    touches = [touch(p, 22 + n % 4, "email", 2) for n, p in enumerate(people)]
    touches += [touch(p, 21, "webinar", 10, "EUR") for p in people[:5]]
    found = attributed(touches, [deal(p, 26) for p in people[:6]], attribution_model="last-touch")
    told = {source.rpartition(" · ")[2]: row for source, row in found["spend"].items()}
    email = told["email"]
    assert (email["touches"], email["stated"], email["cost"]) == (11, 10, 20)
    assert email["cost_per_deal"] == pytest.approx(20 / 6)
    assert email["cost_per_deal_low"] < 20 / 6 < email["cost_per_deal_high"]
    assert told["webinar"]["cost_per_deal"] is None  # the last touch was never a webinar
    assert 50 < told["webinar"]["cost"] < 65  # 50 EUR at the rate of the day


def test_touches_of_which_few_state_a_cost_have_none(attributed):
    touches = [touch("a", 22, "email", 2), touch("b", 22, "email"), touch("c", 23, "email")]
    assert attributed(touches, [deal("a", 26)])["spend"] == {}


def test_the_test_of_the_order_is_in_the_result(attributed):
    path = ["webinar", "email", "social", "email"]
    touches = [touch(f"p{n}", 20 + k, c) for n in range(12) for k, c in enumerate(path[n % 3 :])]
    found = attributed(touches, [deal(f"p{n}", 25) for n in range(0, 12, 2)])
    order = found["markov_order"]
    assert order["freedom"] >= 1 and 0 <= order["p_value"] <= 1
    assert "Order 2 would move" in order["sentence"]
    assert sum(row["order_2"] for row in order["credit"].values()) == pytest.approx(6)
