"""Coding agents at their door, with the official SDK's client."""
