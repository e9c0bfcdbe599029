"""What a person at the terminal sees: text, events, the drawn picture, video files."""
