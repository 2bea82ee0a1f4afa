"""REST for plans: commands, runs, plans, tasks, approvals, escalations."""
