"""Building blocks: plain `torch.nn.Module`s, usable with no registry and no recipe."""
