#include "api/loaded_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "api/layout_tuning.h"
#include "api/memory_plan.h"
#include "api/memory_report.h"
#include "api/model_path.h"
#include "backend/cpu/cpu_backend.h"
#include "base/cpu_topology.h"
#include "base/file.h"
#include "formats/json_metadata.h"
#include "kernels/self_test/self_test.h"
#include "model/i2s_layout_probe.h"
#include "model/named_shapes.h"
#include "model/random_weights.h"
#include "text/template/default_templates.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTemplateBytes = size_t{1} << 20;
constexpr size_t kMaxConfigBytes = size_t{16} << 20;

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool IsDirectory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// The file's text, or an empty string where there is no such file.
Result<std::string> ReadIfThere(const fs::path& path, size_t limit) {
  if (!Exists(path)) return std::string();
  return ReadWholeFile(path.string(), limit);
}

Result<FoundChatTemplate> ParseFound(std::string_view text, std::string_view origin) {
  FoundChatTemplate found;
  found.origin = origin;
  STERNA_ASSIGN_OR_RETURN(found.chat_template, ChatTemplate::Parse(text).WithContext(origin));
  return found;
}

/// Null where the file has none.
Result<FoundChatTemplate> GgufTemplate(const Metadata& metadata) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  if (!metadata.Has(kKey)) return FoundChatTemplate();
  STERNA_ASSIGN_OR_RETURN(const std::string_view text, metadata.GetString(kKey));
  return ParseFound(text, kKey);
}

/// Null where the directory has none.
Result<FoundChatTemplate> DirectoryTemplate(const std::string& path) {
  const Result<std::string> text = ReadChatTemplate(path);
  if (!text.ok() && text.status().code() == StatusCode::kNotFound) return FoundChatTemplate();
  STERNA_RETURN_IF_ERROR(text.status());
  return ParseFound(*text, "the directory's own");
}

/// Null where nothing says which template the model was trained with.
Result<FoundChatTemplate> BuiltInTemplate(const Metadata& metadata, const Tokenizer& tokenizer) {
  const auto text = [&](std::string_view gguf_key, std::string_view config_key) {
    for (const std::string_view key : {gguf_key, config_key}) {
      if (const Result<std::string_view> value = metadata.GetString(key); value.ok()) return std::string(*value);
    }
    return std::string();
  };
  TemplateEvidence evidence;
  evidence.architecture = text("general.architecture", "model_type");
  evidence.name = text("general.name", "_name_or_path");
  if (const std::optional<TokenId> eos = tokenizer.eos()) evidence.eos = tokenizer.TokenBytes(*eos);
  evidence.has_token = [&](std::string_view token) { return tokenizer.Find(token).has_value(); };
  const DefaultTemplate* chosen = ChooseDefaultTemplate(evidence);
  if (chosen == nullptr) return FoundChatTemplate();
  return ParseFound(chosen->source, fmt::format("built-in {}", chosen->name));
}

/// The checkpoint's own template, or a built-in one where it has none. `tokenizer` may be null: then only the first.
Result<FoundChatTemplate> FindTemplate(const WeightSource& source, const Tokenizer* tokenizer) {
  FoundChatTemplate found;
  if (source.format() == "GGUF") {
    STERNA_ASSIGN_OR_RETURN(found, GgufTemplate(source.metadata()));
  } else if (IsDirectory(source.path())) {
    STERNA_ASSIGN_OR_RETURN(found, DirectoryTemplate(source.path()));
  }
  if (found.chat_template != nullptr || tokenizer == nullptr) return found;
  return BuiltInTemplate(source.metadata(), *tokenizer);
}

Status LoadText(const WeightSource& source, const LoadOptions& options, LoadedModel* loaded) {
  loaded->tokenizer = options.tokenizer;
  if (loaded->tokenizer == nullptr) {
    STERNA_ASSIGN_OR_RETURN(loaded->tokenizer, FindTokenizer(source, {.vocabulary_cache = options.vocabulary_cache, .edit = {}}));
  }
  STERNA_ASSIGN_OR_RETURN(FoundChatTemplate found, FindTemplate(source, loaded->tokenizer.get()));
  loaded->chat_template = std::move(found.chat_template);
  loaded->chat_template_origin = std::move(found.origin);
  return Status::Ok();
}

/// Below this many bytes of weights caches serve a good part of the reading, and two bits a weight are the least work.
constexpr int64_t kLeastBytesToTune = int64_t{96} << 20;

