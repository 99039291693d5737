"""conv.py - a training step of a convolutional VAE on pictures of 64 x 64 x 3 in PyTorch: the peer
of ours/conv.lua."""
import pytorch                                            # sets the threads first
import torch
import torch.nn.functional as F
import worker
from torch import nn

Z = 128


class Vae64(nn.Module):
    def __init__(self):
        super().__init__()
        wide = [3, 32, 64, 128, 256]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in zip(wide, wide[1:]))
        self.head = nn.Linear(4 * 4 * 256, 2 * Z)
        self.up = nn.Linear(Z, 4 * 4 * 256)
        wide.reverse()
        self.grow = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in zip(wide, wide[1:]))

    def forward(self, x, eps):
        h = x
        for layer in self.down:
            h = F.relu(layer(h))
        mean, logvar = self.head(h.flatten(1)).chunk(2, 1)
        h = F.relu(self.up(mean + torch.exp(logvar / 2) * eps)).view(-1, 256, 4, 4)
        for layer in self.grow[:-1]:
            h = F.relu(layer(h))
        bce = F.binary_cross_entropy_with_logits(self.grow[-1](h), x, reduction="sum")
        kl = -0.5 * (1 + logvar - mean * mean - logvar.exp()).sum()
        return (bce + kl) / x.shape[0]


def settings(batch):
    return pytorch.settings_of_step(Vae64, Z, torch.rand(batch, 3, 64, 64), "float32",
                                    worker.timed)


worker.serve(pytorch.NAME, {"step": settings})
