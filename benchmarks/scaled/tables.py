"""The blocks of docs/scaling.md."""
