"""One module on several devices or processes."""
