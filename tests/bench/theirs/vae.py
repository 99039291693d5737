"""vae.py - training steps of the VAE and the autoencoder in PyTorch, an epoch of both, memory of a
training: the peer of ours/vae.lua.

Encoder conv 1-32-64 (3x3, stride 2), heads of 20, linear 20-3136, transposed convolutions 64-32-1,
binary cross-entropy from logits + KL (the autoencoder: squared error), Adam.
"""
import gzip

import pytorch                                            # sets the threads first
import torch
import torch.nn.functional as F
import worker
from torch import nn

B, Z = 128, 20
DATA = "/usr/share/datasets/fashion-mnist/"


class Vae(nn.Module):
    """Gives the loss: the negative ELBO, or the squared error if it is deterministic."""

    def __init__(self, deterministic=False):
        super().__init__()
        self.deterministic = deterministic
        self.c1 = nn.Conv2d(1, 32, 3, 2, 1)
        self.c2 = nn.Conv2d(32, 64, 3, 2, 1)
        self.mean = nn.Linear(3136, Z)
        self.logvar = None if deterministic else nn.Linear(3136, Z)
        self.up = nn.Linear(Z, 3136)
        self.d1 = nn.ConvTranspose2d(64, 32, 3, 2, 1, 1)
        self.d2 = nn.ConvTranspose2d(32, 1, 3, 2, 1, 1)

    def encode(self, x):
        h = F.relu(self.c2(F.relu(self.c1(x)))).flatten(1)
        return self.mean(h), None if self.deterministic else self.logvar(h)

    def decode(self, z):
        return self.d2(F.relu(self.d1(self.up(z).view(-1, 64, 7, 7))))

    def forward(self, x, eps):
        mean, logvar = self.encode(x)
        if self.deterministic:
            return (torch.sigmoid(self.decode(mean)) - x).square().sum() / x.shape[0]
        logits = self.decode(mean + torch.exp(logvar / 2) * eps)
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * (1 + logvar - mean * mean - logvar.exp()).sum()
        return (bce + kl) / x.shape[0]


def pictures(part):
    with gzip.open(DATA + part + "-images-idx3-ubyte.gz") as f:
        return torch.frombuffer(bytearray(f.read()[16:]), dtype=torch.uint8).view(-1, 1, 28, 28)


def labels(part):
    with gzip.open(DATA + part + "-labels-idx1-ubyte.gz") as f:
        return torch.frombuffer(bytearray(f.read()[8:]), dtype=torch.uint8).long()


def epoch(images, steps):
    order = torch.randperm(len(images))
    for i in range(0, len(images), B):
        x = images[order[i:i + B]].float() / 255
        for step in steps:
            step(x)


def steps_of_both(models, layout, way):
    x = torch.rand(B, 1, 28, 28)
    return [pytorch.trainer(m, Z, x, layout, way) for m in models]


def settings(batch, precision, name):
    torch.manual_seed(1)
    return pytorch.settings_of_step(lambda: Vae(name == "ae"), Z, torch.rand(batch, 1, 28, 28),
                                    precision, worker.timed)


def best_way():
    """Layout and way of the fastest step."""
    label, _ = worker.fastest(settings(B, "float32", "vae"))
    return label.split()[1].rstrip(","), label.split()[2]


def epochs():
    """What is traced or compiled is so before the clock starts, for the last batch too."""
    layout, way = best_way()

    def make():
        images, steps = pictures("train"), steps_of_both([Vae(), Vae(True)], layout, way)
        for n in 2 * B, len(images) % B:
            epoch(images[:n], steps)
        return worker.once(lambda: epoch(images, steps))
    return {"channels %s, %s" % (layout, way): make}


def memory(count):
    """Of the way that needs the least."""
    def make():
        def run(seconds):
            images = pictures("train")[:count]
            epoch(images, steps_of_both([Vae(), Vae(True)], "last", "eager"))
            return [worker.most_memory()]
        return run
    return {"channels last, eager": make}


def way():
    """The label of the fastest step and nothing else."""
    label = "channels %s, %s" % best_way()
    return {label: lambda: lambda seconds: [0]}


if __name__ == "__main__":
    worker.serve(pytorch.NAME, {"step": settings, "epoch": epochs, "memory": memory, "way": way})
