"""Programs timed on every library side by side: ``python -m benchmarks``."""
