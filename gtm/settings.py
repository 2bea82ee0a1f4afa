"""The site's settings, one file, by environment. ``.env.example`` lists each variable and its default.

https://docs.djangoproject.com/en/5.2/ref/settings/
"""

import os
from pathlib import Path

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse
from kombu import Queue

from gtm.core.identity.providers.configured import providers_of
from gtm.core.places.storage_url import storages_of
from gtm.home import CODE_DIR, HOME_DIR, VAR_DIR
from gtm.trial.embedded import broker_url

BASE_DIR = CODE_DIR

# Steps run in processes beside one another and share the cores: threads of linear algebra would only wait
# for these, busily (a third of the CPU of plan-loyalty). One thread also adds up in one order, anywhere.
for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # read once, when NumPy is imported

env = environ.Env()
env_file = HOME_DIR / ".env"
if not env_file.is_file() and not {"SECRET_KEY", "DEBUG"} & env.ENVIRON.keys():
    env_file = VAR_DIR / "trial.env"  # of `make run`; a site with a key of its own never reads it
env_file = Path(env.str("GTM_ENV_FILE", default=str(env_file)))
if env_file.is_file():
    env.read_env(env_file)

# --- What kind of place this is -------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
HTTPS = env.bool("GTM_HTTPS", default=not DEBUG)
PORT = env.int("PORT", default=8000)

SECRET_KEY = env.str("SECRET_KEY", default="development-only" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. It signs sessions and tokens, so production needs its own: run "
        "`python -c 'import secrets; print(secrets.token_urlsafe(50))'`, put the line SECRET_KEY=… into "
        "the environment or .env, and keep it secret. For a trial use `make run`, which makes one."
    )
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- Governance -----------------------------------------------------------------------------------
GTM_PLANS_DIR = HOME_DIR / env.str("GTM_PLANS_DIR", default=".claude/plans")
GTM_DATA_DIR = HOME_DIR / env.str("GTM_DATA_DIR", default="var/data")
GTM_BASE_URL = env.str("GTM_BASE_URL", default=f"http://localhost:{PORT}").rstrip("/")
GTM_BREAK_GLASS = env.bool("GTM_BREAK_GLASS", default=False)
GTM_GRACE_SECONDS = env.int("GTM_GRACE_SECONDS", default=60)  # for running steps after a rip-cord pull
GTM_ANCHORS_DIR = HOME_DIR / env.str("GTM_ANCHORS_DIR", default="var/anchors")  # better: other storage
GTM_AUDITORS = env.list("GTM_AUDITORS", default=[])  # who gets every anchor: addresses, or channel:NAME
GTM_KEYS_DIR = HOME_DIR / env.str("GTM_KEYS_DIR", default="var/keys")  # private signing keys, mode 0600
GTM_SIGNING_KEYS = env.list("GTM_SIGNING_KEYS", default=[])  # or here, the key of today first
GTM_TIMESTAMP_URL = env.str("GTM_TIMESTAMP_URL", default="")  # an RFC 3161 service, for envelopes
GTM_TIMESTAMP_CERTIFICATES = env.str("GTM_TIMESTAMP_CERTIFICATES", default="")  # PEM: by which it is believed
GTM_WITNESSES = env.list("GTM_WITNESSES", default=[])  # who cosigns our checkpoints: "KEY URL", …
GTM_WITNESSED_LOGS = env.list("GTM_WITNESSED_LOGS", default=[])  # keys of logs for which we are a witness
GTM_PRIVATE_EVIDENCE_HOSTS = frozenset(  # of the two, those whose address may not be public
    env.list("GTM_PRIVATE_EVIDENCE_HOSTS", default=[])
)
GTM_CHANNEL_SCHEMES = frozenset(
    env.list(
        "GTM_CHANNEL_SCHEMES",
        default=[
            "discord",
            "gchat",
            "mmosts",
            "msteams",
            "opsgenie",
            "pagerduty",
            "slack",
            "workflows",
            "wxteams",
        ],
    )
)
GTM_STAGE_LANDING_PAGES = env.bool("GTM_STAGE_LANDING_PAGES", default=False)
GTM_PRIVATE_LINK_HOSTS = frozenset(  # who links may lead to though the address is not public
    env.list("GTM_PRIVATE_LINK_HOSTS", default=[GTM_BASE_URL.split("//")[1]] * GTM_STAGE_LANDING_PAGES)
)
GTM_PRIVATE_WEBHOOK_HOSTS = (
    frozenset(  # who webhooks may be posted to without https, and on private addresses
        env.list("GTM_PRIVATE_WEBHOOK_HOSTS", default=[])
    )
)
GTM_WEBHOOK_PATIENCE_HOURS = env.float("GTM_WEBHOOK_PATIENCE_HOURS", default=72.0)  # then it is disabled
GTM_TOOLS = env.json("GTM_TOOLS", default={})  # tool of a runbook: the MCP server that answers for it
GTM_PRIVATE_TOOL_HOSTS = frozenset(  # of MCP servers by address, those whose address may not be public
    env.list("GTM_PRIVATE_TOOL_HOSTS", default=[])
)
GTM_BROWSER = env.str("GTM_BROWSER", default="auto")  # for the flows of link checks: auto, off, or a path
GTM_TRUSTED_PROXIES = env.int("GTM_TRUSTED_PROXIES", default=0)  # whose X-Forwarded-For is believed
GTM_LEASE_SECONDS = env.int("GTM_LEASE_SECONDS", default=60)
GTM_VERSION = "0.1.0"
GTM_ALLOW_IMPERSONATION = env.bool("GTM_ALLOW_IMPERSONATION", default=DEBUG)

