"""Backends made of another backend."""
