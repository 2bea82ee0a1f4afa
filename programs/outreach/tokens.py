"""Words that a mailing tool fills in when it sends: they pass through everything here byte for byte.

Templates name them, ``{{ token.first_name }}``, or hold them as they are between raw tags. While a piece is
made each stands as a word of letters and digits, which no escaping, encoding or inlining of styles changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

CODE, UNSUBSCRIBE, ADDRESS = "code", "unsubscribe", "address"
"""Names with a meaning of their own: the recipient's referral code, the way out, the sender's address."""
# Mailchimp, HubSpot, Klaviyo, Liquid and Braze, Salesforce, and those with double brackets.
_WRITTEN = re.compile(
    r"\*\|[^|\n]+\|\*|\{\{\{?.*?\}\}\}?|\{%.*?%\}|%%[\w.:|= -]+%%|\[\[[^\]\n]+\]\]|\$\{[\w.|]+\}", re.DOTALL
)


class Tokens:
    """The tokens of one piece: sealed as words, and put back in the end."""

    def __init__(self, declared: Mapping[str, str]):
        self._words: dict[str, str] = {}
        self.by_name = {name: self._word(token) for name, token in declared.items()}

    def _word(self, token: str) -> str:
        word = f"gtmtoken{hashlib.sha256(token.encode()).hexdigest()[:16]}e"
        self._words[word] = token
        return word

    def seal(self, text: str) -> str:
        """``text`` with the tokens that are written out in it as words."""
        return _WRITTEN.sub(lambda found: self._word(found[0]), text)

    def open(self, text: str) -> str:
        """``text`` with every token as its mailing tool reads it."""
        for word, token in self._words.items():
            text = text.replace(word, token)
        return text

    def stand_in(self, text: str, code: str) -> str:
        """``text`` as a check can follow it: the test code for the recipient's, a word for every other."""
        if CODE in self.by_name:
            text = text.replace(self.by_name[CODE], code)
        for word in self._words:
            text = text.replace(word, "qa")
        return text
