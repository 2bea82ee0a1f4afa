"""monitor-loyalty: how a loyalty program does, who its members are becoming, and what its experiments say."""
