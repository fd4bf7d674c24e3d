"""Whole networks, their layers injected."""
