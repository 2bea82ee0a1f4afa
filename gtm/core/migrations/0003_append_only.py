from django.db import migrations

from gtm.core.evidence import append_only


def create(apps, schema_editor):
    append_only.create(schema_editor.connection)


def drop(apps, schema_editor):
    append_only.drop(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_chain_grown_at'),
    ]

    operations = [
        migrations.RunPython(create, drop),
    ]
