"""Helpers for training modules."""
