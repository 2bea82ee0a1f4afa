"""Events by HTTP: the change log is read for each subscription, and posted in the order of each plan."""

DOORS = ("outbox", "signing", "subscriptions")
