"""Declarations as data, without Django."""
