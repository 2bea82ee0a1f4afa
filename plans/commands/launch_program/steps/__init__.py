"""What the tasks of launch-program compute, and the helpers they share."""
