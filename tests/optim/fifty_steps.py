#!/usr/bin/env python3
"""Where 50 steps lead, by PyTorch's documented formulas in float64: the numbers in fifty_steps.cpp.
Needs NumPy alone."""

import numpy as np

START = np.array([1., -2., 3., 0.5])


def gradient(t):
    return np.sin(0.7 * t * np.arange(1, 5)) + 0.1 * np.arange(4)


def train(step, shape=(4,)):
    """x after 50 steps of step(x, g, state, t), which gives the new x."""
    x, state = START.reshape(shape).copy(), {}
    for t in range(1, 51):
        x = step(x, gradient(t).reshape(shape), state, t)
    return x.ravel()


def ema(state, name, value, beta, first=0.):
    state[name] = beta * state.get(name, first) + (1 - beta) * value
    return state[name]


def decayed(x, g, lr, wd, decoupled):
    return (x * (1 - lr * wd), g) if decoupled else (x, g + wd * x)


def adamax(lr=2e-3, b1=.9, b2=.999, eps=1e-8, wd=0.):
    def step(x, g, s, t):
        g = g + wd * x
        m = ema(s, "m", g, b1)
        s["u"] = np.maximum(b2 * s.get("u", 0.), np.abs(g) + eps)
        return x - lr / (1 - b1 ** t) * m / s["u"]
    return train(step)


def nadam(lr=2e-3, b1=.9, b2=.999, eps=1e-8, wd=0., psi=4e-3, decoupled=False):
    def step(x, g, s, t):
        x, g = decayed(x, g, lr, wd, decoupled)
        mu = b1 * (1 - .5 * .96 ** (t * psi))
        after = b1 * (1 - .5 * .96 ** ((t + 1) * psi))
        s["product"] = s.get("product", 1.) * mu
        m, v = ema(s, "m", g, b1), ema(s, "v", g * g, b2)
        mean = after * m / (1 - s["product"] * after) + (1 - mu) * g / (1 - s["product"])
        return x - lr * mean / (np.sqrt(v / (1 - b2 ** t)) + eps)
    return train(step)


def radam(lr=1e-3, b1=.9, b2=.999, eps=1e-8, wd=0., decoupled=False):
    def step(x, g, s, t):
        x, g = decayed(x, g, lr, wd, decoupled)
        m, v = ema(s, "m", g, b1) / (1 - b1 ** t), ema(s, "v", g * g, b2)
        most = 2 / (1 - b2) - 1
        rho = most - 2 * t * b2 ** t / (1 - b2 ** t)
        if rho <= 5:
            return x - lr * m
        r = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
        return x - lr * m * r * np.sqrt(1 - b2 ** t) / (np.sqrt(v) + eps)
    return train(step)


def adagrad(lr=1e-2, lr_decay=0., wd=0., initial=0., eps=1e-10):
    def step(x, g, s, t):
        g = g + wd * x
        s["sum"] = s.get("sum", initial) + g * g
        return x - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s["sum"]) + eps)
    return train(step)


def adadelta(lr=1., rho=.9, eps=1e-6, wd=0.):
    def step(x, g, s, t):
        g = g + wd * x
        v = ema(s, "v", g * g, rho)
        d = np.sqrt(s.get("u", 0.) + eps) / np.sqrt(v + eps) * g
        ema(s, "u", d * d, rho)
        return x - lr * d
    return train(step)


def rmsprop(lr=1e-2, alpha=.99, eps=1e-8, wd=0., mu=0., centered=False):
    def step(x, g, s, t):
        g = g + wd * x
        v = ema(s, "v", g * g, alpha)
        if centered:
            v = v - ema(s, "mean", g, alpha) ** 2
        s["b"] = mu * s.get("b", 0.) + g / (np.sqrt(v) + eps)
        return x - lr * s["b"]
    return train(step)


def rprop(lr=1e-2, etas=(.5, 1.2), sizes=(1e-6, 50.)):
    def step(x, g, s, t):
        kept = np.sign(g * s.get("before", np.zeros_like(g)))
        factor = np.where(kept > 0, etas[1], np.where(kept < 0, etas[0], 1.))
        s["size"] = np.clip(s.get("size", lr) * factor, *sizes)
        s["before"] = np.where(kept < 0, 0., g)
        return x - np.sign(s["before"]) * s["size"]
    return train(step)


