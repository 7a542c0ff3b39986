"""The three cases of the question, carry, forget and Elman, and gates that are held constant."""
