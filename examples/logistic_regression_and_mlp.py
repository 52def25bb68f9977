"""Trains logistic regression and a multi-layer perceptron on images of clothes (Fashion-MNIST), and compares them.

An ordinary PyTorch program: run it with PyTorch, or with ``plugtorch run examples/logistic_regression_and_mlp.py``.
"""

import argparse
import os
import time

import pictures
import torch
from fashion_mnist_cnn import HERE, load  # the folder of a program is where Python looks first
from torch import nn, optim
from torch.utils.data import DataLoader

CLASSES = 10
PIXELS = 28 * 28


class LogisticRegression(nn.Module):
    """A weight per class and pixel: the classes are told apart by planes."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(PIXELS, CLASSES)

    def forward(self, images):
        return self.linear(images.flatten(1))


class MLP(nn.Sequential):
    def __init__(self, hidden):
        super().__init__(
            nn.Flatten(),
            nn.Linear(PIXELS, hidden), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(hidden, hidden // 2), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(hidden // 2, CLASSES),
        )


def training_step(model, criterion, optimizer):
    def step(images, labels):
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def train(model, loader, lr, epochs, steps, compiled):
    """The loss of each step; with ``steps``, of so many."""
    optimizer = optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(loader))
    step = training_step(model, nn.CrossEntropyLoss(), optimizer)
    if compiled:
        step = torch.compile(step)
    losses = []
    for epoch in range(1, epochs + 1):
        model.train()
        for images, labels in loader:
            losses.append(step(images, labels).item())
            scheduler.step()
            if steps and len(losses) >= steps:
                return losses
        mean = sum(losses[-len(loader):]) / len(loader)
        print(f"epoch {epoch}: loss {mean:.4f}")
    return losses


@torch.no_grad()
def accuracy(model, dataset):
    model.eval()
    correct = sum((model(images).argmax(1) == labels).sum().item() for images, labels in DataLoader(dataset, batch_size=500))
    return 100 * correct / len(dataset)


def baselines(training, testing):
    """Accuracies without any training: of always the commonest class, and of the class whose mean image is nearest."""
    images, labels = training.tensors
    commonest = torch.bincount(labels, minlength=CLASSES).argmax()
    means = torch.stack([images[labels == c].mean(0) for c in range(CLASSES)]).flatten(1)
    nearest = torch.cdist(testing.tensors[0].flatten(1), means).argmin(1)
    return [100 * (guess == testing.tensors[1]).sum().item() / len(testing) for guess in (commonest, nearest)]


def draw(losses, path):
    def on(figure):
        axes = figure.subplots()
        for name, values in losses.items():
            axes.plot(values, linewidth=0.8, label=name)
        axes.set(title="training loss", xlabel="step", ylabel="cross-entropy")
        axes.legend()

    pictures.save(path, on, size=(6, 4))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.path.join(HERE, "data", "fashion-mnist"))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--hidden", type=int, default=256, help="units of the perceptron's first hidden layer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop each model after so many steps and print each loss")
    parser.add_argument("--compile", action="store_true", help="compile the training step")
    parser.add_argument("--out", default="runs", help="folder for the checkpoint and the picture")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    training, testing = load(args.data, "train"), load(args.data, "t10k")
    loader = DataLoader(training, batch_size=args.batch_size, shuffle=True)
    models = {"logistic regression": (LogisticRegression(), 5e-4), "multi-layer perceptron": (MLP(args.hidden), 2e-3)}

    losses, accuracies = {}, {}
    for name, (model, lr) in models.items():
        print(f"{name}: {sum(p.numel() for p in model.parameters()):,} parameters")
        start = time.time()
        losses[name] = train(model, loader, lr, args.epochs, args.steps, args.compile)
        if args.steps:
            for step, loss in enumerate(losses[name]):
                print(f"step {step} loss {loss:.8f}")
            continue
        accuracies[name] = accuracy(model, testing)
        print(f"Finished training in {time.time() - start:.0f} s: accuracy {accuracies[name]:.1f} %")
    if args.steps:
        return

    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "logistic_regression_and_mlp.pt")
    torch.save({name: model.state_dict() for name, (model, _) in models.items()}, checkpoint)
    print(f"checkpoint: {checkpoint}")
    draw(losses, os.path.join(args.out, "logistic_regression_and_mlp.png"))
    commonest, nearest = baselines(training, testing)
    for name, value in accuracies.items():
        print(f"result: accuracy of {name} {value:.1f} % (baseline {commonest:.1f}: the commonest class; "
              f"baseline {nearest:.1f}: nearest class mean)")


if __name__ == "__main__":
    main()
