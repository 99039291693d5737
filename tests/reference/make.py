"""Reference values of convolutions, norms, losses, distributions and optimisers from PyTorch.

    python3 tests/reference/make.py        (Debian: python3-torch 1.13.1)

writes tests/reference/torch.npz, which tests/lua/reference_spec.lua reads. Everything is stored in
vaelua's layout: pictures [N, H, W, C], convolution weights [Cout, KH, KW, Cin], transposed ones
[Cin, KH, KW, Cout].
"""
import os

import numpy
import torch
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_num_threads(1)
out = {}


def nhwc(t):
    """A picture [N, C, H, W], or a weight of either kind, in vaelua's layout."""
    return t.permute(0, 2, 3, 1).contiguous() if t.dim() == 4 else t


def keep(name, **tensors):
    for key, t in tensors.items():
        out[f"{name}.{key}"] = t.detach().numpy()


def case(name, f, **inputs):
    """y = f(inputs), and the gradients of <r, y>; pictures and weights are converted."""
    for t in inputs.values():
        t.requires_grad_()
    y = f(**inputs)
    r = torch.randn(y.shape)
    (y * r).sum().backward()
    keep(name, y=nhwc(y), r=nhwc(r))
    keep(name, **{k: nhwc(t) for k, t in inputs.items()})
    keep(name, **{"d" + k: nhwc(t.grad) for k, t in inputs.items()})


randn = torch.randn

for name, (n, c, k, size, kernel, stride, pad) in {
        "conv1": (3, 1, 5, 9, 3, 2, 1), "conv2": (2, 4, 7, 8, 3, 1, 1), "conv3": (2, 3, 6, 7, 4, 2, 1)}.items():
    case(name, lambda x, w, b: F.conv2d(x, w, b, stride=stride, padding=pad),
         x=randn(n, c, size, size), w=randn(k, c, kernel, kernel), b=randn(k))
for name, (n, c, k, size, kernel, stride, pad, extra) in {
        "deconv1": (3, 4, 1, 7, 3, 2, 1, 1), "deconv2": (2, 6, 5, 4, 3, 2, 1, 1),
        "deconv3": (2, 3, 4, 5, 4, 2, 1, 0)}.items():
    case(name, lambda x, w, b: F.conv_transpose2d(x, w, b, stride=stride, padding=pad, output_padding=extra),
         x=randn(n, c, size, size), w=randn(c, k, kernel, kernel), b=randn(k))

case("linear", lambda x, w, b: F.linear(x, w, b), x=randn(5, 7), w=randn(3, 7), b=randn(3))
case("layernorm", lambda x, g, b: F.layer_norm(x, (6,), g, b), x=randn(5, 6), g=randn(6), b=randn(6))
case("groupnorm", lambda x, g, b: F.group_norm(x, 2, g, b), x=randn(3, 4, 5, 5), g=randn(4), b=randn(4))
case("batchnorm", lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True),
     x=randn(3, 4, 5, 5), g=randn(4), b=randn(4))
case("maxpool", lambda x: F.max_pool2d(x, 2), x=randn(2, 3, 6, 6))
case("avgpool", lambda x: F.avg_pool2d(x, 2), x=randn(2, 3, 6, 6))
case("softmax", lambda x: F.softmax(x, -1), x=randn(4, 7))
case("logsoftmax", lambda x: F.log_softmax(x, -1), x=randn(4, 7))
case("gelu", lambda x: F.gelu(x), x=randn(4, 7))
case("silu", lambda x: F.silu(x), x=randn(4, 7))
case("softplus", lambda x: F.softplus(x), x=randn(4, 7))

target = torch.rand(4, 7)
keep("bce", target=target)
case("bce", lambda x: F.binary_cross_entropy_with_logits(x, target, reduction="none").sum(1), x=randn(4, 7))
other = randn(4, 7)
keep("squared", target=other)
case("squared", lambda x: F.mse_loss(x, other, reduction="none").sum(1), x=randn(4, 7))
labels = torch.tensor([2, 0, 6, 3])
keep("categorical", labels=(labels + 1).int())
case("categorical", lambda x: -F.cross_entropy(x, labels, reduction="none"), x=randn(4, 7))

D = torch.distributions
case("normal_kl", lambda m, v: D.kl_divergence(D.Normal(m, (v / 2).exp()), D.Normal(0., 1.)).sum(1),
     m=randn(4, 5), v=randn(4, 5))
case("normal_logp", lambda x, m, v: D.Normal(m, (v / 2).exp()).log_prob(x).sum(1),
     x=randn(4, 5), m=randn(4, 5), v=randn(4, 5))
case("laplace_logp", lambda x, m, s: D.Laplace(m, s.exp()).log_prob(x).sum(1),
     x=randn(4, 5), m=randn(4, 5), s=randn(4, 5))
case("continuous_bernoulli", lambda x: D.ContinuousBernoulli(logits=x).log_prob(target).sum(1), x=randn(4, 7))

# Three steps of each optimiser on the same gradients.
start, gradients = randn(6), randn(3, 6)
keep("optim", start=start, gradients=gradients)
for name, make in {
        "adam": lambda p: torch.optim.Adam([p], lr=0.1, betas=(0.9, 0.99), eps=1e-8),
        "adam_decay": lambda p: torch.optim.Adam([p], lr=0.1, weight_decay=0.05),
        "adamw": lambda p: torch.optim.AdamW([p], lr=0.1, weight_decay=0.05),
        "sgd": lambda p: torch.optim.SGD([p], lr=0.1),
        "momentum": lambda p: torch.optim.SGD([p], lr=0.1, momentum=0.9)}.items():
    p = start.clone().requires_grad_()
    optimiser = make(p)
    for g in gradients:
        p.grad = g.clone()
        optimiser.step()
    keep("optim", **{name: p})
p = start.clone().requires_grad_()
optimiser = torch.optim.Adam([p], lr=0.1)
for g in gradients:
    p.grad = g.clone()
    torch.nn.utils.clip_grad_norm_([p], 0.5)
    optimiser.step()
keep("optim", clipped=p)

numpy.savez_compressed(os.path.join(os.path.dirname(__file__), "torch.npz"), **out)
print(len(out), "tensors")
