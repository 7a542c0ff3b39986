"""A GRU layer in NumPy, and one in PyTorch."""
