"""A page to play with: what a visitor asks of a system, and what it answers."""
