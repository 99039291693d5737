#!/usr/bin/python3
"""vae_torch.py - ms a training step of the VAE in PyTorch, at its best setting.

The peer of vae_step.lua: batch 128, encoder conv 1-32-64 (3x3, stride 2), heads of 20, linear
20-3136, transposed convolutions 64-32-1, binary cross-entropy from logits + KL, Adam.  Usage:
vae_torch.py [threads] [steps].  PyTorch's own choices differ by a third, so four are timed
(NCHW or channels last, traced or not) and the fastest median is printed as "torch <ms>"; its
OpenBLAS gets one thread, since two thread pools fight.

vae_torch.py [threads] train [epochs] trains the VAE and the autoencoder of the same shape on
Fashion-MNIST, both on each batch, and prints "torch <seconds>" of all epochs: the peer of training.lua.

vae_ops.py counts the operators of its step.
"""
import gzip
import os
import sys

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
train = len(sys.argv) > 2 and sys.argv[2] == "train"
steps = int(sys.argv[2]) if len(sys.argv) > 2 and not train else 60
epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 1
os.environ["OMP_NUM_THREADS"] = str(threads)
os.environ["OPENBLAS_NUM_THREADS"] = "1"
with open("/proc/cpuinfo") as f:
    if "avx512f" in f.read():
        os.environ["ATEN_CPU_CAPABILITY"] = "avx512"

import time
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(threads)
torch.manual_seed(1)
B, Z = 128, 20


class Vae(nn.Module):
    """Gives the loss: the negative ELBO, or the squared error if it is deterministic."""

    def __init__(self, deterministic=False):
        super().__init__()
        self.deterministic = deterministic
        self.c1 = nn.Conv2d(1, 32, 3, 2, 1)
        self.c2 = nn.Conv2d(32, 64, 3, 2, 1)
        self.mean = nn.Linear(3136, Z)
        self.logvar = nn.Linear(3136, Z)
        self.up = nn.Linear(Z, 3136)
        self.d1 = nn.ConvTranspose2d(64, 32, 3, 2, 1, 1)
        self.d2 = nn.ConvTranspose2d(32, 1, 3, 2, 1, 1)

    def forward(self, x, eps):
        h = F.relu(self.c2(F.relu(self.c1(x)))).flatten(1)
        mean = z = self.mean(h)
        if not self.deterministic:
            logvar = self.logvar(h)
            z = mean + torch.exp(logvar / 2) * eps
        h = F.relu(self.up(z)).view(-1, 64, 7, 7)
        logits = self.d2(F.relu(self.d1(h)))
        if self.deterministic:
            return (torch.sigmoid(logits) - x).square().sum() / x.shape[0]
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * (1 + logvar - mean * mean - logvar.exp()).sum()
        return (bce + kl) / x.shape[0]


def step(loss_of, adam, x):
    loss = loss_of(x, torch.randn(len(x), Z))
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()


def median_step(layout, traced):
    torch.manual_seed(1)
    model, x = Vae(), torch.rand(B, 1, 28, 28)
    if layout == "last":
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = torch.jit.trace(model, (x, torch.randn(B, Z))) if traced else model
    times = []
    for i in range(steps + 10):
        start = time.perf_counter()
        step(loss_of, adam, x)
        times.append(time.perf_counter() - start)
    return sorted(times[10:])[steps // 2] * 1e3


def seconds_of_training():
    """Both models on each batch; the fastest of the settings above, channels last and traced."""
    path = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
    with gzip.open(path) as f:
        raw = torch.frombuffer(bytearray(f.read()[16:]), dtype=torch.uint8)
    pictures = raw.view(-1, 1, 28, 28)
    start = time.perf_counter()
    trained = []
    for deterministic in False, True:
        model = Vae(deterministic).to(memory_format=torch.channels_last)
        example = torch.rand(B, 1, 28, 28).contiguous(memory_format=torch.channels_last)
        adam = torch.optim.Adam(model.parameters(), lr=1e-3)
        with torch.no_grad():
            traced = torch.jit.trace(model, (example, torch.randn(B, Z)), check_trace=False)
        trained.append((traced, adam))
    for _ in range(epochs):
        order = torch.randperm(len(pictures))
        for i in range(0, len(pictures), B):
            x = pictures[order[i:i + B]].float() / 255
            x = x.contiguous(memory_format=torch.channels_last)
            for loss_of, adam in trained:
                step(loss_of, adam, x)
    return time.perf_counter() - start


def main():
    if train:
        print("torch %.3f" % seconds_of_training())
        return
    best = None
    for layout in "first", "last":
        for traced in False, True:
            ms = median_step(layout, traced)
            print("# channels %s%s: %.2f ms" % (layout, ", traced" if traced else "", ms))
            best = ms if best is None else min(best, ms)
    print("torch %.3f" % best)


if __name__ == "__main__":
    main()
