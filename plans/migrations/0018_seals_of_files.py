"""Files written before documents were sealed have no seal yet: the sweep writes them anew, with one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plans", "0017_tool_calls")]

    operations = [
        migrations.AddField(
            model_name="planfile",
            name="seal",
            field=models.PositiveBigIntegerField(
                default=0,
                help_text="Row that seals what it says; none where it was written before there were seals",
            ),
        ),
    ]
