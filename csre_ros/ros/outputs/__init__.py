"""What the node says: messages about people, made of one report."""
