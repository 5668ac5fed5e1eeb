#include "api/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "api/loaded_model.h"
#include "api/model_path.h"
#include "api/output_path.h"
#include "base/file.h"
#include "convert/adapter.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTokenizerBytes = size_t{256} << 20;
constexpr size_t kMaxConfigBytes = size_t{16} << 20;

/// What a Hugging Face directory holds beside the weights and config.json.
constexpr std::array kSideFiles = {
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.model",       "vocab.json",
    "merges.txt",     "added_tokens.json",     "chat_template.jinja",     "generation_config.json"};

bool IsWord(std::string_view text, std::string_view upper_case_word) {
  return std::ranges::equal(text, upper_case_word, [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; });
}

Result<std::optional<DType>> ParseType(std::string_view flag, const std::string& name) {
  if (name.empty()) return std::optional<DType>();
  STERNA_ASSIGN_OR_RETURN(const DType dtype, WritableTypeFromName(name).WithContext(flag));
  return std::optional<DType>(dtype);
}

/// The part of the options that comes from words.
Status ParseOptions(const ConvertRequest& request, ConvertOptions* options) {
  const bool is_word = IsWord(request.type, request.to_safetensors ? "PACKED" : "COPY");
  if (!is_word) {
    STERNA_ASSIGN_OR_RETURN(options->types.projection, ParseType("--type", request.type));
  }
  STERNA_ASSIGN_OR_RETURN(options->types.embedding, ParseType("--embedding-type", request.embedding_type));
  STERNA_ASSIGN_OR_RETURN(options->types.head, ParseType("--head-type", request.head_type));
  for (const auto& [flag, type] :
       {std::pair("--embedding-type", options->types.embedding), std::pair("--head-type", options->types.head)}) {
    if (type && Info(*type).is_ternary) return InvalidArgument(fmt::format("{}: {} is for ternary projections", flag, Name(*type)));
  }
  for (const std::string& text : request.tensor_types) {
    STERNA_ASSIGN_OR_RETURN(TensorTypeRule rule, ParseTensorTypeRule(text).WithContext("--tensor-type"));
    options->types.rules.push_back(std::move(rule));
  }
  for (const std::string& text : request.overrides) {
    STERNA_ASSIGN_OR_RETURN(MetadataOverride change, ParseMetadataOverride(text).WithContext("--override-kv"));
    options->overrides.push_back(std::move(change));
  }
  const bool asks_types = options->types.embedding || options->types.head || !options->types.rules.empty();
  if (is_word && !request.to_safetensors && asks_types) {
    return InvalidArgument("--type COPY keeps every type: no other type can be asked for beside it");
  }
  return Status::Ok();
}

bool HasTernaryProjections(const WeightSource& source) {
  // BitNet checkpoints: packed bytes or ternary blocks, or full-precision masters that the configuration calls so.
  return source.metadata().Has("quantization_config.quant_method") ||
         std::ranges::any_of(source.entries(), [](const TensorEntry& entry) {
           // A norm of its own makes a projection ternary whatever type its weights have (CheckpointWeights).
           return entry.dtype == DType::kU8 || Info(entry.dtype).is_ternary || entry.name.ends_with("_proj.norm.weight") ||
                  entry.name.ends_with("_norm_in.weight");
         });
}

/// Where the files beside the weights of `source` lie; empty for GGUF, which has none.
fs::path FolderOf(const std::string& source, const WeightSource& weights) {
  std::error_code ignored;
  if (fs::is_directory(source, ignored)) return source;
  return weights.format() == "ONNX" ? fs::path(source).parent_path() / "" : fs::path();
}

/// Tokenizer and chat template of a Hugging Face directory; a GGUF source has them in its metadata.
Status ReadTextFiles(const fs::path& folder, ConvertOptions* options) {
  std::error_code ignored;
  if (folder.empty()) return Status::Ok();
  if (const fs::path path = folder / "tokenizer.json"; fs::exists(path, ignored)) {
    STERNA_ASSIGN_OR_RETURN(options->tokenizer_json, ReadWholeFile(path.string(), kMaxTokenizerBytes));
  }
  if (const fs::path path = folder / "tokenizer_config.json"; fs::exists(path, ignored)) {
    STERNA_ASSIGN_OR_RETURN(options->tokenizer_config_json, ReadWholeFile(path.string(), kMaxConfigBytes));
  }
  Result<std::string> chat_template = ReadChatTemplate(folder.string());
  if (chat_template.ok()) {
    options->chat_template = *std::move(chat_template);
  } else if (chat_template.status().code() != StatusCode::kNotFound) {
    return chat_template.status();
  }
  return Status::Ok();
}

