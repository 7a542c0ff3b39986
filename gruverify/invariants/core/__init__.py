"""What every family is made of: registry, trial, residual and claim, calls of the backend, changes
of a case.
"""
