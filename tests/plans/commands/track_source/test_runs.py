"""track-source from files to records: what it counts is what is true of the made-up campaign."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import override_settings

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from plans.cases.disputes import verbs
from plans.cases.disputes.models import AttributionRecord
from plans.engine.people import human_tasks
from plans.engine.running.replay import replay
from plans.engine.stopping import ripcord
from plans.export import document, rules
from plans.models import Artifact, Plan
from plans.runs import registry
from plans.runs import start as base
from programs.datasets.rates import ecb_rates
from programs.models import Dataset, MeasurementAgreement
from tests.factories import START, PersonFactory
from tests.plans.commands.track_source.campaign import (
    LINE,
    a_deal,
    establish,
    load,
    load_surveys,
    person_acting,
    publish,
    run,
    start,
    values,
    work_off,
    world,
)
from tests.plans.engine.conftest import actor_of


def last_day():
    """The day of the last row of touches or deals in the partners' files."""
    tables = world().tables
    northwind, contoso = tables["northwind"], tables["contoso"]
    days = [northwind["touchpoints"]["occurred_at"], contoso["touchpoints"]["Timestamp"],
            northwind["opportunities"]["created_at"], contoso["opportunities"]["Open date"]]  # fmt: skip
    return max(text[:10] for column in days for text in column.to_pylist())


END = datetime.fromisoformat(last_day()).replace(tzinfo=UTC) + timedelta(days=1)
OPENS = END - timedelta(days=30)


@pytest.fixture(scope="module")
def campaign(django_db_setup, django_db_blocker, tmp_path_factory):
    """The campaign with all its files, and the usage line run to validation, once for the module."""
    home = tmp_path_factory.mktemp("campaign")
    with (
        django_db_blocker.unblock(),
        transaction.atomic(),
        override_settings(GTM_DATA_DIR=home / "data"),
        acting_as(Actor.system("Test")),
        clock.standing_at(START),
    ):
        joint = establish()
        load(joint, home, world().tables)
        load_surveys(joint, home)
        plan = run()
        with django_db_blocker.block():
            yield joint, home / "data", plan.pk
        transaction.set_rollback(True)


@pytest.fixture
def loaded(campaign, acting, settings):
    joint, settings.GTM_DATA_DIR, _ = campaign
    return joint


@pytest.fixture
def plan(campaign, loaded):
    """The usage line at the lead's validation."""
    return Plan.objects.get(pk=campaign[2])


def true_deals(*, won=False):
    rows = world().truth["deals"].to_pylist()
    if won:
        return [r for r in rows if r["stage"] == "won" and OPENS <= r["closed_at"] < END]
    return [r for r in rows if OPENS <= r["opened_at"] < END]


def output(plan, key):
    return Artifact.objects.get(plan=plan, key=key).payload


def test_the_usage_line_runs_to_the_leads_validation_and_what_is_validated_is_published(plan, loaded):
    assert [t.state for t in plan.tasks.order_by("position")] == ["succeeded"] * 7 + [
        "awaiting_approval",
        "pending",
        "pending",
    ]
    assert plan.campaign == loaded.campaign
    assert plan.usage == LINE
    plan = publish(plan, loaded)
    records = {r.partner.slug: r for r in AttributionRecord.objects.filter(plan=plan)}
    assert set(records) == {"northwind", "contoso"}
    told = {c["partner"]: c for c in values(plan)["attribution"]["contributions"]}
    for slug, record in records.items():
        assert str(record.sourced_pipeline) == told[slug]["sourced_pipeline"]
    assert plan.tasks.get(key="hand-over").state == "ready"
    body = document.build(plan)
    assert [r["partner"] for r in body["attribution"]] == ["contoso", "northwind"]
    assert rules.problems(body) == []
    rows = [
        r
        for r in body["change_log"]
        if r["object"].startswith("attribution record") and r["event"] == "created"
    ]
    assert [(r["actor"], r["reason"]) for r in rows] == [
        ("Test", f"Published as validated by {loaded.lead.name}; asked for by the engine.")
    ] * 2


def test_every_deal_of_the_truth_is_found_once(plan):
    found = values(plan)["reconciled"]
    truth = world().truth
    assert found["records"] == truth["records"].num_rows
    assert found["deals"] == truth["deals"].num_rows
    assert found["joined"] == truth["records"].num_rows - truth["deals"].num_rows
    assert found["opened"] == len(true_deals())
    assert found["won"] == len(true_deals(won=True))
    assert found["joined"] > 10


