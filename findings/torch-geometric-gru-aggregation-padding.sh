#!/bin/sh
# torch_geometric 2.8.1: GRUAggregation of a node depends on how many neighbours the other nodes have.
#
# The elements of each node are put side by side, filled up with zeros to the longest, and the GRU's output at the last
# place is taken: a node with fewer elements ends in its state after the zeros, which is not its state after its own
# elements. A node without elements gets the state after zeros alone. So the same two elements have another aggregate in a
# batch with a node of five.
#
# Seen: alone, the aggregate is the GRU's last output over the two elements; beside a node of five it is off by more than
# 0.05, and equals the GRU's over the two elements and three zeros.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch-geometric==2.8.1 torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import torch
import torch_geometric
from torch_geometric.nn.aggr import GRUAggregation

print("torch_geometric", torch_geometric.__version__, "torch", torch.__version__)
assert torch_geometric.__version__ == "2.8.1"
torch.manual_seed(0)
aggregate = GRUAggregation(3, 4)
two, five = torch.randn(2, 3), torch.randn(5, 3)

alone = aggregate(two, torch.tensor([0, 0]))[0]
beside = aggregate(torch.cat([two, five]), torch.tensor([0] * 2 + [1] * 5))[0]
own = aggregate.gru(two[None])[0][0, -1]
padded = aggregate.gru(torch.cat([two, torch.zeros(3, 3)])[None])[0][0, -1]

off = float((beside - alone).abs().max())
print(f"two elements, alone and beside a node of five: off by {off:.3g}")
print("alone, it is the GRU over the two:", torch.allclose(alone, own, atol=1e-6))
print("beside, it is the GRU over the two and three zeros:", torch.allclose(beside, padded, atol=1e-6))
assert off > 0.05 and torch.allclose(alone, own, atol=1e-6), "the behaviour has changed"
assert torch.allclose(beside, padded, atol=1e-6), "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
