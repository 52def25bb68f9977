"""First steps: a tensor, a variable, a gradient, a module. The last line of the third part prints ``tensor(6.)``."""

import torch
import torch.nn as nn

t = torch.tensor([[1, 2]])
print(t)

v = torch.variable(t)
print(v)


def square(x):
    return x * x


t = torch.tensor(3.0)
v = torch.variable(t)
y = square(v)
y.backward()
print(t.grad)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(1, 2)
        self.fc2 = nn.Linear(2, 1)

    def forward(self, x):
        return self.fc2(self.fc1(x))


print(Net())
