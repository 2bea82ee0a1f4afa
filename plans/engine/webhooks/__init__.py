"""Events by HTTP: out from the change log, in the order of each plan; in by signed messages of rows."""

DOORS = ("incoming", "outbox", "signing", "subscriptions")
