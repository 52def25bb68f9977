"""Matrix functions: factorisations, solvers, functions of matrices, norms and distances."""
