"""Trains the classic convolutional network on images of clothes (Fashion-MNIST).

An ordinary PyTorch program: run it with PyTorch, or with ``plugtorch run examples/fashion_mnist_cnn.py``.
"""

import argparse
import gzip
import os
import struct
import time

import pictures
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

HERE = os.path.dirname(os.path.abspath(__file__))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.dropout1 = nn.Dropout2d(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = self.dropout1(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = self.dropout2(x)
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


def read_idx(path):
    """An array in the IDX format of MNIST, as a uint8 tensor."""
    with gzip.open(path, "rb") as file:
        _, dims = struct.unpack(">HBB", file.read(4))[1:]
        shape = struct.unpack(f">{dims}I", file.read(4 * dims))
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).reshape(shape)


def load(folder, split):
    images = read_idx(os.path.join(folder, f"{split}-images-idx3-ubyte.gz"))
    labels = read_idx(os.path.join(folder, f"{split}-labels-idx1-ubyte.gz"))
    images = images.to(torch.float32).unsqueeze(1) / 255.0
    return TensorDataset((images - 0.2860) / 0.3530, labels.to(torch.int64))


def training_step(net, optimizer):
    def step(images, labels):
        optimizer.zero_grad()
        loss = F.nll_loss(net(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def train(net, loader, step, scheduler, epoch, steps, losses):
    net.train()
    bar = tqdm(loader, desc=f"epoch {epoch}", unit="batch")
    for images, labels in bar:
        losses.append(step(images, labels).item())
        scheduler.step()
        bar.set_postfix(loss=f"{losses[-1]:.3f}")
        if steps and len(losses) >= steps:
            return


def evaluate(net, loader):
    net.eval()
    correct = total = 0
    with torch.no_grad():
        for images, labels in loader:
            outputs = net(images)
            _, predicted = torch.max(outputs.data, 1)
            total += labels.size(0)
            correct += (predicted == labels).sum().item()
    return 100 * correct / total


def draw(losses, accuracies, path):
    def on(figure):
        left, right = figure.subplots(1, 2)
        left.plot(losses, linewidth=0.8)
        left.set(title="training loss", xlabel="step", ylabel="negative log likelihood")
        right.plot(range(1, len(accuracies) + 1), accuracies, marker="o")
        right.set(title="test accuracy", xlabel="epoch", ylabel="%")

    pictures.save(path, on)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.path.join(HERE, "data", "fashion-mnist"))
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps and print each loss")
    parser.add_argument("--compile", action="store_true", help="compile the training step")
    parser.add_argument("--out", default="runs", help="folder for the checkpoint and the picture")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    training, testing = load(args.data, "train"), load(args.data, "t10k")
    loader = DataLoader(training, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(testing, batch_size=500)
    net = Net()
    optimizer = optim.SGD(net.parameters(), lr=args.lr, momentum=0.9)
    scheduler = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.05, total_iters=3 * len(loader))  # warm-up
    step = training_step(net, optimizer)
    if args.compile:
        step = torch.compile(step)

    start, losses, accuracies = time.time(), [], []
    for epoch in range(1, args.epochs + 1):
        train(net, loader, step, scheduler, epoch, args.steps, losses)
        if args.steps and len(losses) >= args.steps:
            for step, loss in enumerate(losses):
                print(f"step {step} loss {loss:.8f}")
            return
        accuracies.append(evaluate(net, test_loader))
        print(f"epoch {epoch}: accuracy {accuracies[-1]:.1f} %")
    print(f"Finished training in {time.time() - start:.0f} s: accuracy {accuracies[-1]:.1f} %")

    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "fashion_mnist_cnn.pt")
    torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "accuracies": accuracies}, checkpoint)
    print(f"checkpoint: {checkpoint}")
    draw(losses, accuracies, os.path.join(args.out, "fashion_mnist_cnn.png"))
    labels = testing.tensors[1]
    commonest = 100 * (labels == training.tensors[1].mode().values).sum().item() / len(labels)
    print(f"result: accuracy {accuracies[-1]:.1f} % (baseline {commonest:.1f}: the commonest class)")


if __name__ == "__main__":
    main()
