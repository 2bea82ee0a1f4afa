"""Messages to the outside: e-mail, and the channels (Slack, Teams, …) that the operator set up.

A channel is an Apprise URL (https://github.com/caronc/apprise) and holds a secret. Nobody types one into a
form: the operator sets ``GTM_CHANNEL_<NAME>`` in the environment, everything else knows the name only. So
neither the database, the change log, a plan's file nor our logs ever hold the URL, and nobody who may edit
their preferences can make the server call an address of their choice. What schemes may be used is a setting,
redirects are not followed.
"""

from __future__ import annotations

import os
import smtplib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from gtm.core.later import later

if TYPE_CHECKING:
    import apprise
else:
    apprise = later("apprise")

PREFIX = "GTM_CHANNEL_"


class NotDelivered(Exception):
    """The message was not taken. Says why, without the secret; ``for_good`` where trying again is no use."""

    def __init__(self, reason: str, *, for_good: bool = False):
        super().__init__(reason)
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class CalendarPart:
    """An iCalendar object in a mail, and what it asks of its reader: "REQUEST" or "CANCEL" (RFC 6047)."""

    method: str
    content: bytes


def channels() -> dict[str, str | None]:
    """Name of every channel in the environment → why it cannot be used, or None."""
    names = sorted(key for key in os.environ if key.startswith(PREFIX))
    return {_name_of(key): _fault(os.environ[key]) for key in names}


def send_mail(
    address: str,
    subject: str,
    body: str,
    *,
    message_id: str,
    attachment: tuple[str, bytes] | None = None,
    calendar: CalendarPart | None = None,
) -> None:
    """Send one e-mail. The same ``message_id`` sent twice is one message to a mail reader.

    A ``calendar`` is another form of the text, for programs that answer it, and a file for all others.

    Raises NotDelivered.
    """
    message = EmailMultiAlternatives(
        _one_line(subject), body, to=[address], headers={"Message-ID": f"<{message_id}@gtm-governance>"}
    )
    if attachment is not None:
        message.attach(attachment[0], attachment[1], "application/json")
    if calendar is not None:
        text = calendar.content.decode()
        message.attach_alternative(text, f"text/calendar; method={calendar.method}; charset=utf-8")
        message.attach("invite.ics", calendar.content, "application/ics")
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        raise NotDelivered("The mail server refuses the address.", for_good=True) from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"The mail server did not accept the message ({type(error).__name__}).") from error


def send_to_channel(name: str, subject: str, body: str) -> None:
    """Send one message to a channel of the environment. Raises NotDelivered, never naming the URL."""
    url = os.environ.get(PREFIX + name.upper().replace("-", "_"), "")
    if fault := _fault(url):
        raise NotDelivered(f"Channel {name}: {fault}", for_good=True)
    asset = apprise.AppriseAsset(app_id="GTM Governance", http_redirects=False, secure_logging=True)
    sender = apprise.Apprise(asset=asset)
    if not sender.add(url):
        raise NotDelivered(f"Channel {name}: its address is not complete.", for_good=True)
    if not sender.notify(title=_one_line(subject), body=body, body_format=apprise.NotifyFormat.TEXT):
        raise NotDelivered(f"Channel {name} did not accept the message.")


def _fault(url: str) -> str | None:
    if not url:
        return "no channel of this name is set up."
    scheme = url.partition("://")[0].lower()
    if scheme not in settings.GTM_CHANNEL_SCHEMES:
        return "its scheme is not among those allowed (GTM_CHANNEL_SCHEMES)."
    return None


def _name_of(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower().replace("_", "-")


def _one_line(text: str) -> str:
    return " ".join(text.split())
