"""What gradients must be beside their value: their shape, their parts, and the cotangents that they
are linear in.
"""
