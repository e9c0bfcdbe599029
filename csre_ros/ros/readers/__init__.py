"""From the bytes of messages to frames. Readers need the message classes, but no graph."""
