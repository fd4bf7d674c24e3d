"""Training: phases (what one step computes), the loop, and what a run leaves on disk."""
