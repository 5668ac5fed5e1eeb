#include "api/tokenizer_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "api/model_path.h"
#include "api/output_path.h"
#include "base/file.h"
#include "text/vocabulary_cache.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTokenizerBytes = size_t{256} << 20;
constexpr size_t kMaxConfigBytes = size_t{16} << 20;

// As convert writes them.
constexpr std::string_view kTokenizerJsonKey = "tokenizer.huggingface.json";
constexpr std::string_view kTokenizerConfigKey = "tokenizer.huggingface.config";

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool IsDirectory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// The file's text, or an empty string where there is no such file.
Result<std::string> ReadIfThere(const fs::path& path) {
  if (!Exists(path)) return std::string();
  return ReadWholeFile(path.string(), kMaxConfigBytes);
}

/// What lies beside a tokenizer.json.
Result<TokenizerFiles> ReadCompanions(const fs::path& tokenizer_json) {
  TokenizerFiles files;
  STERNA_ASSIGN_OR_RETURN(files.config_json, ReadIfThere(tokenizer_json.parent_path() / "tokenizer_config.json"));
  STERNA_ASSIGN_OR_RETURN(files.special_tokens_map_json, ReadIfThere(tokenizer_json.parent_path() / "special_tokens_map.json"));
  return files;
}

Result<TokenizerFiles> ReadFiles(const fs::path& tokenizer_json) {
  STERNA_ASSIGN_OR_RETURN(TokenizerFiles files, ReadCompanions(tokenizer_json));
  STERNA_ASSIGN_OR_RETURN(files.tokenizer_json, ReadWholeFile(tokenizer_json.string(), kMaxTokenizerBytes));
  return files;
}

/// What convert put into the metadata of a GGUF file.
Result<TokenizerFiles> FilesIn(const Metadata& metadata) {
  TokenizerFiles files;
  STERNA_ASSIGN_OR_RETURN(files.tokenizer_json, metadata.GetString(kTokenizerJsonKey));
  STERNA_ASSIGN_OR_RETURN(files.config_json, metadata.GetStringOr(kTokenizerConfigKey, ""));
  return files;
}

Result<std::shared_ptr<const Tokenizer>> FromFiles(const JsonTexts& texts, const TokenizerOptions& options) {
  if (options.edit.empty()) {
    return TokenizerFromCachedJson(texts.tokenizer, texts.config, texts.special_tokens_map, options.vocabulary_cache);
  }
  const TokenizerFiles files{std::string(texts.tokenizer), std::string(texts.config), std::string(texts.special_tokens_map)};
  STERNA_ASSIGN_OR_RETURN(const TokenizerFiles edited, EditSpecialTokens(files, options.edit));
  return Tokenizer::FromJson(edited.tokenizer_json, edited.config_json, edited.special_tokens_map_json);
}

/// Our own converter keeps a checkpoint's tokenizer.json as it is; other tools write tokenizer.ggml.* keys.
Result<std::shared_ptr<const Tokenizer>> FromGguf(const Metadata& metadata, const TokenizerOptions& options) {
  if (metadata.Has("tokenizer.ggml.model")) {
    if (options.edit.empty()) return Tokenizer::FromMetadata(metadata);
    STERNA_ASSIGN_OR_RETURN(const Metadata edited, EditSpecialTokens(metadata, options.edit));
    return Tokenizer::FromMetadata(edited);
  }
  STERNA_ASSIGN_OR_RETURN(const std::string_view json, metadata.GetString(kTokenizerJsonKey));
  STERNA_ASSIGN_OR_RETURN(const std::string_view config, metadata.GetStringOr(kTokenizerConfigKey, ""));
  return FromFiles({json, config, {}}, options).WithContext(kTokenizerJsonKey);
}

Result<std::shared_ptr<const Tokenizer>> FromJsonFile(const fs::path& path, const TokenizerOptions& options) {
  STERNA_ASSIGN_OR_RETURN(const TokenizerFiles beside, ReadCompanions(path));
  // Mapped and not read: where a cache holds the vocabulary, hashing is all that happens to these megabytes.
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path.string()));
  if (file->bytes().size() > kMaxTokenizerBytes) {
    return OutOfRange(
        fmt::format("{}: {} bytes, at most {} are accepted", path.string(), file->bytes().size(), kMaxTokenizerBytes));
  }
  const std::string_view json(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  return FromFiles({json, beside.config_json, beside.special_tokens_map_json}, options).WithContext(path.string());
}

/// A SentencePiece file begins with the length of its first piece, a rank file with letters.
Result<std::shared_ptr<const Tokenizer>> FromModelFile(const fs::path& path, const TokenizerOptions& options) {
  if (!options.edit.empty()) {
    return Unsupported(fmt::format("{}: special tokens can be changed in tokenizer.json and GGUF only", path.string()));
  }
  STERNA_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path.string(), kMaxTokenizerBytes));
  auto tokenizer = bytes.starts_with('\n') ? Tokenizer::FromSentencePiece(bytes) : Tokenizer::FromTiktoken(bytes);
  return std::move(tokenizer).WithContext(path.string());
}

