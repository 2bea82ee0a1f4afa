"""Well-known providers of throw-away mailboxes."""

DISPOSABLE_DOMAINS = frozenset({
    "0-mail.com", "10minutemail.com", "10minutemail.net", "20minutemail.com", "33mail.com", "anonbox.net",
    "anonymbox.com", "burnermail.io", "byom.de", "deadaddress.com", "discard.email", "discardmail.com",
    "disposableinbox.com", "dispostable.com", "dropmail.me", "emailondeck.com", "fakeinbox.com",
    "fakemail.net", "getairmail.com", "getnada.com", "grr.la", "guerrillamail.biz", "guerrillamail.com",
    "guerrillamail.de", "guerrillamail.info", "guerrillamail.net", "guerrillamail.org",
    "guerrillamailblock.com", "harakirimail.com", "incognitomail.org", "inboxbear.com", "inboxkitten.com",
    "jetable.org", "kasmail.com", "mail-temporaire.fr", "mailcatch.com", "maildrop.cc", "mailexpire.com",
    "mailinator.com", "mailinator.net", "mailinator2.com", "mailnesia.com", "mailnull.com", "mailsac.com",
    "mintemail.com", "moakt.com", "mohmal.com", "mt2015.com", "mytemp.email", "mytrashmail.com",
    "nada.email", "one-time.email", "pokemail.net", "sharklasers.com", "sogetthis.com", "spam4.me",
    "spambog.com", "spambox.us", "spamex.com", "spamfree24.org", "spamgourmet.com", "temp-mail.io",
    "temp-mail.org", "tempail.com", "tempinbox.com", "tempmail.dev", "tempmail.net", "tempmailo.com",
    "tempr.email", "throwawaymail.com", "trash-mail.com", "trashmail.com", "trashmail.de", "trashmail.net",
    "trbvm.com", "wegwerfmail.de", "wegwerfmail.net", "yopmail.com", "yopmail.fr", "yopmail.net",
    "zetmail.com",
})  # fmt: skip
"""Domains in lower case. A program's own list is better; this one catches the many who take the first hit."""
