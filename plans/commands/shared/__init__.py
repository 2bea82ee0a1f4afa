"""What the monitoring commands share: windows, breakdowns, alert thresholds, readouts of experiments."""
