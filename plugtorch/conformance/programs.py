"""Programs whose results under PyTorch are stored in ``recorded.json`` (``scripts/record_conformance.py`` makes it).

Each takes the library as its argument, so that the same lines run under PyTorch and here.
"""

from __future__ import annotations

# Draws from the generator: whatever the backend, a seed gives PyTorch's numbers.
DRAWS = {
    "rand": lambda torch: torch.rand(5),
    "rand float64": lambda torch: torch.rand(5, dtype=torch.float64),
    "randn few": lambda torch: torch.randn(7),
    "randn many": lambda torch: torch.randn(40),
    "randn float64": lambda torch: torch.randn(17, dtype=torch.float64),
    "rand then randn": lambda torch: torch.cat([torch.rand(3), torch.randn(20), torch.rand(2)]),
    "randint": lambda torch: torch.randint(-5, 100, (12,)),
    "randperm": lambda torch: torch.randperm(20),
    "normal": lambda torch: torch.normal(torch.arange(4.0), 0.5),
    "uniform_": lambda torch: torch.empty(6).uniform_(-2, 3),
    "bernoulli": lambda torch: torch.bernoulli(torch.full((16,), 0.3)),
    "bernoulli_": lambda torch: torch.empty(16).bernoulli_(0.7),
    "exponential_": lambda torch: torch.empty(6).exponential_(2.0),
    "geometric_": lambda torch: torch.empty(6).geometric_(0.3),
    "multinomial": lambda torch: torch.multinomial(torch.tensor([0.1, 0.2, 0.3, 0.4]), 10, replacement=True),
    "multinomial without": lambda torch: torch.multinomial(torch.tensor([0.1, 0.2, 0.3, 0.4]), 4),
    "dropout": lambda torch: torch.nn.functional.dropout(torch.ones(20), 0.4),
    "linear": lambda torch: torch.nn.Linear(3, 2).weight,
    "conv": lambda torch: torch.nn.Conv2d(2, 3, 2).weight,
    "embedding": lambda torch: torch.nn.Embedding(4, 3).weight,
    "own generator": lambda torch: torch.rand(4, generator=torch.Generator().manual_seed(7)),
}


def convolutional(torch, compile=None):
    """Convolution, BatchNorm, pooling, dropout; SGD with momentum and weight decay."""
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Conv2d(4, 6, 3, stride=2), nn.GELU(), nn.Dropout(0.25), nn.Flatten(), nn.Linear(6, 5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    return train(torch, model, optimizer, torch.randn(8, 1, 6, 6), torch.randint(5, (8,)),
                 lambda out, y: nn.functional.cross_entropy(out, y, label_smoothing=0.1), compile=compile)


def recurrent(torch, compile=None):
    """Embedding, LSTM, LayerNorm; AdamW with clipped gradients."""
    nn = torch.nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.lstm = nn.Embedding(11, 6), nn.LSTM(6, 5, num_layers=2, batch_first=True)
            self.norm, self.head = nn.LayerNorm(5), nn.Linear(5, 3)

        def forward(self, x):
            out, _ = self.lstm(self.embed(x))
            return self.head(self.norm(out[:, -1]))

    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    return train(torch, model, optimizer, torch.randint(11, (6, 5)), torch.randint(3, (6,)), nn.functional.cross_entropy,
                 clip=0.5, compile=compile)


def attention(torch, compile=None):
    """A transformer layer on a regression; Nesterov's momentum and a schedule.

    (Not Adam: the gradient of the keys' bias is zero but for rounding, which Adam would scale up.)
    """
    nn = torch.nn
    model = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    x = torch.randn(3, 4, 8)
    return train(torch, model, optimizer, x, x.mean(-1, keepdim=True).sin(), nn.functional.mse_loss,
                 schedule=torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5), compile=compile)


def train(torch, model, optimizer, x, y, loss_of, clip=None, schedule=None, steps=6, compile=None):
    """Losses of some steps, then the sum of absolute parameters and buffers, then a prediction without dropout.

    With ``compile`` the whole step is one compiled function.
    """

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss

    step = compile(step, fullgraph=True) if compile else step
    results = []
    for _ in range(steps):
        results.append(step(x, y).item())
        if schedule:
            schedule.step()
    results += [v.abs().sum().item() for v in model.state_dict().values()]
    model.eval()
    with torch.no_grad():
        return [*results, *model(x).reshape(-1)[:6].tolist()]


TRAININGS = {f.__name__: f for f in (convolutional, recurrent, attention)}
SEED = 2024