# --- Applications ---------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",  # before django.contrib.admin, whose templates it overrides
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "unfold.contrib.simple_history",
    # Its pages are read with the routes: a worker or a command that shows none does not load them.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "simple_history",
    "import_export",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "django_celery_beat",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "gtm.core",
    "programs",
    "plans",
]
MIDDLEWARE = [
    "gtm.core.request_ids.RequestIdMiddleware",
    "gtm.core.tracing.TracingMiddleware",
    "gtm.core.bounded.bodies.LargeBodiesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gtm.headers.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "programs.own_time.OwnTimeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "gtm.error_pages.ErrorPagesMiddleware",
]
ROOT_URLCONF = "gtm.urls"
WSGI_APPLICATION = "gtm.wsgi.application"
ASGI_APPLICATION = "gtm.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database and cache ---------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR}/gtm.sqlite3")}
if not env.str("DATABASE_URL", default=""):
    VAR_DIR.mkdir(parents=True, exist_ok=True)  # SQLite makes a file, and no folder for it
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets readers go on while one writes; IMMEDIATE takes the write lock at BEGIN, where waiting is
    # possible, instead of at the first write, where SQLite gives up. FULL makes every commit survive a
    # power cut; NORMAL would survive `kill -9` only, and a decision somebody was told is recorded must stay.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # The server keeps what every task asks, parsed and planned. A pooler that gives each transaction another
    # connection (pgbouncer before 1.21) would not find it again.
    is_pooled = env.bool("GTM_DATABASE_POOLED", default=False)
    DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = None if is_pooled else 5
DATABASES["default"]["CONN_MAX_AGE"] = 60
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}

# --- People ---------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["gtm.core.sign_in.GuardedBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
# django-allauth, https://docs.allauth.org/: second factors. Its pages are those of gtm/core/identity/urls.py;
# limits and mails are ours, which are in the database and so hold for every process and outlast a broker.
GTM_SECOND_FACTOR = env.bool("GTM_SECOND_FACTOR", default=not GTM_ALLOW_IMPERSONATION)
# How a first factor comes to count for decisions: "mail", a link to the address on record; "steward", who
# agrees to changes of authority; "wait", a day after the mail that tells its owner. The command line may too.
GTM_FACTOR_CONFIRMED_BY = frozenset(env.list("GTM_FACTOR_CONFIRMED_BY", default=["mail", "steward"]))
ACCOUNT_ADAPTER = "gtm.core.identity.adapters.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_RATE_LIMITS = False
MFA_RATE_LIMITS = False  # they would be kept in the cache of one process; ours are with the sign-ins
ACCOUNT_FORMS = {"reauthenticate": "gtm.core.identity.forms.PasswordForm"}
MFA_ADAPTER = "gtm.core.identity.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "GTM Governance"
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_FORMS = {
    "authenticate": "gtm.core.identity.forms.AuthenticateForm",
    "reauthenticate": "gtm.core.identity.forms.ReauthenticateForm",
    "activate_totp": "gtm.core.identity.forms.ActivateTOTPForm",
    "add_webauthn": "gtm.core.identity.passkey_forms.AddPasskeyForm",
    "authenticate_webauthn": "gtm.core.identity.passkey_forms.ShowPasskeyForm",
    "reauthenticate_webauthn": "gtm.core.identity.passkey_forms.ConfirmPasskeyForm",
    "login_webauthn": "gtm.core.identity.passkey_forms.PasskeyLoginForm",
}
# Sign-in at a provider of the company, by OpenID Connect: GTM_OIDC=okta, GTM_OIDC_OKTA_ISSUER=https://…, etc.
SOCIALACCOUNT_ADAPTER = "gtm.core.identity.adapters.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = providers_of(
    env.list("GTM_OIDC", default=[]), lambda name, default: str(env.str(name, default=default))
)
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
GTM_OIDC_MAKES_ACCOUNTS = env.bool("GTM_OIDC_MAKES_ACCOUNTS", default=False)  # without any right
SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", default=12 * 3600)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "gtm.error_pages.csrf_failure"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