def asgd(lr=1e-2, lambd=1e-4, alpha=.75, t0=1e6, wd=0.):
    def step(x, g, s, t):
        g = g + wd * x
        eta = s.get("eta", lr)
        s["eta"] = lr / (1 + lambd * lr * t) ** alpha
        return x * (1 - lambd * eta) - eta * g
    return train(step)


def lion(lr=1e-4, b1=.9, b2=.99, wd=0.):
    def step(x, g, s, t):
        x = x * (1 - lr * wd) - lr * np.sign(b1 * s.get("m", 0.) + (1 - b1) * g)
        ema(s, "m", g, b2)
        return x
    return train(step)


def lamb(lr=1e-3, b1=.9, b2=.999, eps=1e-6, wd=0.):
    def step(x, g, s, t):
        m, v = ema(s, "m", g, b1) / (1 - b1 ** t), ema(s, "v", g * g, b2) / (1 - b2 ** t)
        r = m / (np.sqrt(v) + eps) + wd * x
        return x - lr * np.linalg.norm(x) / np.linalg.norm(r) * r
    return train(step)


def adafactor(shape, lr=1e-2, beta2_decay=-.8, eps=(None, 1e-3), d=1., wd=0.):
    eps1 = np.finfo(np.float64).eps if eps[0] is None else eps[0]

    def step(x, g, s, t):
        beta = 1 - t ** beta2_decay
        alpha = max(eps[1], np.sqrt(np.mean(x * x))) * min(lr, 1 / np.sqrt(t))
        x = x * (1 - lr * wd)
        if g.ndim > 1:
            row = ema(s, "row", np.mean(g * g, -1, keepdims=True), beta)
            column = ema(s, "column", np.mean(g * g, -2, keepdims=True), beta)
            v = row @ column / np.maximum(np.mean(row, -2, keepdims=True), eps1)
        else:
            v = ema(s, "v", g * g, beta)
        u = g / np.sqrt(np.maximum(v, eps1 * eps1))
        return x - alpha / max(1., np.sqrt(np.mean(u * u)) / d) * u
    return train(step, shape)


for call in """
adamax()
adamax(lr=0.05, b1=0.8, b2=0.9, eps=1e-3, wd=0.1)
nadam()
nadam(lr=0.05, b1=0.8, b2=0.95, eps=1e-3, wd=0.1, psi=0.2)
nadam(lr=0.05, wd=0.1, decoupled=True)
radam()
radam(lr=0.05, b1=0.8, b2=0.95, eps=1e-3, wd=0.1)
radam(lr=0.05, b2=0.9, wd=0.1, decoupled=True)
adagrad()
adagrad(lr=0.1, lr_decay=0.05, wd=0.1, initial=0.3, eps=1e-3)
adadelta()
adadelta(lr=0.5, rho=0.7, eps=1e-2, wd=0.1)
rmsprop()
rmsprop(lr=0.02, alpha=0.9, eps=1e-3, wd=0.1, mu=0.7)
rmsprop(alpha=0.9, eps=1e-3, centered=True)
rmsprop(alpha=0.9, eps=1e-3, mu=0.7, centered=True)
rprop()
rprop(lr=0.1, etas=(0.3, 1.5), sizes=(0.01, 0.2))
asgd()
asgd(lr=0.1, lambd=0.2, alpha=0.5, wd=0.1)
lion()
lion(lr=0.01, b1=0.7, b2=0.8, wd=0.1)
lamb()
lamb(lr=0.05, b1=0.8, b2=0.95, eps=1e-3, wd=0.1)
adafactor((4,))
adafactor((2, 2))
adafactor((1, 2, 2), lr=0.1, beta2_decay=-0.5, eps=(0.1, 0.01), d=1.5, wd=0.1)
""".split("\n"):
    if call:
        print(call, "{" + ", ".join(repr(float(v)) for v in eval(call)) + "}", sep="\n  ")
