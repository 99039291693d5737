"""worker.py - a worker of the bench (tests/bench/measure.lua): answers requests on standard input.

    worker.serve("PyTorch 2.1", {"step": step})

A request is "SECONDS CASE ARGUMENT ...".  A case is a function of its arguments (numbers where they
are such) that gives its settings, {label: make}; make() gives f(seconds) -> samples.  When it is
first asked for every setting is tried for a moment and the one with the least median is kept: the
peer's best setting counts.  One that raises is left out.  The answer is a line "LABEL: number ...".
By hand:

    echo "1 step 128 float32 vae" | python3 tests/bench/theirs/vae.py
"""
import os
import signal
import sys
import time

TRIAL = 0.3          # seconds that a setting is tried for


def times(f, seconds):
    """Seconds of each call of f, called for so many seconds; the first one is not counted."""
    f()
    samples, begin = [], time.perf_counter()
    while True:
        start = time.perf_counter()
        f()
        now = time.perf_counter()
        samples.append(now - start)
        if now - begin >= seconds:
            return samples


def timed(f):
    """f() as a case's f(seconds)."""
    return lambda seconds: times(f, seconds)


def once(f):
    """f() as a case's f(seconds) where one call is long."""
    def case(seconds):
        start = time.perf_counter()
        f()
        return [time.perf_counter() - start]
    return case


def most_memory():
    """MB that this process has held at most."""
    with open("/proc/self/status") as f:
        kb = next(line.split()[1] for line in f if line.startswith("VmHWM:"))
    return int(kb) * 1024 / 1e6


def median(samples):
    return sorted(samples)[len(samples) // 2]


def tried(f, seconds):
    """The later half of the samples: in the first what is traced is still being optimised."""
    samples = f(seconds)
    return samples[len(samples) // 2:]


def fastest(settings, seconds=TRIAL):
    """Label and f of the setting that is fastest; with one there is nothing to try."""
    best, error = None, None
    for label, make in settings.items():
        try:
            f = make()
            mine = median(tried(f, seconds)) if len(settings) > 1 else 0
        except Exception as e:              # this version has no such setting
            error = e
            print(label, "is left out:", repr(e), file=sys.stderr)
            continue
        print("%s: %.3g s" % (label, mine), file=sys.stderr)
        if best is None or mine < best[0]:
            best = mine, label, f
    if best is None:
        raise error
    return best[1:]


def argument(word):
    try:
        return int(word)
    except ValueError:
        return word


def answer(cases, ready, line):
    seconds, *words = line.split()
    key = " ".join(words)
    if key not in ready:
        if words[0] not in cases:
            raise KeyError("there is no case " + words[0])
        ready[key] = fastest(cases[words[0]](*map(argument, words[1:])))
    label, f = ready[key]
    return label + ": " + " ".join("%.9g" % v for v in f(float(seconds)))


def serve(name, cases):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ready = {}
    print("ready %d %s" % (os.getpid(), name), flush=True)
    for line in sys.stdin:
        try:
            text = answer(cases, ready, line)
        except Exception as e:
            text = "skip: %s: %s" % (type(e).__name__, (str(e).splitlines() or [""])[0])
        print(text, flush=True)
