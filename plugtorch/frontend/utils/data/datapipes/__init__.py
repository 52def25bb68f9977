"""Data pipes: datasets made of one another by steps such as map, filter, shuffle and batch."""
