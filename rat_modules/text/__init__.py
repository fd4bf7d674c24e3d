"""Captions to sentence vectors. Every encoder has `cond_dim` and `encode`; a closed vocabulary also `unknown_words`."""
