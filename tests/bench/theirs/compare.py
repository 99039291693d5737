"""compare.py - the work of experiments/compare.lua, written in PyTorch: both models trained side by
side, then judged on the test set.

    python3 compare.py LAYOUT WAY [EPOCHS [COUNT [TRAIN]]]     compare.py last traced

Trains on the pictures of Fashion-MNIST (20 epochs) and evaluates as compare.lua does: reconstruction
(squared and absolute error, PSNR, SSIM, cross-entropy with a mean and with a drawn code), ELBO,
active units, mutual information, probes, k-means and silhouette of codes, spread of draws; then, of
reconstructions, of real pictures and of samples from the prior, a normal and a mixture of ten
(COUNT, 10,000 each): Fréchet distance with 20 bootstrap samples, Inception Score, kernel distance of
100 subsets, precision, recall, density and coverage, classes, nearest training pictures; on the
features of the same network.  Left out, in PyTorch's favour: all tables, figures, pictures, tests
between models, t-SNE, errors by class, checkpoints.  Prints what it found.
"""
import math
import sys

import pytorch                                            # sets the threads first
import torch
import torch.nn.functional as F
from evaluation import Network, frechet, inception_score, moments, prdc
from vae import Vae, Z, epoch, labels, pictures, steps_of_both

BATCH = 500


def numbers(images):
    return images.float() / 255


def batches(x):
    return (x[i:i + BATCH] for i in range(0, len(x), BATCH))


def codes(model, images, draw=False):
    """Mean codes of pictures, or drawn ones."""
    out = []
    for x in batches(images):
        mean, logvar = model.encode(numbers(x))
        if draw and logvar is not None:
            mean = mean + torch.exp(logvar / 2) * torch.randn_like(mean)
        out.append(mean)
    return torch.cat(out)


def decoded(model, z):
    return torch.cat([torch.sigmoid(model.decode(part)) for part in batches(z)])


# ---- reconstruction -----------------------------------------------------------------------------

def ssim(a, b):
    """Mean over the pictures, with a normal window of 11."""
    g = torch.exp(-(torch.arange(11.0) - 5) ** 2 / (2 * 1.5 ** 2))
    g = (g / g.sum()).outer(g / g.sum())[None, None]
    parts = F.conv2d(F.pad(torch.cat([a, b, a * a, b * b, a * b]), (5,) * 4, mode="reflect"), g)
    ma, mb, aa, bb, ab = parts.chunk(5)
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    s = (2 * ma * mb + c1) * (2 * (ab - ma * mb) + c2)
    return s / ((ma * ma + mb * mb + c1) * (aa - ma * ma + bb - mb * mb + c2))


def cross_entropy(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def reconstruction(model, images):
    rows = []
    for part in batches(images):
        x = numbers(part)
        mean, logvar = model.encode(x)
        logits = model.decode(mean)
        made = torch.sigmoid(logits)
        squared = (made - x).square().flatten(1).sum(1)
        row = [squared, (made - x).abs().flatten(1).sum(1), -10 * torch.log10(squared / 784),
               ssim(made, x).flatten(1).mean(1), cross_entropy(logits, x)]
        if logvar is not None:                            # recon and elbo draw a code each
            for _ in range(2):
                z = mean + torch.exp(logvar / 2) * torch.randn_like(mean)
                row.append(cross_entropy(model.decode(z), x))
            kl = -0.5 * (1 + logvar - mean * mean - logvar.exp()).sum(1)
            row += [kl, row[-1] + kl]
        rows.append(torch.stack(row, 1))
    rows = torch.cat(rows).double()
    return [(m.item(), s.item()) for m, s in zip(rows.mean(0), rows.std(0))]


# ---- codes --------------------------------------------------------------------------------------

def normal_logp(z, mean, logvar):
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mean) ** 2 / logvar.exp()).sum(-1)


def mutual_information(model, images):
    total = []
    for part in batches(images):
        mean, logvar = model.encode(numbers(part))
        z = mean + torch.exp(logvar / 2) * torch.randn_like(mean)
        every = normal_logp(z[:, None], mean[None], logvar[None])
        total.append(normal_logp(z, mean, logvar) - every.logsumexp(1) + math.log(len(z)))
    return torch.cat(total).mean().item()