/// For loaded->isa. weight_bytes: about what the model has. Adds a warning for each kernel that is refused.
Result<std::shared_ptr<Backend>> MakeBackend(const LoadOptions& options, int64_t weight_bytes, LoadedModel* loaded) {
  // Before the backend moves this thread: afterwards it may use fewer processors.
  STERNA_ASSIGN_OR_RETURN(loaded->threads,
                          PlaceThreads({.threads = options.threads, .cpus = options.cpus, .is_pinned = options.pin_threads}));
  CpuBackendOptions backend{
      .threads = loaded->threads.threads, .isa = loaded->isa, .cpus = options.cpus, .is_pinned = options.pin_threads};
  if (options.self_test) backend.refused = FindFailingKernels(AllKernelLists(), loaded->isa);
  for (const RefusedKernel& wrong : backend.refused) {
    loaded->warnings.push_back(
        wrong.replacement.empty()
            ? fmt::format("the kernel {} gives wrong results on this machine, and there is no other: expect nonsense", wrong.name)
            : fmt::format("the kernel {} gives wrong results on this machine: {} takes its place", wrong.name, wrong.replacement));
  }
  if (!options.layout.empty()) {
    const std::optional<TernaryLayout> layout = TernaryLayoutFromName(options.layout);
    if (!layout) return InvalidArgument(fmt::format("unknown layout '{}': expected two_bit or five_trit", options.layout));
    backend.layouts = AllInLayout(*layout);
  } else if (!options.machine_cache.empty() && weight_bytes >= kLeastBytesToTune) {
    STERNA_ASSIGN_OR_RETURN(const LayoutTuning tuning, TuneLayouts(backend, options.machine_cache, TuneMode::kWhereUnknown));
    backend.layouts = FastestLayouts(tuning.measurements);
  }
  return MakeCpuBackend(backend);
}

/// What the projections of all layers take at two bits a weight.
int64_t TernaryBytes(const ModelConfig& config) {
  const int64_t attention = 2 * (config.heads + config.kv_heads) * config.head_dim * config.d_model;
  return config.layers * (attention + 3 * config.d_model * config.d_ff) / 4;
}

ModelOptions ToModelOptions(const LoadOptions& options) {
  return {.max_context = options.max_context,
          .dense_activations = options.dense_activations,
          .output = options.output,
          .screen_head = options.screen_head};
}

/// Fails before anything is allocated where not even a short context would fit.
Status CheckShapeFits(std::string_view shape, std::string_view head_type, const ModelConfig& config, LoadOptions options) {
  constexpr int64_t kShortContext = 512;
  if (options.max_context == 0) options.max_context = std::min(config.context, kShortContext);
  STERNA_ASSIGN_OR_RETURN(const MemoryPlan plan, PlanShapeMemory(shape, head_type, options));
  return plan.CheckAnyFits();
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Result<std::shared_ptr<const WeightSource>> OpenWeightsWithLayout(const std::string& path, const std::string& i2s_layout,
                                                                  std::vector<std::string>* warnings) {
  OpenOptions options;
  if (!i2s_layout.empty()) {
    STERNA_ASSIGN_OR_RETURN(options.i2s_layout, I2sLayoutFromName(i2s_layout));
  }
  STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const WeightSource> source, OpenWeights(path, options));
  if (!i2s_layout.empty() || warnings == nullptr) return source;
  if (const std::optional<I2sLayout> better = BetterI2sLayout(*source)) {
    warnings->push_back(
        fmt::format("the I2_S weights of '{}' look as if they lay in another layout than the published one: if the answers make no "
                    "sense, try --i2s-layout {}",
                    path, I2sLayoutName(*better)));
  }
  return source;
}

Result<LoadedModel> LoadModel(const std::string& model, const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  LoadedModel loaded;
  STERNA_ASSIGN_OR_RETURN(loaded.isa, ChooseIsa(options.isa));
  STERNA_ASSIGN_OR_RETURN(const std::string path, FindModelPath(model));
  loaded.path = path;
  STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const WeightSource> source,
                          OpenWeightsWithLayout(path, options.i2s_layout, &loaded.warnings));
  for (const TensorEntry& entry : source->entries()) loaded.file_bytes += static_cast<int64_t>(entry.data.size());
  STERNA_ASSIGN_OR_RETURN(std::shared_ptr<Backend> backend, MakeBackend(options, loaded.file_bytes, &loaded));
  if (options.needs_text) {
    const int64_t heap_before = HeapBytes();
    STERNA_RETURN_IF_ERROR(LoadText(*source, options, &loaded).WithContext(path));
    const int64_t heap = std::max<int64_t>(0, HeapBytes() - heap_before);
    loaded.tokenizer_memory = std::make_shared<TrackedMemory>(MemoryTag::kTokenizer, static_cast<size_t>(heap));
  }
  if (loaded.tokenizer != nullptr) {
    const std::vector<std::string>& more = loaded.tokenizer->warnings();
    loaded.warnings.insert(loaded.warnings.end(), more.begin(), more.end());
  }
  STERNA_ASSIGN_OR_RETURN(loaded.model, Model::Load(source, std::move(backend), ToModelOptions(options)));
  const int64_t vocab = loaded.model->config().vocab;
  if (loaded.tokenizer != nullptr && loaded.tokenizer->vocab_size() > vocab) {
    return Malformed(fmt::format("{}: the tokenizer has {} tokens, but the model's embedding only {} rows", path,
                                 loaded.tokenizer->vocab_size(), vocab));
  }
  loaded.load_seconds = SecondsSince(start);
  return loaded;
}

