"""What a data loader is made of."""
