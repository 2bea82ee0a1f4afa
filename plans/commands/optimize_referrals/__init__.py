"""optimize-referrals: performance, fraud risk and partner health of a referral program, and what to do next."""
