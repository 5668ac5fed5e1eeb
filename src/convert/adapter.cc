#include "convert/adapter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "convert/convert_internal.h"
#include "convert/gguf_metadata.h"
#include "convert/hugging_face_config.h"
#include "convert/unfinished_paths.h"
#include "formats/gguf_writer.h"
#include "formats/json_metadata.h"
#include "formats/safetensors_writer.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPeftPrefix = "base_model.model.";

/// One tensor of the new adapter: its bytes are rows of `entry`, row i being row_of[i]; empty: all in order.
struct AdapterTensor {
  TensorSpec spec;
  const TensorEntry* entry = nullptr;
  std::vector<int64_t> row_of;
};

/// The low-rank pairs of an adapter, found by the names of its format.
class AdapterPlan {
 public:
  AdapterPlan(const WeightSource& source, const ModelConfig& base, bool interleaves)
      : source_(source), base_(base), interleaves_(interleaves) {}

  Status Run() {
    const TensorNames from({.is_gguf = source_.format() == "GGUF"}), to({.is_gguf = !from.is_gguf()});
    for (int64_t layer = 0; layer < base_.layers; ++layer) {
      for (const Projection projection : kProjections) {
        STERNA_RETURN_IF_ERROR(AddPair(from.Base(layer, projection), to.Base(layer, projection), projection, from.is_gguf()));
        if (rank_ > 0 && std::ranges::find(modules_, ModuleOf(projection)) == modules_.end() && tensors_.size() > tensors_before_) {
          modules_.push_back(ModuleOf(projection));
        }
        tensors_before_ = tensors_.size();
      }
    }
    for (const TensorEntry& entry : source_.entries()) {
      if (used_.contains(entry.name)) continue;
      return Unsupported(
          fmt::format("tensor {}: only low-rank pairs of the seven projections of a model with {} layers are converted", entry.name,
                      base_.layers));
    }
    if (tensors_.empty()) return Malformed("the adapter has no tensors");
    return Status::Ok();
  }

  const std::vector<AdapterTensor>& tensors() const { return tensors_; }
  const std::vector<std::string>& modules() const { return modules_; }
  int64_t rank() const { return rank_; }

 private:
  static std::string ModuleOf(Projection projection) {
    const std::string name = TensorNames({.is_gguf = false}).Base(0, projection);
    return name.substr(name.rfind('.') + 1);
  }

  const TensorEntry* Find(const std::string& base, const char* gguf_suffix, const char* peft_suffix, bool is_gguf) {
    const std::vector<std::string> names = is_gguf ? std::vector<std::string>{base + ".weight" + gguf_suffix, base + gguf_suffix}
                                                   : std::vector<std::string>{std::string(kPeftPrefix) + base + peft_suffix};
    for (const std::string& name : names) {
      const TensorEntry* entry = source_.Find(name);
      if (entry == nullptr) continue;
      used_.insert(name);
      return entry;
    }
    return nullptr;
  }

