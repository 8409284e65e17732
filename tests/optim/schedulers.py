#!/usr/bin/env python3
"""Prints schedulers.hpp: rates of 100 steps by the formulas of PyTorch's documentation.

A line is what a scheduler is made of, then for each of two groups, whose rates are 0.05 and 1, the
rates in steps 0, 1, 2, 7, 34, 50 and 99 and the sum of step + 1 times the rate over all 100; and the
same of the first group's momentum where it is cycled.
"""
from math import cos, floor, pi, prod

STEPS = 100
SHOWN = (0, 1, 2, 7, 34, 50, 99)
BASES = (0.05, 1.0)


def step_lr(step_size, gamma):
    return lambda t: gamma ** (t // step_size)


def multi_step(milestones, gamma):
    return lambda t: gamma ** sum(m <= t for m in milestones)


def constant(factor=1 / 3, total=5):
    return lambda t: factor if t < total else 1.0


def linear(start=1 / 3, end=1.0, total=5):
    return lambda t: start + (end - start) * min(t, total) / total


def exponential(gamma):
    return lambda t: gamma**t


def polynomial(total=5, power=1.0):
    return lambda t: (1 - min(t, total) / total) ** power


def times(factor):
    return lambda base: lambda t: base * factor(t)


def cosine(t_max, eta_min=0.0):
    return lambda base: lambda t: eta_min + (base - eta_min) * (1 + cos(pi * t / t_max)) / 2


def warm_restarts(t_0, t_mult=1, eta_min=0.0):
    def place(t):
        period = t_0
        while t >= period:
            t -= period
            period *= t_mult
        return t / period

    return lambda base: lambda t: eta_min + (base - eta_min) * (1 + cos(pi * place(t))) / 2


def cyclic(low, high, up, down, scale, by_cycle=True):
    def at(t):
        cycle = floor(1 + t / (up + down))
        inside = t - (cycle - 1) * (up + down)
        rise = inside / up if inside <= up else (up + down - inside) / down
        return low + (high - low) * rise * scale(cycle if by_cycle else t)

    return at


def one_cycle(total, levels, ends, annealing):
    """Through levels[0], levels[1], …, which are reached in steps ends[0] = 0, ends[1], …"""

    def at(t):
        i = next((i for i in range(1, len(ends)) if t <= ends[i]), len(ends) - 1)
        part = (t - ends[i - 1]) / (ends[i] - ends[i - 1])
        weight = (1 + cos(pi * part)) / 2 if annealing == "cos" else 1 - part
        return levels[i] + (levels[i - 1] - levels[i]) * weight

    return at


def one_cycle_rate(high, total=100, start=0.3, annealing="cos", div=25, final=1e4, three=False):
    low = high / div
    levels = [low, high, low, low / final] if three else [low, high, low / final]
    return one_cycle(total, levels, ends(total, start, three), annealing)


def one_cycle_momentum(low, high, total=100, start=0.3, annealing="cos", three=False):
    levels = [high, low, high, high] if three else [high, low, high]
    return one_cycle(total, levels, ends(total, start, three), annealing)


def ends(total, start, three):
    return [0, start * total - 1] + ([2 * start * total - 2] if three else []) + [total - 1]


def sequence(parts, milestones):
    def at(t):
        i = sum(m <= t for m in milestones)
        return parts[i](t - (milestones[i - 1] if i else 0))

    return at


def swa(base, last, epochs, annealing):
    def weight(t):
        t = min(1.0, t / max(1, epochs)) if epochs else 1.0
        return (1 - cos(pi * t)) / 2 if annealing == "cos" else t

    return lambda t: last * weight(t) + base * (1 - weight(t))


def plateau(base, metrics, mode="min", factor=0.1, patience=10, threshold=1e-4, relative=True,
            cooldown=0, min_lr=0.0, eps=1e-8):
    rates, rate, bad, waiting = [base], base, 0, 0
    best = float("inf") if mode == "min" else -float("inf")
    for metric in metrics:
        sign = -1 if mode == "min" else 1
        bound = best * (1 + sign * threshold) if relative else best + sign * threshold
        if metric < bound if mode == "min" else metric > bound:
            best, bad = metric, 0
        else:
            bad += 1
        if waiting > 0:
            waiting, bad = waiting - 1, 0
        if bad > patience:
            lower = max(rate * factor, min_lr)
            if rate - lower > eps:
                rate = lower
            waiting, bad = cooldown, 0
        rates.append(rate)
    return lambda t: rates[t]


def falling_cosine_of_warm_up(base, warm, t_max, eta_min):
    """Linear, then cosine in one chain: the cosine's factor is of what lies above eta_min."""
    rates = [base * warm(0)]
    for t in range(1, STEPS):
        rate = rates[-1] * warm(t) / warm(t - 1)
        if (t - 1) % (2 * t_max) == t_max:
            rates.append(rate + (base - eta_min) * (1 - cos(pi / t_max)) / 2)
        else:
            factor = (1 + cos(pi * t / t_max)) / (1 + cos(pi * (t - 1) / t_max))
            rates.append(factor * (rate - eta_min) + eta_min)
    return lambda t: rates[t]


def product(*factors):
    return lambda t: prod(factor(t) for factor in factors)


def line(name, of, momentum=None):
    rates = [of(base) for base in BASES] + ([momentum] if momentum else [])
    numbers = []
    for rate in rates:
        values = [rate(t) for t in range(STEPS)]
        numbers.append([float(values[t]) for t in SHOWN] + [sum((t + 1) * v for t, v in enumerate(values))])
    rows = ",\n".join("      {" + ", ".join(map(repr, row)) + "}" for row in numbers)
    print(f'    {{"{name}",\n     {{\n{rows}}}}},')


print("""#pragma once
// Printed by schedulers.py.
// clang-format off

#include <array>
#include <string>
#include <vector>

/// Rates of the groups, and the first one's momentum where it is cycled, in steps 0, 1, 2, 7, 34, 50
/// and 99; and the sum of step + 1 times each over 100 steps.
struct Wanted {
  std::string name;
  std::vector<std::array<double, 8>> numbers;
};

inline const std::vector<Wanted> wanted{""")
metrics = [abs((i * 37) % 23 - 11) / (1 + i / 10) for i in range(STEPS)]
wave = lambda t: 1 + 0.5 * cos(t)

line("StepLR", times(step_lr(30, 0.1)))
line("StepLR, 7, 0.9", times(step_lr(7, 0.9)))
line("LambdaLR", times(lambda t: 1 / (t + 2)))
line("LambdaLR, one each", lambda base: times((lambda t: 0.95**t) if base < 1 else wave)(base))
line("MultiplicativeLR", times(lambda t: prod(1 - 1 / (i + 3) for i in range(1, t + 1))))
line("MultiStepLR", times(multi_step([30, 80], 0.1)))
line("MultiStepLR, twice at 50", times(multi_step([1, 50, 50, 99], 0.5)))
line("ConstantLR", times(constant()))
line("ConstantLR, 0.5, 40", times(constant(0.5, 40)))
line("LinearLR", times(linear()))
line("LinearLR, falling", times(linear(0.7, 0.0, 60)))
line("ExponentialLR", times(exponential(0.95)))
line("ExponentialLR, rising", times(exponential(1.01)))
line("PolynomialLR", times(polynomial()))
line("PolynomialLR, 80, 2.5", times(polynomial(80, 2.5)))
line("CosineAnnealingLR", cosine(100))
line("CosineAnnealingLR, several", cosine(15, 0.01))
line("SWALR", lambda base: swa(base, 0.2, 10, "cos"))
line("SWALR, linear", lambda base: swa(base, 0.2 if base < 1 else 0.3, 60, "linear"))
line("SWALR, at once", lambda base: swa(base, 0.2, 0, "cos"))
line("CosineAnnealingWarmRestarts", warm_restarts(10))
line("CosineAnnealingWarmRestarts, longer", warm_restarts(5, 3, 0.002))
line("CyclicLR", lambda base: cyclic(0.01, 0.1, 20, 20, lambda c: 1),
     cyclic(0.9, 0.8, 20, 20, lambda c: 1))
line("CyclicLR, triangular2", lambda base: cyclic(0.01 * base, 0.1, 8, 13, lambda c: 0.5 ** (c - 1)),
     cyclic(0.95, 0.7, 8, 13, lambda c: 0.5 ** (c - 1)))
line("CyclicLR, exp_range", lambda base: cyclic(0.01, 0.1, 20, 20, lambda t: 0.97**t, False),
     cyclic(0.9, 0.8, 20, 20, lambda t: 0.97**t, False))
line("CyclicLR, own", lambda base: cyclic(0.01, 0.1, 11, 9, lambda c: 1 / c))
line("OneCycleLR", lambda base: one_cycle_rate(0.1), one_cycle_momentum(0.85, 0.95))
line("OneCycleLR, linear", lambda base: one_cycle_rate(2 * base, 120, 0.25, "linear", 10, 100),
     one_cycle_momentum(0.8, 0.9, 120, 0.25, "linear"))
line("OneCycleLR, three phases", lambda base: one_cycle_rate(0.1, 100, 0.4, three=True),
     one_cycle_momentum(0.85, 0.95, 100, 0.4, three=True))
line("SequentialLR", lambda base: sequence([times(linear(0.01, 1, 20))(base), cosine(80)(base)], [20]))
line("SequentialLR, three", lambda base: sequence(
    [times(constant(0.1, 5))(base), times(exponential(0.9))(base), times(step_lr(10, 0.5))(base)],
    [10, 50]))
line("SequentialLR, going on", lambda base: sequence(
    [times(exponential(0.9))(base), lambda t: swa(base * 0.9**19, 0.2, 10, "cos")(t + 1)], [20]))
line("ChainedScheduler", times(product(constant(0.1, 20), exponential(0.95))))
line("ChainedScheduler, cosine", lambda base: falling_cosine_of_warm_up(
    base, linear(0.1, 1, 10), 40, 0.004))
line("one after the other", times(product(step_lr(25, 0.5), exponential(0.99))))
line("ReduceLROnPlateau", lambda base: plateau(base, metrics, patience=3))
line("ReduceLROnPlateau, max", lambda base: plateau(
    base, metrics, "max", 0.5, 2, 0.1, False, 4, 0.01 if base < 1 else 0.2))
print("};")
