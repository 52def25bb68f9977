"""What the device surfaces of ``torch`` answer for the active backend."""
