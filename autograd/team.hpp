#pragma once
// Internal: whether the system starts the threads that a parallel loop wants.

namespace xgrad::detail {

/// Error where the system does not start so many threads, this one among them: OpenMP's libraries
/// would end the program. Tried when this thread first wants so many.
void require_team(int threads);

}  // namespace xgrad::detail
