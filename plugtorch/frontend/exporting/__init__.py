"""Recorded programs outside of the call that they were recorded for: exported, saved, drawn, counted, and as ONNX."""
