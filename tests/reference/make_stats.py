"""Reference values of tests, intervals and distributions from SciPy.

    python3 tests/reference/make_stats.py       (Debian: python3-scipy 1.10.1; PyPI: krippendorff)

writes tests/reference/stats.json, which tests/lua/stats_spec.lua reads.
"""
import itertools
import json
import os
import warnings

import krippendorff
import numpy
from scipy import optimize, special, stats

warnings.simplefilter("ignore")
rng = numpy.random.default_rng(7)
out = {}


def plain(v):
    return [float(x) for x in numpy.asarray(v).ravel()]


def t_quantile(p, df):
    """Roots of SciPy's own tail: its ppf is right to 2e-9 alone in version 1.10."""
    if p == .5:
        return 0.
    t = optimize.brentq(lambda t: stats.t.sf(t, df) / min(p, 1 - p) - 1, 0, 1e5, xtol=1e-14, rtol=1e-15)
    return float(t if p > .5 else -t)


# ---- distributions ----------------------------------------------------------------------------
out["lgamma"] = [[x, float(special.gammaln(x))] for x in
                 [1e-3, .1, .5, .9, 1, 1.5, 2, 2.5, 5, 9.9, 10, 33.3, 171, 1e4]]
out["t"] = [[t, df, float(stats.t.cdf(t, df)), float(2 * stats.t.sf(abs(t), df))]
            for t in [-40, -6, -2.1, -.3, -1e-4, 0, .02, 1, 3.5, 12, 1e3] for df in [1, 2, 3, 7, 30, 59, 9999]]
out["t_quantile"] = [[p, df, t_quantile(p, df)]
                     for p in [.01, .2, .5, .6, .95, .975, .995, .9999] for df in [1, 2, 4, 7, 59, 9999]]
out["normal"] = [[z, float(stats.norm.cdf(z))] for z in
                 [-37, -12, -5, -2.5, -2.01, -1.99, -1, -1e-5, 0, .3, 1.96, 2, 4, 9]]
out["normal_quantile"] = [[p, float(stats.norm.ppf(p))] for p in
                          [1e-300, 1e-20, 1e-4, .01, .025, .3, .5, .7, .975, .9999]]
out["f"] = [[f, a, b, float(stats.f.cdf(f, a, b))] for f in [.01, .5, 1, 4, 30]
            for a, b in [(1, 1), (2, 7), (7, 59), (300, 11)]]
out["beta_quantile"] = [[p, a, b, float(stats.beta.ppf(p, a, b))] for p in [.001, .025, .5, .975]
                        for a, b in [(1, 20), (.5, .5), (3, 7), (90, 12)]]

# ---- pairs ------------------------------------------------------------------------------------


def all_signs(d, statistic):
    """Two-sided p of a statistic under every change of sign."""
    values = [statistic(numpy.array(s) * d) for s in itertools.product([1, -1], repeat=len(d))]
    middle = numpy.mean(values)
    return float(numpy.mean(numpy.abs(numpy.array(values) - middle)
                            >= abs(statistic(d) - middle) - 1e-9))


def pair_case(a, b):
    d = a - b
    kept = d[d != 0]
    size = numpy.abs(kept)
    c = {"a": plain(a), "b": plain(b)}
    if len(kept) and d.std() > 0:
        t = stats.ttest_rel(a, b)
        half = t_quantile(.975, len(d) - 1) * d.std(ddof=1) / len(d) ** .5
        low, high = d.mean() - half, d.mean() + half
        c["t"] = [float(t.statistic), float(t.pvalue), float(low), float(high)]
        c["d"] = float(d.mean() / d.std(ddof=1))
    if len(kept):
        ties = len(set(size)) < len(size)
        for name, fix in ("continuity", True), ("plain", False):
            w = stats.wilcoxon(a, b, mode="approx", correction=fix)
            c["wilcoxon_" + name] = [float(w.statistic), float(w.pvalue)]
        if len(kept) <= 50 and not ties:
            w = stats.wilcoxon(kept, mode="exact")
            c["wilcoxon_exact"] = [float(w.statistic), float(w.pvalue)]
        elif len(kept) <= 12:
            ranks = stats.rankdata(size)
            c["wilcoxon_exact"] = [float(stats.wilcoxon(a, b, mode="approx").statistic),
                                   all_signs(kept, lambda x: ranks[x > 0].sum())]
        c["sign"] = float(stats.binomtest(int((kept > 0).sum()), len(kept)).pvalue)
    if len(d) <= 12:
        p = stats.permutation_test((d,), numpy.mean, permutation_type="samples", n_resamples=numpy.inf)
        c["permutation"] = float(p.pvalue)
    return c


