"""Compilation: a function is recorded once per kind of call, and its program is run at the calls after."""
