"""What the tasks of track-source compute, and the helpers they share."""