def probes(x, y, tx, ty):
    """Accuracy of logistic regression and of the five nearest codes."""
    mean, sd = x.mean(0), x.std(0).clamp(min=1e-6)
    x, tx = (F.pad((z - mean) / sd, (0, 1), value=1.0) for z in (x, tx))
    target, w = F.one_hot(y, 10).float(), torch.zeros(x.shape[1], 10)
    first, second = torch.zeros_like(w), torch.zeros_like(w)
    for t in range(1, 301):
        g = x.T @ ((x @ w).softmax(1) - target) / len(x) + 1e-4 * w
        first.lerp_(g, 0.1)
        second.lerp_(g * g, 0.001)
        w -= 0.05 * (first / (1 - 0.9 ** t)) / ((second / (1 - 0.999 ** t)).sqrt() + 1e-8)
    right = [torch.mode(y[torch.cdist(part, x).topk(5, largest=False).indices]).values
             for part in batches(tx)]
    return (((tx @ w).argmax(1) == ty).float().mean().item(),
            (torch.cat(right) == ty).float().mean().item())


def silhouette(z, y):
    sums = torch.cdist(z, z) @ F.one_hot(y, 10).float()
    counts = torch.bincount(y, minlength=10).float()
    own = sums.gather(1, y[:, None])[:, 0] / (counts[y] - 1)
    other = (sums / counts).scatter(1, y[:, None], math.inf).min(1).values
    return ((other - own) / torch.maximum(own, other)).mean().item()


def kmeans(z, k=10, starts=5, steps=100):
    best = None
    for _ in range(starts):
        centre = z[torch.randperm(len(z))[:k]]
        before = None
        for _ in range(steps):
            far, mine = torch.cdist(z, centre).min(1)
            if before is not None and torch.equal(mine, before):
                break
            before, one = mine, F.one_hot(mine, k).float()
            centre = (one.T @ z) / one.sum(0).clamp(min=1)[:, None]
        loss = far.square().sum().item()
        if best is None or loss < best[0]:
            best = loss, mine
    return best[1]


def spread(model, images, draws=16):
    """Coverage of 90 % intervals, and the rank correlation of spread and error."""
    inside, ranks = [], []
    for i in range(0, 500, 100):
        x = numbers(images[i:i + 100])
        mean, logvar = model.encode(x)
        z = mean + torch.exp(logvar / 2) * torch.randn(draws, *mean.shape)
        made = torch.sigmoid(model.decode(z.flatten(0, 1))).view(draws, len(x), -1)
        sd, off = made.std(0), (made.mean(0) - x.flatten(1)).abs()
        inside.append((off <= 1.645 * sd).float().mean(1))
        a, b = (v.argsort(1).argsort(1).float() for v in (sd, off))
        a, b = (v - v.mean(1, keepdim=True) for v in (a, b))
        ranks.append((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)))
    return torch.cat(inside).mean().item(), torch.cat(ranks).mean().item()


