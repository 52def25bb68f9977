"""``torch.ao.quantization``: models quantised step by step, with observers, configurations and quantised modules.

No array library here has kernels of 8-bit integers: a quantised module keeps its weight as integers and computes in floats.
"""