# --- Browser safety -------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # probed inside, without TLS
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # other hosts of the domain are not ours
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.bool("GTM_BEHIND_PROXY", default=False):  # only a proxy that always sets the header may be believed
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# A reader wants a file, also of a small upload; Django's other handler would keep that in memory.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
# A plan JSON with a long change log is one body; gtm.core.api.parsers says the same.
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # a tier table or a change list with many rows is one form

# --- Language, time, files ------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["gtm.formats"]
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=None)  # for a web server or CDN that serves static files itself
STATICFILES_DIRS: list[str] = []
WHITENOISE_USE_FINDERS = True  # serve them out of the packages: there is no collectstatic to forget
WHITENOISE_MAX_AGE = 3600
WHITENOISE_IMMUTABLE_FILE_TEST = (
    r"\.[0-9a-f]{12}\.js$"  # named after its content: kept for as long as it may be
)
MEDIA_ROOT = GTM_DATA_DIR / "uploads"  # private: downloads go through views that check permission
# Data sets, kept files, uploads waiting and plan JSON: folders, or an object store that every host reaches.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    **storages_of(
        env.str("GTM_STORAGE_URL", default=""),
        endpoint=env.str("GTM_STORAGE_ENDPOINT", default=""),
        region=env.str("GTM_STORAGE_REGION", default=""),
        azure=env.str("AZURE_STORAGE_CONNECTION_STRING", default=""),
    ),
}
# What a host has fetched from the object store, by digest. It may be deleted: it is fetched anew.
GTM_CACHE_DIR = HOME_DIR / env.str("GTM_CACHE_DIR", default=str(GTM_DATA_DIR / "cache"))
# Who answers questions about data sets: programs/datasets/engines/choosing.py.
GTM_QUERY_ENGINE = env.str("GTM_QUERY_ENGINE", default="duckdb")
GTM_CLICKHOUSE_URL = env.str("GTM_CLICKHOUSE_URL", default="")
GTM_CLICKHOUSE_COLLECTION = env.str("GTM_CLICKHOUSE_COLLECTION", default="")

# --- Mail -----------------------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
GTM_OWN_PASSWORD_BY_MAIL = env.bool(
    "GTM_OWN_PASSWORD_BY_MAIL", default=str(vars()["EMAIL_BACKEND"]).endswith("smtp.EmailBackend")
)
EMAIL_TIMEOUT = 10  # a mail server that hangs must not hold up what waits behind it
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="GTM Governance <gtm@localhost>")

# --- Background work ------------------------------------------------------------------------------
# https://docs.celeryq.dev/en/stable/userguide/configuration.html
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=broker_url(VAR_DIR))
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}  # above the time limit: no second copy runs
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_DB_REUSE_MAX = 1000  # else Celery opens a connection for each task, which costs more than the task
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = env.int("GTM_TASK_TIME_LIMIT", default=1800)
CELERY_TASK_SOFT_TIME_LIMIT = CELERY_TASK_TIME_LIMIT - CELERY_TASK_TIME_LIMIT // 10
# A broker that is down must not hold up the person whose decision is already committed; the sweep finds it.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2}
# "control" is short and must not wait (sweep, deadlines, messages); "steps" computes. A misspelt queue
# raises where it is published instead of filling up unread.
CELERY_TASK_QUEUES = [Queue("control"), Queue("steps")]
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_ROUTES = {
    name: {"queue": "steps"} for name in ("plans.tasks.run_task", "plans.tasks.load_received")
}
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_WORKER_POOL = "prefork"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    # What could not run within one period is stale: the next sweep sees the same rows.
    "sweep": {"task": "plans.tasks.sweep", "schedule": 5.0, "options": {"queue": "control", "expires": 5}},
    "plan files": {
        "task": "plans.tasks.write_plans",
        "schedule": 1.0,
        "options": {"queue": "control", "expires": 1},
    },
    "notices": {"task": "plans.tasks.send_notices", "schedule": 15.0, "options": {"expires": 15}},
    "received": {"task": "plans.tasks.load_received", "schedule": 30.0, "options": {"expires": 30}},
    "anchor": {"task": "gtm.core.tasks.anchor_changelog", "schedule": crontab(minute="15", hour="0")},
    "kept answers": {"task": "gtm.core.tasks.drop_kept_answers", "schedule": crontab(minute="45")},
    "account mail": {
        "task": "gtm.core.tasks.send_account_mail",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "witnesses": {
        "task": "gtm.core.tasks.submit_checkpoints",
        "schedule": 120.0,
        "options": {"expires": 120},
    },
    "anchor copies": {"task": "gtm.core.tasks.deliver_anchors", "schedule": 600.0},
}

