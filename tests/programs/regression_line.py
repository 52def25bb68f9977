"""A line fitted to noisy points."""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(0)
x = torch.randn(100, 1)
y = x * 2 + 1 + torch.randn(100, 1)
model = nn.Linear(1, 1)
criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.05)
for epoch in range(100):
    y_pred = model(x)
    loss = criterion(y_pred, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print('loss %.4f weight %.3f bias %.3f' % (loss.item(), model.weight.item(), model.bias.item()))
