"""What bench/peers.py is made of: scenes, libraries that run the same layers, clocks, checks, reports."""
