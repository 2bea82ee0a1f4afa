from django.db import migrations

BY_WINDOW = ('loyalty-lifecycle-orchestration:monitor-loyalty', 'referral-program-orchestration:optimize-referrals')
BY_MODEL = 'partner-co-marketing-orchestration:track-source'
ACCURACY = 'attribution-below-guardrail'
MEASURED = ('Reading', 'HistoricalReading', 'Breach', 'HistoricalBreach')


def to_windows(apps, schema_editor):
    """Readings and breaches of before say what they were measured over, as the inputs of their plan have it.

    So a breach of a weekly run still counts for the next weekly run, and no more for a monthly one. Nothing
    is taken away; the change log, which told nothing of windows then, still holds.
    """
    for plan in apps.get_model('plans', 'Plan').objects.filter(readings__isnull=False).distinct():
        window = plan.inputs.get('window', '')
        of_plan = {'plan_id': plan.pk, 'window': '', 'model': '', 'scope': ''}
        key = f'{plan.plugin}:{plan.command}'
        if key in BY_WINDOW and window:
            write(apps, of_plan, window=window)
        elif key == BY_MODEL and window:
            slug, model = measured_by(plan)
            write(apps, {**of_plan, 'rule': ACCURACY}, window=window, model=model, scope=slug)


def to_one_counter(apps, schema_editor):
    """Back to one row a period: where several plans measured it, the newest is kept, as it always was."""
    for model in MEASURED:
        apps.get_model('plans', model).objects.exclude(window='').update(window='', model='', scope='')
    seen = set()
    for row in apps.get_model('plans', 'Reading').objects.order_by('-pk'):
        key = (row.program_id, row.command, row.rule, row.metric_version, row.period)
        if key in seen:
            row.delete()
        seen.add(key)
    seen = set()
    for row in apps.get_model('plans', 'Breach').objects.order_by('-pk'):
        key = (row.program_id, row.command, row.rule, row.period)
        if key in seen:
            row.delete()
        seen.add(key)


def measured_by(plan):
    """Slug of the campaign and name of the model, as the plan kept them; empty where it kept neither."""
    for slug, told in plan.context.get('campaigns', {}).items():
        if told.get('name') == plan.inputs.get('campaign'):
            agreed = told.get('agreement', {}).get('attribution_model', '')
            return slug, plan.inputs.get('attribution_model') or agreed
    return '', plan.inputs.get('attribution_model') or ''


def write(apps, which, **fields):
    for model in MEASURED:
        apps.get_model('plans', model).objects.filter(**which).update(**fields)


class Migration(migrations.Migration):
    """In a migration of its own: PostgreSQL changes no table whose rows this transaction has changed."""

    dependencies = [
        ('plans', '0008_reading_keys'),
    ]

    operations = [
        migrations.RunPython(to_windows, to_one_counter),
    ]
