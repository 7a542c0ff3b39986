"""The same layer as a PyTorch module that reads padded batches."""

import torch


class MaskedGRU(torch.nn.Module):
    """nn.GRUCell over a padded batch: from its length on a member keeps its state."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, xs, h, lengths):
        """Xs (T, B, I), h (B, H), lengths (B,) -> the last states (B, H)."""
        for t, x in enumerate(xs):
            h = torch.where((t < lengths)[:, None], self.cell(x, h), h)
        return h


class ForgetfulGRU(MaskedGRU):
    """The bug: padding is multiplied with, not selected, so that a padded member's state
    becomes 0.
    """

    def forward(self, xs, h, lengths):
        for t, x in enumerate(xs):
            h = (t < lengths)[:, None] * self.cell(x, h)
        return h
