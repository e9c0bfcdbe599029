"""Recognition: tracker, window, bundle, decoder, and the Recognizer that joins them."""
