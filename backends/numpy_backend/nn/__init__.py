"""Neural-network kernels on NumPy arrays: plain functions, arrays positional, parameters by keyword."""
