"""From a trained run to a bundle: scores, thresholds, the ONNX file."""
