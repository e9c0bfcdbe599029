"""``csre teach``: gestures shown to a camera, or taken from a file, become labels of a gallery."""
