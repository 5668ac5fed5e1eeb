// Whether a plan's operations can use the weights they name.
#ifndef STERNA_BACKEND_CPU_CHECK_WEIGHTS_H_
#define STERNA_BACKEND_CPU_CHECK_WEIGHTS_H_

#include <span>

#include "backend/cpu/cpu_weights.h"
#include "backend/plan.h"
#include "base/status.h"

namespace sterna {

/// `plan` has passed CheckPlan. Internal where an operation names a weight that is not there, of another kind, or of a shape that
/// does not fit the operation's columns.
Status CheckWeights(const Plan& plan, std::span<const CpuWeight> weights);

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_CHECK_WEIGHTS_H_
