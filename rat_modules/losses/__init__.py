"""Losses take plain tensors, return plain tensors and never step an optimizer."""
