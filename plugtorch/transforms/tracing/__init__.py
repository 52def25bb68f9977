"""Recording what a function does as a straight program: symbols in the place of arrays, hooks where tensors are read."""
