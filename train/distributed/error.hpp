#pragma once
#include <xgrad/autograd/error.hpp>

#pragma GCC visibility push(default)

namespace xgrad::distributed {

/// Another process has died, failed, hangs, or has ended while others still wait for it. The
/// message names it by its rank and its host, with the error that it told: "rank 2 (host a): ...".
/// All processes say the same. What they do together has no end from then on: a program saves what
/// it wants to keep and ends, for which it has a few seconds.
class PeerError : public Error {
  using Error::Error;
};

}  // namespace xgrad::distributed

#pragma GCC visibility pop
