"""Where states go: fixed points, the Jacobian there, and long runs."""
