from django.db import migrations

from gtm.core import triggers


def create(apps, schema_editor):
    triggers.create(schema_editor.connection)


def drop(apps, schema_editor):
    triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_chain_grown_at'),
    ]

    operations = [
        migrations.RunPython(create, drop),
    ]
