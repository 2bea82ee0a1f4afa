from django.db import migrations, models

HELP = (
    "ISO 4217. Loaded data keep their currencies and are converted to this one, plans that are over keep "
    "theirs, and limits of approvers in another currency do not reach amounts in it."
)


class Migration(migrations.Migration):
    dependencies = [("programs", "0003_series")]

    operations = [
        migrations.AlterField(
            model_name=name,
            name="currency",
            field=models.CharField(default="USD", help_text=HELP, max_length=3),
        )
        for name in ("historicalprogram", "program")
    ]