cases = []
for n in [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 20, 30, 45, 50, 51, 60]:
    for shift in 0, .5, -2:
        b = numpy.round(rng.normal(10, 3, n), 6)
        cases.append(pair_case(numpy.round(b + rng.normal(shift, 1, n), 6), b))
for n in [3, 5, 8, 10, 12, 20, 40, 60]:       # ties and zeros: whole numbers
    for width in 2, 4:
        b = rng.integers(0, 20, n).astype(float)
        cases.append(pair_case(b + rng.integers(-width + 1, width + 1, n), b))
out["pairs"] = cases

out["holm"] = []
for k in 1, 2, 5, 9:
    p = numpy.round(rng.uniform(0, .2, k), 4)
    order = numpy.argsort(p, kind="stable")
    adjusted = numpy.empty(k)
    adjusted[order] = numpy.minimum(1, numpy.maximum.accumulate((k - numpy.arange(k)) * p[order]))
    out["holm"].append([plain(p), plain(adjusted)])

# ---- bootstrap: the same draws, SciPy's interval of them --------------------------------------
out["bca"] = []
for n in 5, 8, 40:
    x = numpy.round(rng.gamma(1.5, 2, n), 4)
    for statistic, name in (numpy.mean, "mean"), (numpy.std, "spread"):
        boot = stats.bootstrap((x,), statistic, n_resamples=199, method="BCa", random_state=rng)
        again = stats.bootstrap((x,), statistic, n_resamples=0, method="BCa", bootstrap_result=boot)
        jack = [statistic(numpy.delete(x, i)) for i in range(n)]
        out["bca"].append({"draws": plain(boot.bootstrap_distribution), "value": float(statistic(x)),
                           "jackknife": plain(jack), "low": float(again.confidence_interval.low),
                           "high": float(again.confidence_interval.high)})
x = numpy.round(rng.gamma(1.5, 2, 12), 4)
many = stats.bootstrap((x,), numpy.mean, n_resamples=1000000, batch=10000, method="BCa", random_state=rng)
out["bca_many"] = {"x": plain(x), "low": float(many.confidence_interval.low),
                   "high": float(many.confidence_interval.high),
                   "error": float(many.standard_error)}

# ---- ranks ------------------------------------------------------------------------------------


def all_orders(x, y, statistic):
    seen = statistic(x, y)
    values = [statistic(x, numpy.array(o)) for o in itertools.permutations(y)]
    return float(numpy.mean(numpy.abs(values) >= abs(seen) - 1e-9))


out["ranks"] = []
for n in [2, 3, 4, 5, 6, 7, 9, 12, 20, 33, 34, 60]:
    for tied in False, True:
        x = rng.normal(size=n)
        y = .5 * x + rng.normal(size=n)
        if tied:
            x, y = numpy.round(2 * x), numpy.round(2 * y)
        x, y = numpy.round(x, 5), numpy.round(y, 5)
        if len(set(x)) < 2 or len(set(y)) < 2:
            continue
        rho, tau = stats.spearmanr(x, y), stats.kendalltau(x, y)
        c = {"x": plain(x), "y": plain(y), "rho": float(rho.correlation), "tau": float(tau.correlation),
             "rho_p": float(rho.pvalue), "tau_p": float(tau.pvalue)}
        if n <= 7:
            c["rho_p"] = all_orders(stats.rankdata(x), stats.rankdata(y),
                                    lambda a, b: float(numpy.corrcoef(a, b)[0, 1]))
            c["tau_p"] = all_orders(x, y, lambda a, b: float(stats.kendalltau(a, b).correlation))
        out["ranks"].append(c)

# ---- shares -----------------------------------------------------------------------------------
out["shares"] = []
for k, n in [(0, 1), (1, 1), (0, 7), (3, 7), (7, 7), (12, 40), (199, 200), (480, 1000)]:
    for level in .95, .99:
        b = stats.binomtest(k, n)
        w, e = b.proportion_ci(level, "wilson"), b.proportion_ci(level, "exact")
        out["shares"].append([k, n, level, float(w.low), float(w.high), float(e.low), float(e.high),
                              float(b.pvalue), float(stats.binomtest(k, n, .3).pvalue)])

# ---- agreement --------------------------------------------------------------------------------
out["agreement"] = []
for raters, items, keep in (2, 20, 1), (3, 30, .8), (5, 12, .6):
    truth = rng.integers(1, 4, items)
    m = numpy.where(rng.uniform(size=(raters, items)) < .7, truth, rng.integers(1, 4, (raters, items))).astype(float)
    m[rng.uniform(size=m.shape) > keep] = numpy.nan
    out["agreement"].append({"ratings": [[0 if numpy.isnan(v) else int(v) for v in r] for r in m],
                             "alpha": float(krippendorff.alpha(m, level_of_measurement="nominal"))})

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stats.json")
with open(path, "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