# --- REST -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "gtm.core.api.authentication.ScopedTokenAuthentication",  # first: a 401 names it
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "gtm.core.api.pagination.Pages",
    "PAGE_SIZE": 50,
    "DEFAULT_PARSER_CLASSES": ["gtm.core.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": [
        "gtm.core.api.filters.Filters",
        "rest_framework.filters.SearchFilter",
        "rest_framework.filters.OrderingFilter",
    ],
    "EXCEPTION_HANDLER": "gtm.core.api.problem.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "gtm.core.api.schema.TruthfulSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "gtm.core.api.authentication.TokenRate",
    ],
    "NUM_PROXIES": GTM_TRUSTED_PROXIES,
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.str("GTM_ANON_RATE", default="60/min"),
        "hooks": env.str("GTM_HOOK_RATE", default="600/min"),
        "token": env.str("GTM_TOKEN_RATE", default="10/min"),
        "requests": env.str("GTM_REQUEST_RATE", default="1200/min"),
    },
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "GTM Governance",
    "DESCRIPTION": "Run go-to-market runbooks as governed plans; decide, escalate, stop, export, verify.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",  # from our own host: the content security policy lets nothing else in
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ProgramKindEnum": "programs.models.ProgramKind",
        "BenefitKindEnum": "programs.models.BenefitKind",
        "TaskKindEnum": "plans.models.TaskKind",
        "DecisionKindEnum": "plans.models.DecisionKind",
        "PlanStateEnum": "plans.models.PlanState",
        "TaskStateEnum": "plans.models.TaskState",
        "ApprovalStateEnum": "plans.models.ApprovalState",
        "EscalationStateEnum": "plans.models.EscalationState",
        "NoticeKindEnum": "plans.models.NoticeKind",
        "NotificationStateEnum": "plans.models.NotificationState",
        "PolicyStateEnum": "plans.models.PolicyState",
        "ReceivedStateEnum": "plans.models.ReceivedState",
        "WebhookStateEnum": "plans.models.WebhookState",
        "WebhookDeliveryStateEnum": "plans.models.DeliveryState",
        "ScheduledRunStateEnum": "plans.models.ScheduledRunState",
        "GuardedKindEnum": "programs.models.GuardedKind",
        "GuardedStateEnum": "programs.models.GuardedState",
        "FraudCaseStateEnum": "plans.cases.fraud.models.FraudCaseState",
        "FraudCaseKindEnum": "plans.cases.fraud.models.FraudCaseKind",
    },
}

# --- Admin, history, import and export ------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "GTM Governance",
    "SITE_HEADER": "GTM Governance",
    "SITE_SYMBOL": "verified",
    "SITE_URL": None,  # there is no other site to return to
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("gtm/favicon.svg")}
    ],
    "STYLES": [lambda request: static("gtm/gtm.css")],
    "SCRIPTS": [lambda request: static("gtm/accessible.js")],
    "DASHBOARD_CALLBACK": "gtm.dashboard.home",
    "ACCOUNT": {
        "navigation": [
            {"title": "Second factor", "link": lambda request: reverse("mfa_index")},
            {"title": "Sessions", "link": lambda request: reverse("usersessions_list")},
            {"title": "Time zone", "link": lambda request: reverse("own_zone")},
            {"title": "Saved views", "link": lambda request: reverse("saved_views")},
        ],
    },
    "SHOW_BACK_BUTTON": True,
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": "gtm.navigation.navigation"},
    "COMMAND": {"show_history": True},  # gtm.search.page answers
    "COLORS": {  # 600 on white and 400 on dark keep a contrast of 4.5 : 1
        "primary": {
            "50": "#eff6ff",
            "100": "#dbeafe",
            "200": "#bfdbfe",
            "300": "#93c5fd",
            "400": "#60a5fa",
            "500": "#3b82f6",
            "600": "#1d4ed8",
            "700": "#1e40af",
            "800": "#1e3a8a",
            "900": "#172554",
            "950": "#0f1a3d",
        }
    },
}
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True  # a reason is a sentence, not 100 characters
IMPORT_EXPORT_USE_TRANSACTIONS = True
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "add"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"

# --- Logs: one stream, standard error; the platform keeps them ------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s:%(request_id)s %(message)s"}},
    "filters": {"request_ids": {"()": "gtm.core.request_ids.RequestIds"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_ids"]}
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "kombu.connection": {"level": "ERROR"},  # it warns that memory:// names no host, which has none
        # They print the addresses they call, and the address of a channel is a secret.
        "apprise": {"level": "CRITICAL"},
        "urllib3": {"level": "INFO"},
    },
}
