"""Loaded data: contracts, readers, immutable snapshots and queries over them. No Django."""
