"""How good the pictures are, and whether they show what the captions say."""
