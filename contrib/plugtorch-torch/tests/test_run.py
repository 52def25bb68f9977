"""A script written for torch, run on plugtorch, run on torch's arrays: the name `torch` means two things at once."""

import subprocess
import sys

SCRIPT = """
import torch, torch.nn as nn, torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
import torch.optim as optim
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10))
opt = optim.Adam(net.parameters())
for x, y in DataLoader(TensorDataset(torch.randn(8, 1, 8, 8), torch.arange(8)), batch_size=4):
    loss = F.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(torch.__name__, torch.ones(1).backend, type(torch.ones(1)._a).__module__, f"{loss.item():.5f}")
try:
    import torch.no_such_part
except ModuleNotFoundError as error:
    print(error)
"""


def test_a_script_runs_on_torchs_arrays(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)

    def lines(backend):
        command = [sys.executable, "-m", "plugtorch", "run", "--backend", backend, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")

    ours, other = lines("torch"), lines("numpy")
    assert ours[0].split()[:3] == ["plugtorch", "torch", "torch"]
    assert ours[0].split()[3] == other[0].split()[3]
    assert ours[1] == "No module named 'torch.no_such_part': plugtorch does not offer it"