  Status AddPair(const std::string& from, const std::string& to, Projection projection, bool is_gguf) {
    const TensorEntry* a = Find(from, ".lora_a", ".lora_A.weight", is_gguf);
    const TensorEntry* b = Find(from, ".lora_b", ".lora_B.weight", is_gguf);
    if (a == nullptr && b == nullptr) return Status::Ok();
    if (a == nullptr || b == nullptr) return Malformed(fmt::format("{}: expected both matrices of the pair, found one", from));
    const MatrixShape shape = ProjectionShape(base_, projection);
    if (a->shape.size() != 2 || b->shape.size() != 2 || a->shape[1] != shape.cols || b->shape[0] != shape.rows ||
        a->shape[0] != b->shape[1]) {
      return Malformed(fmt::format("{}: expected [r, {}] and [{}, r] for this base, found {} and {}", from, shape.cols, shape.rows,
                                   ToString(a->shape), ToString(b->shape)));
    }
    if (rank_ > 0 && a->shape[0] != rank_) {
      return Unsupported(fmt::format("{}: rank {} where others have {}: one rank is supported", from, a->shape[0], rank_));
    }
    rank_ = a->shape[0];
    for (const TensorEntry* entry : {a, b}) {
      if (entry->dtype != DType::kF32 && entry->dtype != DType::kF16 && entry->dtype != DType::kBF16) {
        return Unsupported(fmt::format("{}: type {} is not supported in adapters", entry->name, Name(entry->dtype)));
      }
    }
    const std::string name_a = is_gguf ? std::string(kPeftPrefix) + to + ".lora_A.weight" : to + ".weight.lora_a";
    const std::string name_b = is_gguf ? std::string(kPeftPrefix) + to + ".lora_B.weight" : to + ".weight.lora_b";
    tensors_.push_back({.spec = {.name = name_a, .dtype = a->dtype, .shape = a->shape}, .entry = a, .row_of = {}});
    AdapterTensor second{.spec = {.name = name_b, .dtype = b->dtype, .shape = b->shape}, .entry = b, .row_of = {}};
    if (interleaves_ && (projection == Projection::kQuery || projection == Projection::kKey)) {
      const RowOrder order{.interleaved_head_dim = base_.head_dim};
      second.row_of.resize(static_cast<size_t>(shape.rows));
      for (int64_t row = 0; row < shape.rows; ++row) {
        // To GGUF, file row r is model row ModelRow(r); from GGUF the other way round.
        if (is_gguf) {
          second.row_of[static_cast<size_t>(order.ModelRow(row))] = row;
        } else {
          second.row_of[static_cast<size_t>(row)] = order.ModelRow(row);
        }
      }
    }
    tensors_.push_back(std::move(second));
    return Status::Ok();
  }

  const WeightSource& source_;
  const ModelConfig& base_;
  const bool interleaves_;
  std::vector<AdapterTensor> tensors_;
  std::vector<std::string> modules_;
  std::set<std::string, std::less<>> used_;
  size_t tensors_before_ = 0;
  int64_t rank_ = 0;
};

std::vector<std::byte> BytesOf(const AdapterTensor& tensor) {
  const std::span<const std::byte> data = tensor.entry->data;
  std::vector<std::byte> out(data.begin(), data.end());
  const auto row_bytes = tensor.row_of.empty() ? 0 : data.size() / tensor.row_of.size();
  for (size_t row = 0; row < tensor.row_of.size(); ++row) {
    std::memcpy(out.data() + row * row_bytes, data.data() + static_cast<size_t>(tensor.row_of[row]) * row_bytes, row_bytes);
  }
  return out;
}

/// Reads the new file back and compares every byte.
Status VerifyAdapter(const std::string& path, const AdapterPlan& plan) {
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> written, OpenWeights(path));
  for (const AdapterTensor& tensor : plan.tensors()) {
    const TensorEntry* found = written->Find(tensor.spec.name);
    if (found == nullptr || found->dtype != tensor.spec.dtype || found->shape != tensor.spec.shape ||
        !std::ranges::equal(found->data, BytesOf(tensor))) {
      return Internal(fmt::format("tensor {} differs from the source", tensor.spec.name));
    }
  }
  return Status::Ok();
}

template <class Writer>
Status WriteAdapter(const std::string& path, const Metadata& metadata, const AdapterPlan& plan, ConvertReport* report) {
  STERNA_ASSIGN_OR_RETURN(Writer writer, Writer::Create(path, metadata, report->plan));
  for (const AdapterTensor& tensor : plan.tensors()) STERNA_RETURN_IF_ERROR(writer.Write(tensor.spec.name, BytesOf(tensor)));
  STERNA_RETURN_IF_ERROR(writer.Finish());
  report->bytes = static_cast<int64_t>(writer.file_bytes());
  return Status::Ok();
}

ConvertReport ReportOf(const AdapterPlan& plan, std::string file) {
  ConvertReport report;
  for (const AdapterTensor& tensor : plan.tensors()) {
    report.plan.push_back(tensor.spec);
    report.bytes += static_cast<int64_t>(tensor.entry->data.size());
  }
  report.tensors = static_cast<int64_t>(report.plan.size());
  report.files.push_back(std::move(file));
  return report;
}

