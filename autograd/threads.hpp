#pragma once

#pragma GCC visibility push(default)

namespace xgrad {

/// How many threads operations may use, on whichever threads they are called: by default
/// XGRAD_NUM_THREADS if set (read when first asked for; ValueError where it is no number of
/// threads), else what OpenMP says (OMP_NUM_THREADS, or the cores this process may run on).
///
/// One team for the process, of one thread less than that, helps all threads that call operations,
/// optimisers and nets. Small loops stay on the calling thread. Where several threads compute at
/// once, each takes a helper's place: with as many callers as threads, nobody helps. Beside other
/// busy programs the team is left out while its help costs more time than it saves. oneDNN and
/// OpenBLAS work on one thread within operations, the calling one or a helper; OpenMP's own
/// setting, which a program's own parallel loops go by, stays as it is, and inside such a loop an
/// operation uses its own thread alone. Workers of a DataLoader count for themselves, one thread
/// each.
///
/// Results are the same bits for any number here, whoever helps. ValueError unless positive; Error
/// where the system does not start so many threads. May be called while other threads compute: what
/// they have begun goes on with the number it began with.
///
/// A forked process has none of its parent's threads and starts its own. It finds xgrad's own locks
/// open, whatever other threads of its parent were doing. Those inside oneDNN and OpenBLAS it may
/// not: fork while no other thread convolves or multiplies matrices. What those threads had under
/// way stays half done in the child's memory.
void set_num_threads(int threads);
int num_threads();

}  // namespace xgrad

#pragma GCC visibility pop
