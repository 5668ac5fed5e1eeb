#include "api/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "api/loaded_model.h"
#include "api/model_path.h"
#include "api/output_path.h"
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

/// Tokenizer and chat template of a Hugging Face directory; a GGUF source has them in its metadata.
Status ReadTextFiles(const std::string& source, ConvertOptions* options) {
  constexpr size_t kMaxTokenizerBytes = size_t{256} << 20;
  constexpr size_t kMaxConfigBytes = size_t{16} << 20;
  std::error_code ignored;
  if (!fs::is_directory(source, ignored)) return Status::Ok();
  if (const fs::path path = fs::path(source) / "tokenizer.json"; fs::exists(path, ignored)) {
    STERNA_ASSIGN_OR_RETURN(options->tokenizer_json, ReadWholeFile(path.string(), kMaxTokenizerBytes));
  }
  if (const fs::path path = fs::path(source) / "tokenizer_config.json"; fs::exists(path, ignored)) {
    STERNA_ASSIGN_OR_RETURN(options->tokenizer_config_json, ReadWholeFile(path.string(), kMaxConfigBytes));
  }
  Result<std::string> chat_template = ReadChatTemplate(source);
  if (chat_template.ok()) {
    options->chat_template = *std::move(chat_template);
  } else if (chat_template.status().code() != StatusCode::kNotFound) {
    return chat_template.status();
  }
  return Status::Ok();
}

}  // namespace

Result<ConvertReport> Convert(const ConvertRequest& asked) {
  ConvertRequest request = asked;
  STERNA_ASSIGN_OR_RETURN(request.source, FindModelPath(asked.source));
  ConvertOptions options;
  STERNA_ASSIGN_OR_RETURN(options.projection_type, ParseType("--type", request.type));
  STERNA_ASSIGN_OR_RETURN(options.embedding_type, ParseType("--embedding-type", request.embedding_type));
  options.progress = request.progress;
  options.verify = request.verify;
  STERNA_RETURN_IF_ERROR(CheckOutputPath(request.output, request.overwrite));
  std::error_code ignored;
  if (fs::equivalent(request.source, request.output, ignored)) {
    return InvalidArgument(fmt::format("'{}' is the source: choose another name for the output", request.output));
  }
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source, OpenWeights(request.source));
  if (!options.projection_type && HasTernaryProjections(*source)) options.projection_type = DType::kI2_S;
  STERNA_RETURN_IF_ERROR(ReadTextFiles(request.source, &options));
  return ConvertToGguf(source, options, request.output);
}

}  // namespace sterna