struct PeftSettings {
  int64_t rank = 0;
  double alpha = 0;
  bool is_rank_stabilized = false;
};

Result<PeftSettings> ReadPeftSettings(const fs::path& directory) {
  const std::string path = (directory / "adapter_config.json").string();
  STERNA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kJsonMaxBytes));
  STERNA_ASSIGN_OR_RETURN(const Metadata config, FlattenJson(text, path));
  STERNA_ASSIGN_OR_RETURN(const std::string_view type, config.GetString("peft_type"));
  if (type != "LORA") return Unsupported(fmt::format("peft_type '{}' is not supported; supported: LORA", type));
  STERNA_ASSIGN_OR_RETURN(const std::string_view bias, config.GetStringOr("bias", "none"));
  if (bias != "none") return Unsupported(fmt::format("bias '{}' is not supported", bias));
  for (const std::string_view key : {"use_dora", "fan_in_fan_out"}) {
    STERNA_ASSIGN_OR_RETURN(const bool is_set, config.GetBoolOr(key, false));
    if (is_set) return Unsupported(fmt::format("{} is not supported", key));
  }
  for (const Metadata::Item& item : config.items()) {
    for (const std::string_view part : {"rank_pattern.", "alpha_pattern.", "modules_to_save"}) {
      if (item.key.starts_with(part)) return Unsupported(fmt::format("{} is not supported", item.key));
    }
  }
  PeftSettings settings;
  STERNA_ASSIGN_OR_RETURN(settings.rank, config.GetInt("r"));
  STERNA_ASSIGN_OR_RETURN(settings.alpha, config.GetFloat("lora_alpha"));
  STERNA_ASSIGN_OR_RETURN(settings.is_rank_stabilized, config.GetBoolOr("use_rslora", false));
  if (settings.rank < 1 || !std::isfinite(settings.alpha)) {
    return Malformed(
        fmt::format("expected a rank of at least 1 and a finite lora_alpha, found {} and {}", settings.rank, settings.alpha));
  }
  return settings;
}

std::string PeftConfig(const AdapterPlan& plan, double alpha, const std::string& base_name) {
  std::string modules;
  for (const std::string& module : plan.modules()) modules += fmt::format("{}{}", modules.empty() ? "" : ", ", JsonText(module));
  return fmt::format(
      "{{\n  \"peft_type\": \"LORA\",\n  \"task_type\": \"CAUSAL_LM\",\n  \"base_model_name_or_path\": {},\n  \"r\": {},\n  "
      "\"lora_alpha\": "
      "{},\n  \"lora_dropout\": 0.0,\n  \"target_modules\": [{}],\n  \"bias\": \"none\",\n  \"fan_in_fan_out\": false,\n  "
      "\"use_rslora\": "
      "false,\n  \"use_dora\": false,\n  \"modules_to_save\": null,\n  \"inference_mode\": true\n}}\n",
      JsonText(base_name), plan.rank(), alpha, modules);
}

}  // namespace

bool IsPeftAdapter(const std::string& path) {
  std::error_code ignored;
  return fs::exists(fs::path(path) / "adapter_config.json", ignored);
}

bool IsGgufAdapter(const WeightSource& source) {
  const Result<std::string_view> type = source.metadata().GetString("general.type");
  return source.format() == "GGUF" && type.ok() && *type == "adapter";
}

