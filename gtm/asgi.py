"""ASGI entry point: ``gtm.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gtm.settings")

application = get_asgi_application()