def test_sourced_deals_are_the_first_touches_of_the_truth_and_nothing_of_the_total_is_missing(plan):
    told = values(plan)["attribution"]
    by_partner = {c["partner"]: c for c in told["contributions"]}
    decided = {r["person"]: r for r in [*true_deals(), *true_deals(won=True)]}
    true = Counter(r["sourced_by"] for r in decided.values())
    contested = told["contested_deals"]
    assert sum(c["sourced_deals"] for c in by_partner.values()) + contested == len(decided)
    for partner, count in true.items():
        assert count - contested <= by_partner[partner]["sourced_deals"] <= count
    pipeline = sum(Decimal(c["sourced_pipeline"]) for c in by_partner.values())
    contested_pipeline = Decimal(by_partner["contoso"]["contested_pipeline"])
    assert pipeline + contested_pipeline == Decimal(told["total_pipeline"])
    assert told["unsourced_deals"] == 0


def test_contested_deals_are_those_both_books_claim(plan):
    told = values(plan)["attribution"]
    owners = {}
    for partner, header in (("northwind", "opportunity_id"), ("contoso", "Deal ID")):
        table = world().tables[partner]["opportunities"]
        claims = zip(table.column(header).to_pylist(), table.column("sourced_by").to_pylist(), strict=True)
        owners |= {(partner, key): claim for key, claim in claims}
    claimed = {}
    for row in world().truth["records"].to_pylist():
        claimed.setdefault(row["person"], set()).add(owners[row["partner"], row["opportunity_id"]])
    decided = {r["person"] for r in [*true_deals(), *true_deals(won=True)]}
    both = sum(len(claims) > 1 for person, claims in claimed.items() if person in decided)
    assert told["contested_deals"] == both
    assert both > 0


def test_credit_of_every_model_sums_to_the_deals_and_the_agreed_one_to_the_pipeline(plan):
    told = values(plan)["attribution"]
    heatmap = output(plan, "models")
    assert [s["label"] for s in heatmap["series"]] == [
        "first", "last", "linear", "time-decay", "position", "w-shaped", "shapley", "markov (agreed)",
    ]  # fmt: skip
    for series in heatmap["series"]:
        assert sum(series["values"]) == pytest.approx(len(true_deals()))
    assert sum(c["pipeline"] for c in told["credit"].values()) == pytest.approx(float(told["total_pipeline"]))
    assert sum(c["revenue"] for c in told["credit"].values()) == pytest.approx(float(told["total_revenue"]))


def test_people_are_joined_as_the_truth_has_them(plan):
    found = values(plan)["identity"]
    known = Counter(row["person"] for row in world().truth["contacts"].to_pylist())
    shared = sum(count == 2 for count in known.values())
    pairs = found["exact_pairs"] + found["probable_pairs"]
    assert pairs == pytest.approx(shared, rel=0.03)
    assert found["probable_pairs"] > 0
    assert found["identity_precision"] > 0.97


def test_amounts_keep_rate_and_day_and_convert_at_the_ecb(plan):
    table = output(plan, "rates")
    assert {row[0] for row in table["rows"]} == {"EUR"}
    book = ecb_rates()
    for _, asked, day, rate, note in table["rows"]:
        published, set_on = book.rate("USD", datetime.fromisoformat(day).date(), max_age_days=7)
        assert (Decimal(str(rate)), set_on.isoformat()) == (published, day)
        assert (note == "") == (asked == day)


def test_the_window_decides_what_counts(loaded):
    plans = (start(LINE.replace("30d", window)) for window in ("7d", "campaign"))
    short, long = (values(work_off(plan, until="reconciliation"))["reconciled"] for plan in plans)
    assert short["opened"] == sum(END - timedelta(days=7) <= r["opened_at"] for r in true_deals())
    assert long["opened"] == world().truth["deals"].num_rows


def test_an_override_of_the_model_decides_and_is_said(loaded):
    plan = run(f"{LINE} --attribution_model last-touch")
    told = values(plan)
    assert (told["attribution"]["model"], told["attribution"]["method"]) == ("last-touch", "last")
    assert "By the requested model, last-touch" in told["report"]["summary"][1]
    heatmap = {s["label"]: s["values"] for s in output(plan, "models")["series"]}
    assert heatmap["last (requested)"] == [
        told["attribution"]["credit"][source]["deals"] for source in output(plan, "models")["categories"]
    ]


def test_dimensions_add_breakdowns_and_a_summary_leaves_rows_out(loaded):
    plan = run(LINE.replace("full", "summary") + ' --dimensions "partner,channel,region"')
    keys = set(Artifact.objects.filter(plan=plan).values_list("key", flat=True))
    assert {"by_partner", "by_channel", "by_region", "by_asset", "by_segment"} <= keys
    assert not {"contested", "assumptions"} & keys
    by_channel = {r["label"]: r["credit"] for r in values(plan)["insights"]["channel"]}
    assert sum(by_channel.values()) == pytest.approx(len(true_deals()))


def test_the_partner_that_loses_more_deals_is_found(plan):
    rows = {row["partner"]: row for row in values(plan)["insights"]["drop_off"]}
    assert rows["northwind"]["best"] == "northwind"
    assert rows["contoso"]["gap"] > 0


