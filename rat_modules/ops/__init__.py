"""Pure functions, one op a file; each docstring states to which order the op is differentiable."""
