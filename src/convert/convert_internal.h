// What the pipelines of this room share.
#ifndef STERNA_CONVERT_CONVERT_INTERNAL_H_
#define STERNA_CONVERT_CONVERT_INTERNAL_H_

#include <memory>
#include <vector>

#include "convert/convert.h"

namespace sterna {

std::vector<TensorSpec> SpecsOf(const std::vector<PlannedTensor>& tensors);
Result<std::vector<uint64_t>> SizesOf(std::span<const TensorSpec> specs);

/// Calls options.progress, writes the tensor, and gives pages of the source back on the way. Cancelled where progress says no.
Status WriteTensor(const WeightSource& source, const ConvertOptions& options, size_t index, const TensorSpec& spec, int64_t total,
                   const std::function<Status(const PieceSink& sink)>& write, const PieceSink& sink);

/// CompareCheckpoints with what was written, into report->comparisons and max_scale_error.
Status CompareWithWritten(OpenCheckpoint* source, std::shared_ptr<const WeightSource> written,
                          const std::vector<PlannedTensor>& planned, const ConvertOptions& options, ConvertReport* report);

}  // namespace sterna

#endif  // STERNA_CONVERT_CONVERT_INTERNAL_H_
