"""Two partners' data of one kind: a command uses both, or refuses and says whose it would leave out."""

from hashlib import sha256

import pytest

from gtm.core.errors import InvalidInput
from plans.runs import data_needs, registry, start
from programs.models import Dataset, Partner
from tests.factories import PersonFactory, ProgramFactory
from tests.plans.commands.track_source.campaign import establish, run, values, without
from tests.plans.commands.track_source.campaign import load as load_campaign

READ = [
    (command, kind)
    for command in registry.all_commands()
    for kind in (*command.required_datasets, *command.optional_datasets)
]


@pytest.mark.parametrize(
    ("command", "kind"),
    [pair for pair in READ if not pair[0].reads_partners],
    ids=lambda told: getattr(told, "name", told),
)
def test_a_command_that_reads_one_owner_refuses_the_data_of_two_by_name(acting, command, kind):
    program = ProgramFactory(kind=command.program_kind, is_default=True)
    for slug in ("northwind", "contoso"):
        partner = Partner(slug=slug, name=slug.title(), currency="USD", contact=PersonFactory())
        partner.save()
        digest = sha256(slug.encode()).hexdigest()
        told = {"snapshot": f"{kind}/{digest}/rows.parquet", "sha256": digest, "rows": 300}
        Dataset(program=program, partner=partner, kind=kind, **told).save()
    with pytest.raises(InvalidInput) as refused:
        start.draft(*start.parse_usage(command.path), None)
    (problem,) = (p for p in refused.value.problems if p.code == "several_owners")
    assert problem.message.startswith(f"{kind} were loaded by ")
    assert {"Northwind", "Contoso"} <= set(problem.message.replace(",", "").split())
    needs = {need.command: need for need in data_needs.of_program(program)}
    assert any("Northwind, Contoso" in gap.what for gap in needs[command.path].missing)


def test_every_kind_that_commands_read_is_asked_about():
    together = {kind for command, kind in READ if command.reads_partners}
    assert together == {"touchpoints", "opportunities", "contacts", "targets", "survey_responses"}
    assert len(READ) > len(together) + 10


@pytest.fixture
def joint(acting):
    return establish()


def test_two_partners_data_of_every_kind_are_read_together(joint, tmp_path):
    tables = without()
    targets = tables[""].pop("targets")
    for slug in ("northwind", "contoso"):
        mine = [row for row in targets.to_pylist() if row["member"] == slug]
        tables[slug] = tables[slug] | {"targets": targets.from_pylist(mine, schema=targets.schema)}
    load_campaign(joint, tmp_path, {owner: kinds for owner, kinds in tables.items() if kinds})
    found = values(run())
    deals = [row for slug in ("northwind", "contoso") for row in tables[slug]["opportunities"].to_pylist()]
    contacts = sum(tables[slug]["contacts"].num_rows for slug in ("northwind", "contoso"))
    assert all(found["gathered"]["touches"][slug] for slug in ("northwind", "contoso"))
    assert found["normalised"]["records"] + found["normalised"]["other_campaigns"] == len(deals)
    assert found["identity"]["contacts"] == contacts
    aims = {row["partner"]: row["pipeline_target"] for row in found["attribution"]["contributions"]}
    assert all(aims[slug] for slug in ("northwind", "contoso"))
