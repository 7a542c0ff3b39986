"""Trains the three small GRUs of this folder, seconds each: python tests/data/train.py

--units 64 --folder DIR trains larger ones into another folder, minutes each.

Each is an nn.GRU with a linear readout of its states, trained with Adam from PyTorch's own
initialisation. NAME.npz has its weights by PyTorch's names ("rnn.weight_ih_l0"), those of the
readout, inputs of its task as `x` (T, B, I), and what wrote it as `about`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from tasks import TASKS
from torch import nn

HERE = Path(__file__).parent
SEED, UNITS, MEMBERS, RECORDED = 0, 8, 64, 8
UPDATES = {"adding": 1500, "delay": 800, "integrator": 800}


class Model(nn.Module):
    """A GRU and a readout of its states."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.rnn, self.readout = nn.GRU(inputs, units), nn.Linear(units, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """X (T, B, I) -> (T, B, 1)."""
        outputs: torch.Tensor = self.readout(self.rnn(x)[0])
        return outputs


def train(name: str, units: int, folder: Path) -> None:
    """Train a model of a task and write it."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    draw = TASKS[name]
    model = Model(draw(rng, 1)[0].shape[-1], units)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, UPDATES[name])
    loss = torch.tensor(0.0)
    for _ in range(UPDATES[name]):
        x, y = map(torch.from_numpy, draw(rng, MEMBERS))
        loss = ((model(x)[-len(y) :] - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    weights = {key: value.numpy() for key, value in model.state_dict().items()}
    x, y = draw(np.random.default_rng(SEED + 1), RECORDED)
    about = f"torch {torch.__version__}, seed {SEED}, {UPDATES[name]} updates"
    np.savez_compressed(folder / f"{name}.npz", x=x, about=np.array(about), **weights)
    print(f"{name}: off by {loss.item() ** 0.5:.3f} where answers vary by {y.std():.3f} (rms)")


def main() -> None:
    """Train a model of each task."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", type=int, default=UNITS)
    parser.add_argument("--folder", type=Path, default=HERE)
    asked = parser.parse_args()
    for task in TASKS:
        train(task, asked.units, asked.folder)


if __name__ == "__main__":
    main()
