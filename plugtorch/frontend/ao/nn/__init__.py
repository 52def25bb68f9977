"""``torch.ao.nn``: fused, quantisable and quantised modules."""
