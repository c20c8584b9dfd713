// SPDX-License-Identifier: GPL-3.0-or-later
//
// The one thing that Swift has no word for: telling the processor that a cache line will be needed soon.

#ifndef SIM_PREFETCH_H
#define SIM_PREFETCH_H

/// Starts to load the cache line at `address`; has no other effect, whatever the address.
static inline void sim_prefetch(const void *address) { __builtin_prefetch(address, 1); }

#endif
