"""Layers and directions: values, gradients, and what relates one stack to another."""
