"""Probability distributions, their transforms and divergences: PyTorch's ``torch.distributions``."""
