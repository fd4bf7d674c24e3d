"""Which caption belongs to which picture: a text and an image encoder that are trained together."""