/// The files that go along into a directory: those of the source's directory, or what a GGUF file of ours keeps of them.
Status CollectSideFiles(const fs::path& folder, const WeightSource& source, ConvertResult* result, ConvertOptions* options) {
  std::error_code ignored;
  for (const char* name : kSideFiles) {
    if (folder.empty() || !fs::exists(folder / name, ignored)) continue;
    STERNA_ASSIGN_OR_RETURN(std::string text, ReadWholeFile((folder / name).string(), kMaxTokenizerBytes));
    options->side_files.push_back({.name = name, .text = std::move(text)});
  }
  if (source.format() != "GGUF") return Status::Ok();
  const Metadata& metadata = source.metadata();
  for (const auto& [key, name] : {std::pair("tokenizer.huggingface.json", "tokenizer.json"),
                                  std::pair("tokenizer.huggingface.config", "tokenizer_config.json"),
                                  std::pair("tokenizer.chat_template", "chat_template.jinja")}) {
    if (!metadata.Has(key)) continue;
    STERNA_ASSIGN_OR_RETURN(const std::string_view text, metadata.GetString(key));
    options->side_files.push_back({.name = name, .text = std::string(text)});
  }
  if (metadata.Has("tokenizer.ggml.model") && !metadata.Has("tokenizer.huggingface.json")) {
    result->warnings.push_back(
        "the vocabulary of this GGUF file (tokenizer.ggml.*) has no form that a Hugging Face directory takes: the new one has no "
        "tokenizer.json");
  }
  return Status::Ok();
}

Result<ModelConfig> ReadBase(const ConvertRequest& request) {
  if (request.base.empty()) {
    return InvalidArgument(fmt::format("'{}' is an adapter: --base MODEL says which model it belongs to", request.source));
  }
  STERNA_ASSIGN_OR_RETURN(const std::string path, FindModelPath(request.base));
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> base, OpenWeights(path));
  return ReadModelConfig(base->format(), base->metadata()).WithContext(request.base);
}

}  // namespace

Status CheckConvertRequest(const ConvertRequest& request) {
  ConvertOptions ignored;
  return ParseOptions(request, &ignored);
}

Result<ConvertResult> Convert(const ConvertRequest& asked) {
  ConvertRequest request = asked;
  STERNA_ASSIGN_OR_RETURN(request.source, FindModelPath(asked.source));
  ConvertOptions options;
  STERNA_RETURN_IF_ERROR(ParseOptions(request, &options));
  options.split = request.split;
  options.dry_run = request.dry_run;
  options.overwrite = request.overwrite;
  options.verify = request.verify;
  options.progress = request.progress;
  options.verify_progress = request.verify_progress;
  if (!request.to_safetensors) STERNA_RETURN_IF_ERROR(CheckOutputPath(request.output, request.overwrite));
  std::error_code ignored;
  if (fs::equivalent(request.source, request.output, ignored)) {
    return InvalidArgument(fmt::format("'{}' is the source: choose another name for the output", request.output));
  }
  ConvertResult result;
  if (IsPeftAdapter(request.source)) {
    if (request.to_safetensors)
      return InvalidArgument(fmt::format("'{}' is a PEFT adapter in safetensors already", request.source));
    STERNA_ASSIGN_OR_RETURN(const ModelConfig base, ReadBase(request));
    STERNA_ASSIGN_OR_RETURN(result.report, ConvertPeftToGguf(request.source, base, options, request.output));
    return result;
  }
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source,
                          OpenWeightsWithLayout(request.source, request.i2s_layout, &result.warnings));
  if (!request.to_safetensors && IsWord(request.type, "COPY")) {
    STERNA_ASSIGN_OR_RETURN(result.report, CopyGguf(source, options, request.output));
    return result;
  }
  if (IsGgufAdapter(*source)) {
    if (!request.to_safetensors) return InvalidArgument(fmt::format("'{}' is an adapter in GGUF already", request.source));
    STERNA_ASSIGN_OR_RETURN(const ModelConfig base, ReadBase(request));
    STERNA_ASSIGN_OR_RETURN(result.report, ConvertGgufToPeft(source, base, options, request.output));
    return result;
  }
  if (!request.base.empty()) return InvalidArgument(fmt::format("--base is for adapters; '{}' is none", request.source));
  const fs::path folder = FolderOf(request.source, *source);
  if (request.to_safetensors) {
    STERNA_RETURN_IF_ERROR(CollectSideFiles(folder, *source, &result, &options));
    STERNA_ASSIGN_OR_RETURN(result.report, ConvertToSafetensors(source, options, request.output));
    return result;
  }
  if (!options.types.projection && HasTernaryProjections(*source)) options.types.projection = DType::kI2_S;
  STERNA_RETURN_IF_ERROR(ReadTextFiles(folder, &options));
  STERNA_ASSIGN_OR_RETURN(result.report, ConvertToGguf(source, options, request.output));
  return result;
}

}  // namespace sterna
