"""The demo organisation: made-up people around data nobody here made up."""
