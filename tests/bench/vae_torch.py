#!/usr/bin/python3
"""vae_torch.py - ms a training step of the VAE in PyTorch, at its best setting.

The peer of vae_step.lua: batch 128, encoder conv 1-32-64 (3x3, stride 2), heads of 20, linear
20-3136, transposed convolutions 64-32-1, binary cross-entropy from logits + KL, Adam.  Usage:
vae_torch.py [threads] [steps].  PyTorch's own choices differ by a third, so three are timed
(NCHW, channels last, traced) and the fastest median is printed as "torch <ms>"; its OpenBLAS
gets one thread, since two thread pools fight.
"""
import os
import sys

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 60
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
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 32, 3, 2, 1)
        self.c2 = nn.Conv2d(32, 64, 3, 2, 1)
        self.mean = nn.Linear(3136, Z)
        self.logvar = nn.Linear(3136, Z)
        self.up = nn.Linear(Z, 3136)
        self.d1 = nn.ConvTranspose2d(64, 32, 3, 2, 1, 1)
        self.d2 = nn.ConvTranspose2d(32, 1, 3, 2, 1, 1)

    def forward(self, x, eps):
        h = F.relu(self.c2(F.relu(self.c1(x)))).flatten(1)
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + torch.exp(logvar / 2) * eps
        h = F.relu(self.up(z)).view(-1, 64, 7, 7)
        logits = self.d2(F.relu(self.d1(h)))
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * (1 + logvar - mean * mean - logvar.exp()).sum()
        return (bce + kl) / x.shape[0]


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
        loss = loss_of(x, torch.randn(B, Z))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        times.append(time.perf_counter() - start)
    return sorted(times[10:])[steps // 2] * 1e3


best = None
for layout in "first", "last":
    for traced in False, True:
        ms = median_step(layout, traced)
        print("# channels %s%s: %.2f ms" % (layout, ", traced" if traced else "", ms))
        best = ms if best is None else min(best, ms)
print("torch %.3f" % best)
