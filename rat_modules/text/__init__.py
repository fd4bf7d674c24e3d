"""Captions to sentence vectors. Every encoder is a module with `cond_dim`, `encode` and `unknown_words`."""
