"""launch-program: tooling, communications, enablement and go-live of a referral program, by its runbook."""