Result<LoadedModel> MakeShapedModel(std::string_view shape, std::string_view head_type, const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  LoadedModel loaded;
  STERNA_ASSIGN_OR_RETURN(loaded.isa, ChooseIsa(options.isa));
  STERNA_ASSIGN_OR_RETURN(const ModelConfig config, ShapeConfig(shape));
  STERNA_ASSIGN_OR_RETURN(const DType dtype, ShapeHeadType(config, head_type));
  loaded.path = config.name;
  STERNA_RETURN_IF_ERROR(CheckShapeFits(shape, head_type, config, options));
  STERNA_ASSIGN_OR_RETURN(std::shared_ptr<Backend> backend, MakeBackend(options, TernaryBytes(config), &loaded));
  constexpr uint64_t kSeed = 1;
  RandomWeights weights(config, dtype, kSeed);
  STERNA_ASSIGN_OR_RETURN(loaded.model, Model::Build(config, weights, std::move(backend), ToModelOptions(options)));
  loaded.file_bytes = loaded.model->bytes_per_token();
  loaded.load_seconds = SecondsSince(start);
  return loaded;
}

Result<std::string> ReadChatTemplate(const std::string& path) {
  const fs::path directory = path;
  STERNA_ASSIGN_OR_RETURN(std::string text, ReadIfThere(directory / "chat_template.jinja", kMaxTemplateBytes));
  if (!text.empty()) return text;
  const fs::path config_path = directory / "tokenizer_config.json";
  STERNA_ASSIGN_OR_RETURN(const std::string config, ReadIfThere(config_path, kMaxConfigBytes));
  if (config.empty()) return NotFound(fmt::format("'{}' has no chat template", path));
  STERNA_ASSIGN_OR_RETURN(const Metadata metadata, FlattenJson(config, config_path.string()));
  for (const std::string_view key : {"chat_template", "chat_template.0.template"}) {
    if (!metadata.Has(key)) continue;
    STERNA_ASSIGN_OR_RETURN(const std::string_view template_text, metadata.GetString(key));
    return std::string(template_text);
  }
  return NotFound(fmt::format("'{}' has no chat template", path));
}

Result<FoundChatTemplate> FindChatTemplate(const std::string& model) {
  STERNA_ASSIGN_OR_RETURN(const std::string path, FindModelPath(model));
  const fs::path extension = fs::path(path).extension();
  if (IsDirectory(path)) {
    // A directory may hold text parts alone, with no weights to open.
    STERNA_ASSIGN_OR_RETURN(FoundChatTemplate found, DirectoryTemplate(path).WithContext(path));
    if (found.chat_template != nullptr) return found;
  } else if (extension == ".jinja" || extension == ".j2") {
    STERNA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxTemplateBytes));
    return ParseFound(text, path);
  }
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source, OpenWeights(path));
  // A tokenizer that cannot be read is no evidence; that it is wrong is said where it is used.
  const Result<std::shared_ptr<const Tokenizer>> tokenizer = FindTokenizer(*source, {});
  STERNA_ASSIGN_OR_RETURN(FoundChatTemplate found,
                          FindTemplate(*source, tokenizer.ok() ? tokenizer->get() : nullptr).WithContext(path));
  if (found.chat_template == nullptr) {
    return NotFound(fmt::format("'{}' has no chat template, and nothing in it says which built-in one fits", path));
  }
  return found;
}

Result<std::shared_ptr<const ChatTemplate>> LoadChatTemplate(const std::string& path) {
  STERNA_ASSIGN_OR_RETURN(FoundChatTemplate found, FindChatTemplate(path));
  return std::move(found.chat_template);
}

}  // namespace sterna