def mixture(z, k, steps=100):
    """A mixture of k normals by EM: shares, means, factors of covariances."""
    z = z.double()
    n, d = z.shape
    one = F.one_hot(kmeans(z[:: max(1, n // 5000)].float(), k, 1, 20), k).double()
    some = z[:: max(1, n // 5000)]
    shares, means = one.mean(0), (one.T @ some) / one.sum(0).clamp(min=1)[:, None]
    factors = torch.linalg.cholesky(torch.cov(z.T) + 1e-6 * torch.eye(d)).repeat(k, 1, 1)
    last = -math.inf
    for _ in range(steps):
        logp = torch.stack([
            shares[i].log() - factors[i].diagonal().log().sum() - d / 2 * math.log(2 * math.pi)
            - 0.5 * torch.linalg.solve_triangular(factors[i], (z - means[i]).T,
                                                  upper=False).square().sum(0)
            for i in range(k)], 1)
        total = logp.logsumexp(1)
        r = (logp - total[:, None]).exp()
        weight = r.sum(0)
        shares, means = weight / n, (r.T @ z) / weight[:, None]
        for i in range(k):
            c = z - means[i]
            factors[i] = torch.linalg.cholesky((c * r[:, i:i + 1]).T @ c / weight[i]
                                               + 1e-6 * torch.eye(d))
        if total.mean().item() - last < 1e-3:
            break
        last = total.mean().item()
    return shares, means, factors


def sampled(fit, n):
    shares, means, factors = fit
    which = torch.multinomial(shares, n, replacement=True)
    noise = torch.randn(n, means.shape[1], dtype=means.dtype)
    z = torch.empty_like(noise)
    for i in range(len(shares)):
        mine = which == i
        z[mine] = noise[mine] @ factors[i].T + means[i]
    return z.float()


# ---- pictures -----------------------------------------------------------------------------------

def kid(x, y, subsets=100, size=1000):
    sums, size = 0.0, min(size, len(x), len(y))
    for _ in range(subsets):
        a, b = x[torch.randperm(len(x))[:size]], y[torch.randperm(len(y))[:size]]
        aa, bb, ab = ((p @ q.T / p.shape[1] + 1) ** 3 for p, q in ((a, a), (b, b), (a, b)))
        sums += ((aa.sum() - aa.trace() + bb.sum() - bb.trace()) / (size * (size - 1))
                 - 2 * ab.mean()).item()
    return sums / subsets


def nearest(x, y, same=False):
    out = []
    for i in range(0, len(x), BATCH):
        d = torch.cdist(x[i:i + BATCH], y)
        if same:
            d[torch.arange(len(d)), torch.arange(i, i + len(d))] = math.inf
        out.append(d.min(1))
    return torch.cat([r.values for r in out]), torch.cat([r.indices for r in out])


class Judge:
    """What pictures are compared with: the real ones' features, training pixels."""

    def __init__(self, train, test, layout):
        self.net, self.layout = Network().to(memory_format=pytorch.LAYOUTS[layout]), layout
        self.real, self.real_scores = self.features(numbers(test))
        self.moments = moments(self.real)
        self.train = numbers(train[:10000]).flatten(1)
        self.far, _ = nearest(self.train, self.train, same=True)

    def features(self, x):
        parts = [self.net(p.contiguous(memory_format=pytorch.LAYOUTS[self.layout]))
                 for p in batches(x)]
        return torch.cat([f for f, _ in parts]), torch.cat([s for _, s in parts])

    def of(self, x):
        f, scores = self.features(x)
        noise = [frechet(self.moments, moments(f[torch.randint(len(f), (len(f),))]))
                 for _ in range(20)]
        histogram = torch.bincount(scores.argmax(1), minlength=10) / len(x)
        far, place = nearest(x[:2000].flatten(1), self.train)
        return {"frechet": frechet(self.moments, moments(f)),
                "noise": torch.tensor(noise).std().item(),
                "inception_score": inception_score(scores), "kid": kid(f, self.real),
                "prdc": prdc(self.real, f), "classes": histogram.tolist(),
                "copied": (far < self.far[place]).float().mean().item()}


def evaluate(model, about, judge, train, test, count):
    out = {"reconstruction": reconstruction(model, test)}
    x, tx = codes(model, train[:10000]), codes(model, test)
    y, ty = about["labels"][:len(x)], about["test_labels"][:len(tx)]
    out["active_units"] = (tx.var(0) >= 0.01).sum().item()
    out["probes"] = probes(x, y, tx, ty)
    out["silhouette"] = silhouette(tx, ty)
    out["clusters"] = torch.bincount(kmeans(tx)).tolist()
    if not model.deterministic:
        out["mutual_information"] = mutual_information(model, test)
        out["spread"] = spread(model, test)
    drawn = codes(model, train, draw=True)
    out["reconstructions"] = judge.of(decoded(model, tx))
    out["prior"] = judge.of(decoded(model, torch.randn(count, Z)))
    for name, k in ("gaussian", 1), ("mixture", 10):
        out[name] = judge.of(decoded(model, sampled(mixture(drawn, k), count)))
    return out


def main(layout="last", way="eager", epochs=20, count=10000, train=60000):
    images, test = pictures("train")[:int(train)], pictures("t10k")[:int(count)]
    about = {"labels": labels("train"), "test_labels": labels("t10k")}
    models = [Vae(), Vae(True)]
    steps = steps_of_both(models, layout, way)
    for _ in range(int(epochs)):
        epoch(images, steps)
    with torch.no_grad():
        judge = Judge(images, test, layout)
        print("real", judge.of(numbers(images[:int(count)])))
        for name, model in zip(("vae", "ae"), models):
            model.eval()
            for key, value in evaluate(model, about, judge, images, test, int(count)).items():
                print(name, key, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
