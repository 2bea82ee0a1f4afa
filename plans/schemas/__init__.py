"""Pure forms: declarations, inputs, outputs. No Django."""
