#!/usr/bin/env python3
"""How long a training step takes on many machines, and where more of them stop to pay.

    docs/guides/scaling.py --seconds 0.9 --megabytes 44.7 --latency 2 --bandwidth 12.5

--seconds: a step of the whole batch on one process, measured; --megabytes: of gradients; --latency:
of the network in microseconds; --bandwidth: of one process's share of it, in GB/s; --shards: parts of
a batch, no fewer than processes (default: one for each process, as with --fast).

A step is compute / N, and what the gradients take beyond the backward pass of the last shard (two
thirds of its time), under which all buckets but the last are sent. Each bucket is sent in two steps,
(N - 1) / N of it and N - 1 messages each: parts to those who add them, sums to all. Five small
agreements a step take log2(N) messages each.
"""
import argparse
import math


def step(n, seconds, megabytes, latency, bandwidth, shards=0, first_bucket=1.0, bucket=25.0):
    own = max(shards // n, 1) if shards else 1
    shard = seconds / (shards or n)
    compute = own * shard

    def sent(size):
        return 2 * (size / bandwidth / 1e3 * (n - 1) / n + (n - 1) * latency / 1e6)

    sizes = [min(first_bucket, megabytes)]
    while sum(sizes) < megabytes:
        sizes.append(min(bucket, megabytes - sum(sizes)))
    hidden = min(sum(sent(s) for s in sizes[:-1]), 2 / 3 * shard)
    agreed = 5 * math.ceil(math.log2(n)) * latency / 1e6
    shown = sum(sent(s) for s in sizes) - hidden + agreed
    return compute + shown, shown


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--megabytes", type=float, required=True)
    parser.add_argument("--latency", type=float, default=2)
    parser.add_argument("--bandwidth", type=float, default=12.5)
    parser.add_argument("--shards", type=int, default=0)
    parser.add_argument("--weak", action="store_true",
                        help="each process has a batch of that size: the batch grows with them")
    options = parser.parse_args()
    print("processes   step ms   of it waiting   speed-up   of ideal")
    for n in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000]:
        if options.shards and n > options.shards:
            break
        seconds = options.seconds * (n if options.weak else 1)
        took, shown = step(n, seconds, options.megabytes, options.latency, options.bandwidth,
                           options.shards)
        speed_up = seconds / took
        print(f"{n:9}{took * 1e3:10.2f}{shown * 1e3:16.2f}{speed_up:11.1f}{100 * speed_up / n:9.0f} %")


if __name__ == "__main__":
    main()
