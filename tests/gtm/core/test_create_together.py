"""A new installation has the tables that an older one has after all its migrations, and has them at once."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from gtm.core.create_together import CreateTogether
from tests.migrated import OneByOne

APPS = ("programs", "plans")


def models_of(loader: MigrationLoader) -> dict[tuple[str, str], object]:
    return {key: model for key, model in loader.project_state().models.items() if key[0] in APPS}


def test_both_ways_lead_to_the_same_models():
    """What a table is made from: fields, keys, indexes, constraints, and the permissions of a model."""
    new, older = models_of(MigrationLoader(None)), models_of(OneByOne(None))
    assert len(new) > 100
    assert sorted(new) == sorted(older)
    assert [key for key in new if new[key] != older[key]] == []


@pytest.mark.parametrize("app", APPS)
def test_a_new_installation_goes_the_short_way_and_an_older_one_counts_as_there(app, db):
    loader = MigrationLoader(connection)
    (short,) = (key for key in loader.replacements if key[0] == app)
    assert {short, *loader.replacements[short].replaces} <= loader.applied_migrations.keys()
    assert short in loader.graph.nodes
    (operation,) = loader.disk_migrations[short].operations
    assert isinstance(operation, CreateTogether)


def test_classes_of_models_are_made_once_and_the_tables_go_again():
    """Up, each table of the last state; down, the same tables in reverse."""
    (short,) = (key for key in MigrationLoader(None).replacements if key[0] == "programs")
    (operation,) = MigrationLoader(None).disk_migrations[short].operations
    before = OneByOne(None).project_state([("auth", "0012_alter_user_first_name_max_length")])
    assert before.apps
    after = before.clone()
    operation.state_forwards("programs", after)
    assert "apps" not in after.__dict__

    class Tables:
        made: list[str] = []
        connection = connection

        def create_model(self, model):
            self.made.append(model._meta.db_table)

        def delete_model(self, model):
            assert self.made.pop() == model._meta.db_table

    tables = Tables()
    operation.database_forwards("programs", tables, before, after)
    assert len(tables.made) == len(operation.operations) == len(set(tables.made))
    operation.database_backwards("programs", tables, after, before)
    assert tables.made == []
    assert operation.describe() == f"Create {len(operation.operations)} models together"
