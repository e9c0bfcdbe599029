"""``csre dash``: a local web page with what is recognised, live."""
