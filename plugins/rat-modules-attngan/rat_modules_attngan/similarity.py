"""The scores that the matching loss is made of, which the core has: a matrix of all pairs."""

from rat_modules.losses.similarity import sentence_similarity, word_similarity

__all__ = ["sentence_similarity", "word_similarity"]
