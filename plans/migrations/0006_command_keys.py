from django.db import migrations

from plans.runs import registry

ROWS_OF_PLANS = ('Reading', 'HistoricalReading', 'Breach', 'HistoricalBreach')
BY_NAME = ('PolicyVersion', 'HistoricalPolicyVersion', 'Schedule', 'HistoricalSchedule')
DELEGATIONS = ('Delegation', 'HistoricalDelegation')


def to_keys(apps, schema_editor):
    """Names of commands become keys, plugin:name; the change log, which is never rewritten, keeps the names.

    What belongs to a plan takes the plugin of its plan. What is about a command takes that of the command
    installed, and of one that is not, that of its newest plan. A name that neither knows governs nothing
    and stays.
    """
    plans = apps.get_model('plans', 'Plan').objects
    for plugin, name in plans.order_by().values_list('plugin', 'command').distinct():
        of_it = plans.filter(plugin=plugin, command=name).values('pk')
        for model in ROWS_OF_PLANS:
            rows = apps.get_model('plans', model).objects
            rows.filter(command=name, plan_id__in=of_it).update(command=f'{plugin}:{name}')
    keys = {name: f'{plugin}:{name}' for name, plugin in plans.order_by('pk').values_list('command', 'plugin')}
    keys |= {command.name: command.key for command in registry.all_commands()}
    for model in BY_NAME:
        rows = apps.get_model('plans', model).objects
        for name in set(rows.order_by().values_list('command', flat=True)) & set(keys):
            rows.filter(command=name).update(command=keys[name])
    rename_in_delegations(apps, lambda name: keys.get(name, name))


def to_names(apps, schema_editor):
    """Back to names, where each means one command."""
    names = {}
    for model in (*ROWS_OF_PLANS, *BY_NAME):
        for key in apps.get_model('plans', model).objects.order_by().values_list('command', flat=True).distinct():
            names.setdefault(key.rpartition(':')[2], set()).add(key)
    several = sorted(key for keys in names.values() if len(keys) > 1 for key in keys)
    if several:
        raise RuntimeError(
            f'Several plugins have commands of one name: {", ".join(several)}. Kept by name alone, their policies, '
            'readings, breaches and schedules could not be told apart, so this migration cannot be reversed.'
        )
    for model in (*ROWS_OF_PLANS, *BY_NAME):
        for name, (key,) in ((name, tuple(keys)) for name, keys in names.items()):
            apps.get_model('plans', model).objects.filter(command=key).update(command=name)
    rename_in_delegations(apps, lambda key: key.rpartition(':')[2])


def rename_in_delegations(apps, rename):
    for model in DELEGATIONS:
        for row in apps.get_model('programs', model).objects.exclude(commands=[]):
            renamed = [rename(one) for one in row.commands]
            if renamed != row.commands:
                row.commands = renamed
                row.save(update_fields=['commands'])


class Migration(migrations.Migration):
    """In a migration of its own: PostgreSQL changes no table whose rows this transaction has changed."""

    dependencies = [
        ('plans', '0005_command_keys_fit'),
        ('programs', '0002_dataset_current_since'),
    ]

    operations = [
        migrations.RunPython(to_keys, to_names, elidable=True),
    ]
