"""Small networks that are exported, and their example arguments."""

from __future__ import annotations

import plugtorch as torch
from plugtorch import nn
from plugtorch.nn import functional as f


class Residual(nn.Module):
    """Two convolutions with batch normalisation around a short cut."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.norm2 = nn.Conv2d(6, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6)
        self.short = nn.Conv2d(3, 6, 1, 2)
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        y = f.relu(self.norm1(self.conv1(x)))
        y = f.relu(self.norm2(self.conv2(y)) + self.short(x))
        return self.head(y.mean((2, 3)))


class Reader(nn.Module):
    """Two layers of a recurrent network in both directions, and all that it gives."""

    def __init__(self, kind):
        super().__init__()
        self.layers, self.head = kind(5, 6, num_layers=2, bidirectional=True), nn.Linear(12, 3)

    def forward(self, x):
        out, state = self.layers(x)
        return self.head(out[-1]), {"state": state}


class Block(nn.Module):
    """A block of a transformer with causal attention, on token numbers."""

    def __init__(self, size=16, heads=2, vocabulary=11):
        super().__init__()
        self.heads, self.tokens, self.places = heads, nn.Embedding(vocabulary, size), nn.Embedding(8, size)
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.qkv, self.proj = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.up, self.down = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.head = nn.Linear(size, vocabulary)

    def forward(self, text):
        x = self.tokens(text) + self.places(torch.arange(text.shape[1]))
        b, t, c = x.shape
        q, k, v = (z.view(b, t, self.heads, -1).transpose(1, 2) for z in self.qkv(self.norm1(x)).split(c, 2))
        y = f.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, c))
        return self.head(x + self.down(f.gelu(self.up(self.norm2(x)))))


def convolutional():
    """Convolutions, pooling, dropout and a softmax."""
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, padding=1), nn.AvgPool2d(3),
                         nn.Dropout(), nn.Flatten(), nn.Linear(36, 5), nn.LogSoftmax(1))


# name -> (a module, its example arguments)
NETWORKS = {
    "mlp": lambda: (nn.Sequential(nn.Linear(7, 9), nn.Tanh(), nn.Linear(9, 3), nn.Softmax(1)), (torch.randn(4, 7),)),
    "cnn": lambda: (convolutional(), (torch.randn(2, 1, 20, 20),)),
    "resnet": lambda: (Residual(), (torch.randn(2, 3, 9, 9),)),
    "lstm": lambda: (Reader(nn.LSTM), (torch.randn(4, 2, 5),)),
    "gru": lambda: (Reader(nn.GRU), (torch.randn(4, 2, 5),)),
    "rnn": lambda: (Reader(nn.RNN), (torch.randn(4, 2, 5),)),
    "gpt": lambda: (Block(), (torch.randint(0, 11, (2, 8)),)),
}


def network(name):
    """A module in eval mode and its arguments."""
    module, args = NETWORKS[name]()
    for p in module.parameters():
        p.requires_grad_(True)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    return module.eval(), args
