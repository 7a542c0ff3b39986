"""What an implementation owes its caller, whatever it computes: shapes, memory, the same bits,
fresh weights.
"""
