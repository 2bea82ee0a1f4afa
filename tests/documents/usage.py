"""The usage lines of the documents, word for word."""

PLAN_LOYALTY = "loyalty-lifecycle-orchestration:plan-loyalty"
MONITOR_LOYALTY = "loyalty-lifecycle-orchestration:monitor-loyalty"
OPTIMIZE_REFERRALS = "referral-program-orchestration:optimize-referrals"
LAUNCH_PROGRAM = "referral-program-orchestration:launch-program"
TRACK_SOURCE = "partner-co-marketing-orchestration:track-source"

PLAN = f"/{PLAN_LOYALTY} --goal retention --tiers 3 --budget 50000"
MONITOR = f'/{MONITOR_LOYALTY} --window 30d --detail full --dimensions "tier,region"'
OPTIMIZE = f'/{OPTIMIZE_REFERRALS} --window 30d --detail full --dimensions "channel,partner-tier"'
LAUNCH = (
    f'/{LAUNCH_PROGRAM} --program "Customer Advocates" --launch-date 2025-12-10 --channels "email,in-app"'
)
TRACK = f'/{TRACK_SOURCE} --campaign "AI Launch Tour" --window 30d --detail full'
LAUNCH_DAY = "2027-02-10"
"""The day of launches that are in time."""
