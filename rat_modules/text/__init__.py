"""Captions to sentence vectors. Every encoder has `cond_dim` and `encode`; those with words of their own also `unknown_words`."""
