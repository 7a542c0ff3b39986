"""Values and derivatives lie in the balls of the mathematics, whole runs and step by step."""
