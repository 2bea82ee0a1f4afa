"""The signals of plan-loyalty that its triggers listen for."""

COMPLIANCE_BLOCKER = "compliance-blocker"
NEGATIVE_ROI = "negative-roi"
