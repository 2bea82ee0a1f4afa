"""``python -m gtm.trial.prepare``: bring the database to this version and load the demo organisation.

Both in one process, because starting Django takes longer than finding that nothing is to be done.
"""

import io
import os

import django
from django.core.management import call_command

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gtm.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("demo")
    call_command("signing_key", "make", verbosity=0, stdout=io.StringIO())
