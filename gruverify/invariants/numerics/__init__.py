"""Special numbers, σ and tanh swept densely, other formats."""
