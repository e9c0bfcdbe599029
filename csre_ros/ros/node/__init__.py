"""The node: lifecycle, parameters, services, diagnostics, and the stream from input to output."""
