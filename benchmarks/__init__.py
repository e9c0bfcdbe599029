"""Measurements of speed and memory: ``python -m benchmarks``; and the soak, ``python -m benchmarks.soak``."""
