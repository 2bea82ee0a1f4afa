"""What the tasks of optimize-referrals compute, and the helpers they share."""
