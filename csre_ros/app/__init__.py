"""The ``csre`` command."""