/// Null where the directory has none.
Result<std::shared_ptr<const Tokenizer>> FromDirectory(const fs::path& directory, const TokenizerOptions& options) {
  if (Exists(directory / "tokenizer.json")) return FromJsonFile(directory / "tokenizer.json", options);
  if (Exists(directory / "tokenizer.model")) return FromModelFile(directory / "tokenizer.model", options);
  return std::shared_ptr<const Tokenizer>();
}

Status WriteFile(const fs::path& path, std::string_view text) {
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(path.string()));
  STERNA_RETURN_IF_ERROR(file->Append(text));
  return file->Commit();
}

/// The texts that SaveTokenizer edits.
Result<TokenizerFiles> FilesOf(const std::string& path) {
  const Status none =
      Unsupported(fmt::format("{}: holds no tokenizer.json, and special tokens can be written to such a file only", path));
  if (IsDirectory(path)) {
    if (!Exists(fs::path(path) / "tokenizer.json")) return none;
    return ReadFiles(fs::path(path) / "tokenizer.json");
  }
  const fs::path extension = fs::path(path).extension();
  if (extension == ".json") return ReadFiles(path);
  if (extension == ".model" || extension == ".tiktoken") return none;
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source, OpenWeights(path));
  if (!source->metadata().Has(kTokenizerJsonKey)) return none;
  return FilesIn(source->metadata());
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& model, const TokenizerOptions& options) {
  STERNA_ASSIGN_OR_RETURN(const std::string path, FindModelPath(model));
  if (IsDirectory(path)) {
    STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const Tokenizer> tokenizer, FromDirectory(path, options));
    if (tokenizer == nullptr) return NotFound(fmt::format("'{}' has neither tokenizer.json nor tokenizer.model", path));
    return tokenizer;
  }
  const fs::path extension = fs::path(path).extension();
  if (extension == ".json") return FromJsonFile(path, options);
  if (extension == ".model" || extension == ".tiktoken") return FromModelFile(path, options);
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source, OpenWeights(path));
  return FromGguf(source->metadata(), options).WithContext(path);
}

Result<std::shared_ptr<const Tokenizer>> FindTokenizer(const WeightSource& source, const TokenizerOptions& options) {
  const Metadata& metadata = source.metadata();
  if (source.format() == "GGUF" && (metadata.Has("tokenizer.ggml.model") || metadata.Has(kTokenizerJsonKey))) {
    return FromGguf(metadata, options);
  }
  if (IsDirectory(source.path())) return FromDirectory(source.path(), options);
  return std::shared_ptr<const Tokenizer>();
}

Status SaveTokenizer(const std::string& model, const SpecialTokenEdit& edit, const std::string& output, bool overwrite) {
  STERNA_ASSIGN_OR_RETURN(const std::string path, FindModelPath(model));
  const bool is_file = fs::path(output).extension() == ".json";
  if (is_file && !edit.roles.empty()) {
    return InvalidArgument(fmt::format("'{}': roles are kept in tokenizer_config.json, so the output must be a directory", output));
  }
  STERNA_ASSIGN_OR_RETURN(const TokenizerFiles files, FilesOf(path));
  STERNA_ASSIGN_OR_RETURN(const TokenizerFiles edited, EditSpecialTokens(files, edit).WithContext(path));
  // What was written must load before it takes a name.
  const auto loaded = Tokenizer::FromJson(edited.tokenizer_json, edited.config_json, edited.special_tokens_map_json);
  STERNA_RETURN_IF_ERROR(loaded.status());
  if (is_file) {
    STERNA_RETURN_IF_ERROR(CheckOutputPath(output, overwrite));
    return WriteFile(output, edited.tokenizer_json);
  }
  std::error_code error;
  fs::create_directory(output, error);
  if (error) return IoErrorFromErrno(fmt::format("cannot make the directory '{}'", output), error.value());
  const std::pair<std::string_view, std::string_view> parts[] = {{"tokenizer.json", edited.tokenizer_json},
                                                                 {"tokenizer_config.json", edited.config_json},
                                                                 {"special_tokens_map.json", edited.special_tokens_map_json}};
  for (const auto& [name, text] : parts) {
    if (!text.empty()) STERNA_RETURN_IF_ERROR(CheckOutputPath((fs::path(output) / name).string(), overwrite));
  }
  for (const auto& [name, text] : parts) {
    if (!text.empty()) STERNA_RETURN_IF_ERROR(WriteFile(fs::path(output) / name, text));
  }
  return Status::Ok();
}

}  // namespace sterna