Result<ConvertReport> ConvertPeftToGguf(const std::string& directory, const ModelConfig& base, const ConvertOptions& options,
                                        const std::string& path) {
  const auto convert = [&]() -> Result<ConvertReport> {
    STERNA_ASSIGN_OR_RETURN(const PeftSettings settings, ReadPeftSettings(directory));
    STERNA_ASSIGN_OR_RETURN(const std::string architecture, GgufArchitecture(base));
    const fs::path safetensors = fs::path(directory) / "adapter_model.safetensors", bin = fs::path(directory) / "adapter_model.bin";
    std::error_code ignored;
    const fs::path weights = fs::exists(safetensors, ignored) || !fs::exists(bin, ignored) ? safetensors : bin;
    STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source, OpenWeights(weights.string()));
    AdapterPlan plan(*source, base, /*interleaves=*/architecture == "llama");
    STERNA_RETURN_IF_ERROR(plan.Run());
    if (plan.rank() != settings.rank) {
      return Malformed(fmt::format("r: expected {}, as the matrices have, found {}", plan.rank(), settings.rank));
    }
    Metadata metadata;
    metadata.Set("general.architecture", architecture);
    metadata.Set("general.type", std::string("adapter"));
    metadata.Set("adapter.type", std::string("lora"));
    const double factor = settings.is_rank_stabilized ? std::sqrt(static_cast<double>(settings.rank)) : 1.0;
    metadata.Set("adapter.lora.alpha", static_cast<float>(settings.alpha * factor));
    ConvertReport report = ReportOf(plan, path);
    if (options.dry_run) return report;
    const std::string temporary = fmt::format("{}.unfinished-{}", path, getpid());
    UnfinishedPaths unfinished;
    unfinished.Add(temporary, path);
    STERNA_RETURN_IF_ERROR(WriteAdapter<GgufWriter>(temporary, metadata, plan, &report));
    if (options.verify) STERNA_RETURN_IF_ERROR(VerifyAdapter(temporary, plan));
    STERNA_RETURN_IF_ERROR(unfinished.Publish());
    return report;
  };
  return convert().WithContext(directory);
}

Result<ConvertReport> ConvertGgufToPeft(std::shared_ptr<const WeightSource> source, const ModelConfig& base,
                                        const ConvertOptions& options, const std::string& directory) {
  const auto convert = [&]() -> Result<ConvertReport> {
    const Metadata& metadata = source->metadata();
    STERNA_ASSIGN_OR_RETURN(const std::string_view type, metadata.GetString("adapter.type"));
    if (type != "lora") return Unsupported(fmt::format("adapter.type '{}' is not supported; supported: lora", type));
    STERNA_ASSIGN_OR_RETURN(const std::string_view architecture, metadata.GetString("general.architecture"));
    STERNA_ASSIGN_OR_RETURN(const std::string expected, GgufArchitecture(base));
    if (architecture != expected) {
      return InvalidArgument(fmt::format("the adapter is for the architecture '{}', the base is '{}'", architecture, expected));
    }
    STERNA_ASSIGN_OR_RETURN(const double alpha, metadata.GetFloat("adapter.lora.alpha"));
    if (!std::isfinite(alpha)) return Malformed(fmt::format("adapter.lora.alpha: expected a finite number, found {}", alpha));
    AdapterPlan plan(*source, base, /*interleaves=*/expected == "llama");
    STERNA_RETURN_IF_ERROR(plan.Run());
    ConvertReport report = ReportOf(plan, (fs::path(directory) / "adapter_model.safetensors").string());
    STERNA_RETURN_IF_ERROR(MakeRoomForDirectory(directory));
    if (options.dry_run) return report;
    const std::string temporary = fmt::format("{}.unfinished-{}", directory, getpid());
    std::error_code error;
    if (!fs::create_directory(temporary, error))
      return IoError(fmt::format("cannot make the folder '{}': {}", temporary, error.message()));
    UnfinishedPaths unfinished;
    unfinished.Add(temporary, directory);
    STERNA_RETURN_IF_ERROR(WriteTextFile(temporary + "/adapter_config.json", PeftConfig(plan, alpha, base.name)));
    Metadata format;
    format.Set("format", std::string("pt"));
    const std::string weights = temporary + "/adapter_model.safetensors";
    STERNA_RETURN_IF_ERROR(WriteAdapter<SafetensorsWriter>(weights, format, plan, &report));
    if (options.verify) STERNA_RETURN_IF_ERROR(VerifyAdapter(weights, plan));
    STERNA_RETURN_IF_ERROR(unfinished.Publish());
    return report;
  };
  return convert().WithContext(source->path());
}

}  // namespace sterna
