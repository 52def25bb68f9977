"""The models an overview of PyTorch names: logistic regression, a multilayer perceptron, a custom function, batch
normalisation and dropout, momentum and adaptive optimizers, an LSTM classifier, a generative adversarial pair, and a
recommender by matrix factorisation. Each must learn."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def descend(parameters, loss_of, steps=30, make=lambda p: torch.optim.Adam(p, lr=0.05)):
    optimizer = make(parameters)
    first = None
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        first = loss.item() if first is None else first
    assert loss.item() < first, (first, loss.item())
    return loss.item()


array = np.arange(6.0).reshape(2, 3)
assert torch.from_numpy(array).sum().item() == array.sum() and torch.ones(2).numpy().tolist() == [1, 1]

x = torch.randn(64, 2)
y = (x[:, 0] + x[:, 1] > 0).float()
logistic = nn.Linear(2, 1)
print('logistic %.3f' % descend(logistic.parameters(), lambda: F.binary_cross_entropy(
    torch.sigmoid(logistic(x)).squeeze(1), y)))


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        ctx.save_for_backward(t)
        return t ** 3

    @staticmethod
    def backward(ctx, g):
        t, = ctx.saved_tensors
        return 3 * t * t * g


t = torch.tensor(2.0, requires_grad=True)
Cube.apply(t).backward()
print(t.grad)

mlp = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2))
l2 = lambda: sum((p * p).sum() for p in mlp.parameters())
l1 = lambda: sum(p.abs().sum() for p in mlp.parameters())
for make in (lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True), lambda p: torch.optim.Adagrad(p, lr=0.05),
             lambda p: torch.optim.RMSprop(p, lr=0.005), lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=1e-4)):
    print('mlp %.3f' % descend(mlp.parameters(), lambda: F.cross_entropy(mlp(x), y.long()) + 1e-4 * (l1() + l2()), 20,
                               make))


class Sentiment(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        self.out = nn.Linear(16, 2)

    def forward(self, tokens):
        _, (h, _) = self.lstm(self.embed(tokens))
        return self.out(h[-1])


tokens = torch.randint(0, 20, (16, 7))
moods = (tokens.float().mean(1) > 9.5).long()
reader = Sentiment()
print('lstm %.3f' % descend(reader.parameters(), lambda: F.cross_entropy(reader(tokens), moods), 15))

generator = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
goal = nn.BCEWithLogitsLoss()
g_opt, d_opt = torch.optim.Adam(generator.parameters(), 0.01), torch.optim.Adam(critic.parameters(), 0.01)
for _ in range(20):
    real, fake = torch.randn(32, 2) * 0.1 + 2, generator(torch.randn(32, 4))
    d_loss = goal(critic(real), torch.ones(32, 1)) + goal(critic(fake.detach()), torch.zeros(32, 1))
    d_opt.zero_grad()
    d_loss.backward()
    d_opt.step()
    g_loss = goal(critic(fake), torch.ones(32, 1))
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
print('gan %.3f %.3f' % (d_loss.item(), g_loss.item()))

users, items = torch.randint(0, 10, (50,)), torch.randint(0, 12, (50,))
ratings = torch.rand(50) * 4 + 1
u, v = nn.Embedding(10, 4), nn.Embedding(12, 4)
print('ratings %.3f' % descend([*u.parameters(), *v.parameters()], lambda: F.mse_loss((u(users) * v(items)).sum(1),
                                                                                     ratings)))
