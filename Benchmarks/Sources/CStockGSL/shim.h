// SPDX-License-Identifier: GPL-3.0-or-later
// GSL's own generator, to be timed beside ours. Its type variables are C globals, which Swift 6 refuses.
#ifndef BENCH_STOCK_GSL_H
#define BENCH_STOCK_GSL_H

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

static inline gsl_rng *bench_taus2(void) { return gsl_rng_alloc(gsl_rng_taus2); }

#endif
