"""``torch.fx``: recording the calls of a function as a graph, changing it, and running it as Python."""
