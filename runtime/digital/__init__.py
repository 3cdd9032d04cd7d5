"""Digital segments on ONNX Runtime."""
