"""The text columns of accounts, of the change log and of what others bring along: which are personal."""

from gtm.core.evidence.personal import declare


def declare_all() -> None:
    """Called when the site starts."""
    declare(
        "auth.user", identity="username email", comments="first_name last_name", plain="password", owner="id"
    )
    declare("auth.group", plain="name")
    declare("auth.permission", plain="name codename")
    declare("admin.logentry", personal="object_repr change_message", plain="object_id")
    declare("contenttypes.contenttype", plain="app_label model")
    declare("sessions.session", plain="session_key session_data")  # signed, ends by itself, says no text
    declare("django_celery_beat.solarschedule", plain="event")
    declare("django_celery_beat.intervalschedule", plain="period")
    declare("django_celery_beat.crontabschedule", plain="minute hour day_of_month month_of_year day_of_week")
    declare(
        "django_celery_beat.periodictask",
        plain="name task args kwargs queue exchange routing_key headers description",
    )
    declare("core.passwordofanother", personal="set_by")
    declare("core.confirmedfactor", personal="how")
    declare("core.accountzone", personal="time_zone", owner="user_id")
    declare("core.savedview", comments="name query", plain="page", owner="user_id")
    declare(
        "core.keptanswer", personal="key headers body", plain="request_sha256 media_type", owner="user_id"
    )
    declare("core.changelogchain", plain="name head")
    # What a row of the log says is erased with its salt, as a whole: ``erasure``.
    declare(
        "core.changelogentry",
        plain="chain at via request_id entity entity_id event payload_hash previous_hash hash",
    )
    declare("core.changelogpayload", plain="salt")
    declare("core.anchor", plain="at previous heads root")
    declare("core.anchorcopy", personal="place error")
    declare("core.signingkey", plain="text")
    declare("core.recordedhead", plain="chain hash")
    declare("core.treenode", plain="hash")
    declare("core.checkpoint", plain="root note")
    declare("core.serviceaccount", personal="purpose")
    declare("core.accesstoken", personal="name ended_why", plain="prefix digest scopes")
    declare("core.signin", comments="username address", plain="door outcome", owner="user_id")
    declare(
        "core.accountmail",
        personal="subject body error",
        identity="address",
        plain="message_id",
        owner="user_id",
    )
    declare("account.emailaddress", identity="email", owner="user_id")  # allauth's; this site writes none
    declare("account.emailconfirmation", plain="key")
    declare("mfa.authenticator", personal="data", plain="type", owner="user_id")  # a passkey has a name
    declare("usersessions.usersession", personal="user_agent", plain="session_key data", owner="user_id")
    declare("socialaccount.socialaccount", personal="uid extra_data", plain="provider", owner="user_id")
    # Providers come from the environment, and their tokens are not kept: these two stay empty.
    declare("socialaccount.socialapp", plain="provider provider_id name client_id secret key settings")
    declare("socialaccount.socialtoken", plain="token token_secret")
