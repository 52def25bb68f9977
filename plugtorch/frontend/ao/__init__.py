"""``torch.ao``."""
