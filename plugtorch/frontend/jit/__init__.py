"""``torch.jit``: scripting and tracing, by which nothing is compiled: Python runs the functions and modules."""
