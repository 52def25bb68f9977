"""``torch.testing``: comparing results, and random tensors to test with."""
