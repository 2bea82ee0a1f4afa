"""The text columns of how it is governed: which may name a person, and which are codes, keys and digests."""

from gtm.core.evidence.personal import declare


def declare_all() -> None:
    """Called when the site starts. A free text, and JSON with names of people, is personal.

    ``comments`` is what the person behind a row wrote: it goes as a whole where that person is erased.
    """
    declare(
        "plans.approval",
        personal="title question policy summary scope bench missing",
        plain="gate state currency scope_sha256",
    )
    declare(
        "plans.decision",
        comments="comment evidence",
        personal="void_reason",
        plain="kind scope_sha256",
        owner="user_id",
    )
    declare("plans.artifact", personal="title payload specification", plain="key kind sha256")
    declare(
        "plans.breach", personal="model scope value message", plain="command rule window period answered_by"
    )
    declare("plans.breakglass", comments="reason review", plain="state scope_sha256")
    declare(
        "plans.escalation",
        personal="about subject detail evidence told_at_once ladder",
        comments="remediation",
        plain="trigger state held_from",
    )
    declare("plans.rungfiring", personal="notified skipped_reason", plain="role")
    declare("plans.heartbeat", plain="name")
    declare("plans.importedplan", personal="objective", plain="plan_id sha256 head status command")
    declare("plans.notice", personal="facts withdrawn_reason", plain="key kind entity entity_id")
    declare("plans.notification", personal="subject body url error", plain="channel state")
    declare("plans.notificationpreference", plain="channels digest muted_kinds")
    declare(
        "plans.outsidechange",
        personal="field before after reason actor on_behalf_of",
        plain="event via request_id",
    )
    declare(
        "plans.plan",
        personal="usage inputs objective declaration datasets checklist context",
        plain="plan_id state held_from plugin command complexity strategy structure_sha256 currency "
        "idempotency_key",
    )
    declare("plans.planfile", plain="sha256")
    declare("plans.policyversion", comments="reason", personal="text", plain="command subject state")
    declare(
        "plans.reading",
        personal="model scope value limit message",
        plain="command rule window period verdict",
    )
    declare(
        "plans.ripcordpull",
        comments="reason remediation",
        personal="released_by",
        plain="scope state trigger",
    )
    declare("plans.schedule", personal="inputs", plain="name command crontab catch_up")
    declare("plans.scheduledrun", personal="reason", plain="state")
    declare(
        "plans.task",
        personal="name purpose skills tools held_because progress_note error",
        comments="output",
        plain="task_id stage_id stage_name key kind state held_from output_var output_sha256",
    )
    declare(
        "plans.taskattempt",
        personal="worker error changed late_output",
        plain="executor outcome error_class code_sha256",
    )
    declare(
        "plans.toolcall",
        personal="performed_by arguments said",
        plain="tool work arguments_sha256 outcome result_sha256",
    )
    declare("plans.webhooksubscription", personal="name url disabled_why", plain="events state")
    declare("plans.webhooksecret", plain="ciphertext")
    declare("plans.incomingsource", plain="name series")
    # Rows as they came, for 30 days, to load them; bytes of which no part can be taken out.
    declare("plans.receivedmessage", personal="why", plain="event_id sha256 media_type state raw")
    declare("plans.webhookposition", plain="chain")
    declare("plans.webhookdelivery", personal="error", plain="chain event_id type body state")
    declare(
        "plans.fraudcase",
        personal="referrals evidence",
        comments="judgements",
        plain="key kind proposal state currency",
    )
    declare("plans.attributionrecord", plain="model currency")
    declare(
        "plans.dispute",
        personal="deal signed_off",
        comments="claim evidence answer",
        plain="state",
    )
