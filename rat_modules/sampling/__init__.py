"""Drawing from a trained system, and pictures as files."""
