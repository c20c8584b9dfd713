// SPDX-License-Identifier: GPL-3.0-or-later
//
// System calls that glibc declares for _GNU_SOURCE only, which Swift's importer does not set. Elsewhere than
// on Linux they fail with ENOSYS.

#ifndef SIM_LINUX_H
#define SIM_LINUX_H

#include <errno.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

/// Gives the calling thread a new, empty network namespace (unshare(2), CLONE_NEWNET).
static inline int sim_unshare_network(void) {
#ifdef __linux__
  return (int)syscall(SYS_unshare, 0x40000000);
#else
  errno = ENOSYS;
  return -1;
#endif
}

/// Moves the calling thread into the network namespace that `fd` stands for (setns(2)).
static inline int sim_enter_network(int fd) {
#ifdef __linux__
  return (int)syscall(SYS_setns, fd, 0x40000000);
#else
  (void)fd;
  errno = ENOSYS;
  return -1;
#endif
}

#endif
