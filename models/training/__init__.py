"""A run: settings, the Lightning module, and the record of what was done."""
