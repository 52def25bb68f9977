"""Programs as ONNX models: a writer, and how each op is said in ONNX, by family of ops."""
