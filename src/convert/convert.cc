#include "convert/convert.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "convert/convert_internal.h"
#include "convert/gguf_metadata.h"
#include "convert/unfinished_paths.h"

namespace sterna {
namespace {

constexpr size_t kCopiedBytes = size_t{16} << 20;

Status ApplyOverrides(const ConvertOptions& options, Metadata* metadata) {
  for (const MetadataOverride& change : options.overrides) STERNA_RETURN_IF_ERROR(ApplyOverride(change, metadata));
  return Status::Ok();
}

/// The part of a conversion to GGUF that does not depend on where tensors come from.
struct GgufJob {
  const WeightSource& source;
  const ConvertOptions& options;
  const std::string& path;
  const Metadata& metadata;
  std::vector<TensorSpec> specs;
  std::function<Status(size_t index, const PieceSink& sink)> write;
  /// Of the finished files under their temporary names, opened by the first.
  std::function<Status(std::shared_ptr<const WeightSource> written, ConvertReport* report)> verify;
};

/// Names of files that are being made; they keep the pattern of a series, by which they find each other.
std::string TemporaryPath(const std::string& path) {
  return fmt::format("{}.unfinished-{}", path, getpid());
}

Result<ConvertReport> RunGgufJob(const GgufJob& job) {
  STERNA_ASSIGN_OR_RETURN(const std::vector<uint64_t> sizes, SizesOf(job.specs));
  const std::vector<size_t> parts = CutIntoParts(sizes, job.options.split);
  ConvertReport report{
      .tensors = static_cast<int64_t>(job.specs.size()), .files = PartPaths(job.path, parts.size()), .plan = job.specs};
  for (const uint64_t size : sizes) report.bytes += static_cast<int64_t>(size);
  std::error_code ignored;
  for (const std::string& file : report.files) {
    if (parts.size() > 1 && !job.options.overwrite && std::filesystem::exists(file, ignored)) {
      return InvalidArgument(fmt::format("'{}' exists already; --force replaces it", file));
    }
  }
  if (job.options.dry_run) return report;
  const std::vector<std::string> temporary = PartPaths(TemporaryPath(job.path), parts.size());
  UnfinishedPaths unfinished;
  for (size_t i = 0; i < temporary.size(); ++i) unfinished.Add(temporary[i], report.files[i]);
  const auto write = [&](size_t index, const PieceSink& sink) -> Status {
    return WriteTensor(
        job.source, job.options, index, job.specs[index], report.tensors,
        [&](const PieceSink& inner) { return job.write(index, inner); }, sink);
  };
  STERNA_ASSIGN_OR_RETURN(const uint64_t bytes, WriteGgufParts(temporary, parts, job.metadata, job.specs, write));
  report.bytes = static_cast<int64_t>(bytes);
  STERNA_RETURN_IF_ERROR(job.source.StillUnchanged());
  if (job.options.verify) {
    const auto verify = [&]() -> Status {
      STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const WeightSource> written, OpenWeights(temporary.front()));
      for (const Metadata::Item& item : job.metadata.items()) {
        const MetaValue* value = written->metadata().Find(item.key);
        if (value == nullptr || *value != item.value)
          return Internal(fmt::format("key {} differs from what was written", item.key));
      }
      return job.verify(std::move(written), &report);
    };
    STERNA_RETURN_IF_ERROR(verify().WithContext(fmt::format("verifying '{}'", job.path)));
  }
  STERNA_RETURN_IF_ERROR(unfinished.Publish());
  return report;
}

}  // namespace

std::vector<TensorSpec> SpecsOf(const std::vector<PlannedTensor>& tensors) {
  std::vector<TensorSpec> specs;
  for (const PlannedTensor& tensor : tensors) specs.push_back(tensor.spec);
  return specs;
}

Result<std::vector<uint64_t>> SizesOf(std::span<const TensorSpec> specs) {
  std::vector<uint64_t> sizes;
  for (const TensorSpec& spec : specs) {
    STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(spec.dtype, spec.shape));
    sizes.push_back(static_cast<uint64_t>(bytes));
  }
  return sizes;
}

Status WriteTensor(const WeightSource& source, const ConvertOptions& options, size_t index, const TensorSpec& spec, int64_t total,
                   const std::function<Status(const PieceSink& sink)>& write, const PieceSink& sink) {
  // Enough between two releases to make the system call rare.
  constexpr size_t kBytesPerRelease = size_t{32} << 20;
  if (options.progress && !options.progress(static_cast<int64_t>(index), total, spec.name)) return Cancelled("interrupted");
  size_t bytes = 0;
  STERNA_RETURN_IF_ERROR(write([&](std::span<const std::byte> piece) -> Status {
    STERNA_RETURN_IF_ERROR(sink(piece));
    bytes += piece.size();
    if (bytes < kBytesPerRelease) return Status::Ok();
    bytes = 0;
    source.ReleasePages();
    return Status::Ok();
  }));
  source.ReleasePages();
  return Status::Ok();
}

