// SPDX-License-Identifier: GPL-3.0-or-later
// The C boundary. GSL's generator types are C globals of pointer type, which Swift 6 refuses as shared
// mutable state, so each that is needed gets a `static inline` accessor here.
#ifndef SIM_CGSL_SHIM_H
#define SIM_CGSL_SHIM_H

#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_histogram.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_matrix.h>
#include <gsl/gsl_multifit.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_rstat.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_statistics_double.h>
#include <gsl/gsl_vector.h>
#include <gsl/gsl_version.h>

static inline const gsl_rng_type *sim_gsl_rng_taus2(void) { return gsl_rng_taus2; }
static inline const gsl_rng_type *sim_gsl_rng_mt19937(void) { return gsl_rng_mt19937; }
/// GSL's default handler aborts the process: with it off, calls return their error code instead.
static inline void sim_gsl_disable_abort(void) { gsl_set_error_handler_off(); }

#endif
