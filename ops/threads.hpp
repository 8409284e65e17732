#pragma once

namespace xgrad {

/// How many threads one operation may use: by default XGRAD_NUM_THREADS if set, else what OpenMP
/// says (OMP_NUM_THREADS, or the cores this process may run on). ValueError unless positive.
/// Results are the same bits for the same number of threads.
void set_num_threads(int threads);
int num_threads();

}  // namespace xgrad
