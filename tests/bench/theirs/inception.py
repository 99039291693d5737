"""inception.py - the forward pass of torchvision's Inception-v3 with random weights: the peer of
ours/inception.lua."""
import pytorch                                            # sets the threads first
import torch
import worker
from torchvision.models import inception_v3


def network():
    net = inception_v3(weights=None, aux_logits=False, transform_input=False, init_weights=False)
    net.fc = torch.nn.Identity()                          # the 2048 features
    return net


def settings(batch):
    return pytorch.settings_of_forward(network, torch.randn(batch, 3, 299, 299), worker.timed)


worker.serve(pytorch.NAME, {"forward": settings})
