"""What the tasks of monitor-loyalty compute, and the helpers they share."""