Status CompareWithWritten(OpenCheckpoint* source, std::shared_ptr<const WeightSource> written,
                          const std::vector<PlannedTensor>& planned, const ConvertOptions& options, ConvertReport* report) {
  STERNA_ASSIGN_OR_RETURN(ModelConfig config, ReadModelConfig(written->format(), written->metadata()));
  const auto shape = [](const ModelConfig& c) {
    return std::array{c.layers, c.d_model, c.d_ff, c.heads, c.kv_heads, c.head_dim, c.vocab, static_cast<int64_t>(c.activation)};
  };
  if (shape(config) != shape(source->config())) {
    return InvalidArgument("the metadata of the new file describes another model: an override changed its shape or its activation");
  }
  OpenCheckpoint found(std::move(written), std::move(config));
  STERNA_ASSIGN_OR_RETURN(report->comparisons, CompareCheckpoints(source, &found, planned, options.verify_progress));
  for (const TensorComparison& comparison : report->comparisons) {
    report->max_scale_error = std::max(report->max_scale_error, comparison.scale_error);
  }
  return Status::Ok();
}

Result<ConvertReport> ConvertToGguf(std::shared_ptr<const WeightSource> source, const ConvertOptions& options,
                                    const std::string& path) {
  const std::string source_path = source->path();
  STERNA_ASSIGN_OR_RETURN(ModelConfig config, ReadModelConfig(source->format(), source->metadata()).WithContext(source_path));
  OpenCheckpoint checkpoint(source, std::move(config));
  const auto convert = [&]() -> Result<ConvertReport> {
    STERNA_ASSIGN_OR_RETURN(const std::string architecture, GgufArchitecture(checkpoint.config()));
    STERNA_ASSIGN_OR_RETURN(Metadata metadata, MakeGgufMetadata(checkpoint.config(), *source, options));
    STERNA_RETURN_IF_ERROR(ApplyOverrides(options, &metadata));
    STERNA_ASSIGN_OR_RETURN(const std::vector<PlannedTensor> planned,
                            PlanGguf(&checkpoint, options.types, /*interleave=*/architecture == "llama"));
    return RunGgufJob({.source = *source,
                       .options = options,
                       .path = path,
                       .metadata = metadata,
                       .specs = SpecsOf(planned),
                       .write = [&](size_t i, const PieceSink& sink) { return checkpoint.Write(planned[i], sink); },
                       .verify =
                           [&](std::shared_ptr<const WeightSource> written, ConvertReport* report) {
                             return CompareWithWritten(&checkpoint, std::move(written), planned, options, report);
                           }});
  };
  return convert().WithContext(source_path);
}

Result<ConvertReport> CopyGguf(std::shared_ptr<const WeightSource> source, const ConvertOptions& options, const std::string& path) {
  if (source->format() != "GGUF") {
    return Unsupported(
        fmt::format("'{}' is a {} checkpoint: only GGUF files can be copied as they are", source->path(), source->format()));
  }
  const std::span<const TensorEntry> entries = source->entries();
  Metadata metadata = source->metadata();
  STERNA_RETURN_IF_ERROR(ApplyOverrides(options, &metadata));
  std::vector<TensorSpec> specs;
  for (const TensorEntry& entry : entries) specs.push_back({.name = entry.name, .dtype = entry.dtype, .shape = entry.shape});
  const auto write = [&](size_t i, const PieceSink& sink) -> Status {
    const std::span<const std::byte> data = entries[i].data;
    for (size_t begin = 0; begin < data.size(); begin += kCopiedBytes) {
      STERNA_RETURN_IF_ERROR(sink(data.subspan(begin, std::min(kCopiedBytes, data.size() - begin))));
    }
    return Status::Ok();
  };
  const auto verify = [&](std::shared_ptr<const WeightSource> written, ConvertReport*) -> Status {
    for (const TensorEntry& entry : entries) {
      const TensorEntry* found = written->Find(entry.name);
      if (found == nullptr || found->dtype != entry.dtype || found->shape != entry.shape ||
          std::memcmp(found->data.data(), entry.data.data(), entry.data.size()) != 0) {
        return Internal(fmt::format("tensor {} differs from the source", entry.name));
      }
      source->ReleasePages();
      written->ReleasePages();
    }
    return Status::Ok();
  };
  return RunGgufJob({*source, options, path, metadata, std::move(specs), write, verify}).WithContext(source->path());
}

}  // namespace sterna
