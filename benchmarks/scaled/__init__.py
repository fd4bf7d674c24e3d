"""The measurements of `benchmarks/scaling.py`, one module a subject, and the tables that are made of them."""
