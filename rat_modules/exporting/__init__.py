"""A trained generator as a file, or a page, that draws where neither rat_modules nor its recipe is."""
