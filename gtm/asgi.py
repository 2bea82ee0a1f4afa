"""ASGI entry point: ``gtm.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

from gtm.core import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gtm.settings")
tracing.start("web")

application = get_asgi_application()
