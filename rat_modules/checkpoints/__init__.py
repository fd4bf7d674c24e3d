"""Files: safetensors folders of our own, and the published `.pth` files."""
