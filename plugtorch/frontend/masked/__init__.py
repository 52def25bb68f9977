"""Functions of tensors with a mask of the elements that count, and tensors that carry one."""
