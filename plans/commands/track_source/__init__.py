"""track-source: who sourced and influenced what in a joint campaign, and what to do next."""
