#include "api/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

Result<std::optional<DType>> ParseType(std::string_view flag, const std::string& name) {
  if (name.empty()) return std::optional<DType>();
  const auto dtype = DTypeFromName(name);
  if (!dtype) return InvalidArgument(fmt::format("{}: unknown type '{}'", flag, name));
  return dtype;
}

bool HasTernaryProjections(const WeightSource& source) {
  // BitNet checkpoints: packed bytes or ternary blocks, or full-precision masters that the configuration calls so.
  return source.metadata().Has("quantization_config.quant_method") ||
         std::ranges::any_of(source.entries(),
                             [](const TensorEntry& entry) { return entry.dtype == DType::kU8 || Info(entry.dtype).is_ternary; });
}

}  // namespace

Result<ConvertReport> Convert(const ConvertRequest& request) {
  ConvertOptions options;
  STERNA_ASSIGN_OR_RETURN(options.projection_type, ParseType("--type", request.type));
  STERNA_ASSIGN_OR_RETURN(options.embedding_type, ParseType("--embedding-type", request.embedding_type));
  options.progress = request.progress;
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source, OpenWeights(request.source));
  if (!options.projection_type && HasTernaryProjections(*source)) options.projection_type = DType::kI2_S;
  constexpr size_t kMaxTokenizerBytes = size_t{256} << 20;
  const fs::path tokenizer = fs::path(request.source) / "tokenizer.json";
  std::error_code ignored;
  if (fs::exists(tokenizer, ignored)) {
    STERNA_ASSIGN_OR_RETURN(options.tokenizer_json, ReadWholeFile(tokenizer.string(), kMaxTokenizerBytes));
  }
  const fs::path chat_template = fs::path(request.source) / "chat_template.jinja";
  if (fs::exists(chat_template, ignored)) {
    STERNA_ASSIGN_OR_RETURN(options.chat_template, ReadWholeFile(chat_template.string(), size_t{1} << 20));
  }
  return ConvertToGguf(source, options, request.output);
}

}  // namespace sterna
