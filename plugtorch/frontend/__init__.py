"""What a user types: Tensor, nn, optim, utils.data, random and the functions of ``torch``."""
