"""What the tasks of plan-loyalty compute, and the helpers they share."""
