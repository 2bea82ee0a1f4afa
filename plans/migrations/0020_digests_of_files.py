"""The digest of each file in the plans folder, so that one that somebody altered is noticed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plans", "0019_notices_of_cases")]

    operations = [
        migrations.AddField(
            model_name="planfile",
            name="sha256",
            field=models.CharField(blank=True, default="", help_text="Of its bytes, as we wrote them", max_length=64),
            preserve_default=False,
        ),
    ]
