"""Attention beyond ``scaled_dot_product_attention``."""