def test_targets_count_by_the_days_of_the_window(plan):
    told = {c["partner"]: c for c in values(plan)["attribution"]["contributions"]}
    expected = (Decimal(7_000_000) * 30 / 91).quantize(Decimal("0.01"))
    assert Decimal(told["northwind"]["pipeline_target"]) == expected


def test_the_campaign_is_known_by_its_slug_too(loaded):
    draft = base.draft(*base.parse_usage(LINE.replace('"AI Launch Tour"', "ai-launch-tour")), None)
    assert draft.usage == base.draft(*base.parse_usage(LINE), None).usage
    assert draft.campaign == loaded.campaign


def test_a_taxonomy_that_contradicts_itself_fails_the_run_with_the_reason(loaded):
    rules = MeasurementAgreement.objects.get()
    rules.vocabulary = {"allowed": {"medium": ["email"]}, "aliases": {"medium": {"mail": "post"}}}
    rules.save()
    plan = run()
    first = plan.tasks.get(key="data-gathering")
    assert first.state in ("with_substitute", "escalated")
    assert "leads to unknown 'post'" in str(first.attempts.first().error)


def test_the_same_data_give_the_same_figures(plan):
    assert values(run()) == values(plan)
    assert Dataset.objects.count() == 8


def success_of(plan):
    return {metric["key"]: metric for metric in document.build(plan)["success_metrics"]}


def test_answers_of_the_campaigns_partners_are_their_satisfaction(plan):
    found = success_of(plan)["satisfaction"]
    assert values(plan)["report"]["partner_satisfaction"] == pytest.approx(25)
    assert (found["target"], found["actual"], found["met"]) == (0, 25, True)


def test_whether_people_kept_their_times_is_counted_once_one_of_them_is_done(plan, loaded):
    before = success_of(plan)["sla"]
    assert before["why"] == "No task or approval of this plan with a due time is finished yet."
    publish(plan, loaded)
    with person_acting(loaded.marketer):
        human_tasks.complete(
            plan.tasks.get(key="hand-over"), result={"taken": "yes"}, evidence={"note": "In the sprint."}
        )
    after = success_of(plan)
    assert (after["sla"]["target"], after["sla"]["actual"], after["sla"]["met"]) == (1, 1, True)
    assert after["confidence"]["target"] == values(plan)["attribution"]["guardrail"]


def test_a_replay_gives_every_byte_again(plan):
    done = list(replay(plan))
    assert {found.task: found.differing for found in done} == {found.task: () for found in done}
    assert len(done) == plan.tasks.filter(kind="automated", state="succeeded").count() >= 5


def test_the_declaration_says_what_the_document_says():
    command = registry.get("partner-co-marketing-orchestration:track-source")
    assert command.example == LINE
    assert [i.name for i in command.inputs] == [
        "campaign",
        "window",
        "detail",
        "dimensions",
        "attribution_model",
        "pattern",
        "retry_limit",
    ]
    assert command.max_retries == 2
    assert [r.roles for r in command.ladder] == [
        ("co-marketing-analytics-lead",), ("revops", "finance"), ("exec-sponsor", "governance-board"),
    ]  # fmt: skip
    assert {h.tool for h in command.tool_hooks} == {"Serena", "Context7", "Sequential Thinking", "Playwright"}
    assert [(t.signal, t.breaches, t.pulls_ripcord) for t in command.triggers] == [
        ("attribution-below-guardrail", 2, True), ("sourced-pipeline-dispute", 1, True),
    ]  # fmt: skip
    covers = {(f.agent, f.covered_by) for f in command.fallbacks}
    assert ("co-marketing-analytics-lead", "partner-marketer") in covers
    assert not list(registry.faults(command))


def test_an_abort_takes_back_what_was_published_but_what_is_disputed(plan, loaded):
    plan = publish(plan, loaded)
    northwind = AttributionRecord.objects.get(plan=plan, partner=loaded.northwind)
    with acting_as(actor_of(loaded.northwind.contact)):
        verbs.file(northwind, loaded.northwind, deal=a_deal(plan), claim="It was ours alone.")
    ripcord.pull("plan", plan=plan, reason="The taxonomy was wrong.")
    for name in ("Rex", "Rita"):
        person = PersonFactory(name=name)
        person.accounts.get().user_permissions.add(Permission.objects.get(codename="release_ripcord"))
        with acting_as(actor_of(person)):
            ripcord.abort(plan, reason="Beyond repair.")
    plan.refresh_from_db()
    assert (plan.state, list(AttributionRecord.objects.filter(plan=plan))) == ("aborted", [northwind])


def test_what_changes_our_rows_is_undone_by_an_abort_but_a_suspicion_and_what_the_log_alone_keeps():
    applied = {s.key for command in registry.all_commands() for s in command.steps if s.apply}
    undone = {s.key for command in registry.all_commands() for s in command.steps if s.compensate}
    assert applied - undone == {
        "risk-review",
        "partner-health",
    }  # this one writes to the log alone
