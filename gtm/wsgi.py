"""WSGI entry point: ``gtm.wsgi:application``."""

import os

from django.core.wsgi import get_wsgi_application

from gtm.core import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gtm.settings")
tracing.start("web")

application = get_wsgi_application()
