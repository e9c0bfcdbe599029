"""What a bundle computes: preprocessing, input streams, encoder and head, in one graph."""
