"""Secrets that callers and this server share, for webhooks that are signed with one (HMAC).

Unlike an API key such a secret cannot be kept as a hash: it is needed for every signature. So it is kept nowhere, but
derived from a key in the data folder and a salt in the database; whoever reads only one of the two has nothing.
"""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field

from rubylith.database import webhook_secrets
from rubylith.database.connection import Database, reading, writing


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """One secret per owner, once they have asked for one. key: 32 bytes or more, the same on every node."""

    database: Database = field(repr=False)
    key: bytes = field(repr=False)

    def rotate(self, owner: str) -> str:
        """A new secret, 64 hexadecimal digits, in the place of the last one, which signs nothing any more."""
        salt = secrets.token_hex(32)
        with writing(self.database) as connection:
            webhook_secrets.rotate(connection, owner, salt=salt, now=time.time())
        return self._derived(owner, salt)

    def of(self, owner: str) -> str | None:
        """The secret that this owner's webhooks are signed with; None before the first rotation."""
        with reading(self.database) as connection:
            salt = webhook_secrets.salt_of(connection, owner)
        return None if salt is None else self._derived(owner, salt)

    def _derived(self, owner: str, salt: str) -> str:
        return hmac.new(self.key, f"webhook secret\n{salt}\n{owner}".encode(), hashlib.sha256).hexdigest()
