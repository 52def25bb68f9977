"""A user's program in every import form, for the type checker alone: each name must resolve."""

import plugtorch
import plugtorch as torch
import plugtorch.nn as nn
import plugtorch.nn.functional as F
import plugtorch.optim as optim
from plugtorch import Tensor
from plugtorch.nn import Module
from plugtorch.nn.modules.linear import Linear
from plugtorch.nn.parameter import Parameter
from plugtorch.optim.lr_scheduler import StepLR
from plugtorch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 1)
        self.scale = Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.fc(x)) * self.scale


net = Net()
optimizer = optim.SGD(net.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=1)
loader = DataLoader(TensorDataset(torch.zeros(4, 2)), batch_size=2)
layers: list[type[Module]] = [Linear, nn.Conv2d]
plugtorch.set_backend("numpy")
