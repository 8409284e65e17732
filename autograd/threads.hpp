#pragma once

namespace xgrad {

/// How many threads one operation may use, on whichever thread it is called: by default
/// XGRAD_NUM_THREADS if set (read when first asked for; ValueError where it is no number of
/// threads), else what OpenMP says (OMP_NUM_THREADS, or the cores this process may run on). Holds
/// for oneDNN and OpenBLAS inside operations; OpenMP's own setting, which a program's own parallel
/// loops go by, stays as it is. ValueError unless positive. Results are the same bits for the same
/// number of threads. May be called while other threads compute: what they have begun goes on with
/// the number it began with.
///
/// A forked process has none of its parent's threads. On the thread that forked, if it has used
/// several, an operation throws an Error there until set_num_threads(1); threads that the child
/// starts itself have no such limit. The child finds xgrad's own locks open, whatever other threads
/// of its parent were doing. Those inside oneDNN and OpenBLAS it may not: fork while no other
/// thread convolves or multiplies matrices. What those threads had under way stays half done in the
/// child's memory.
void set_num_threads(int threads);
int num_threads();

}  // namespace xgrad
