"""Skeletons in the messages of other packages. Pure functions on messages or their bytes: they need no graph."""
