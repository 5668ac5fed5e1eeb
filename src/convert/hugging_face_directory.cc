// ConvertToSafetensors: a Hugging Face directory, made beside its final name and renamed when it is whole.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "convert/convert_internal.h"
#include "convert/hugging_face_config.h"
#include "convert/pooling_files.h"
#include "convert/unfinished_paths.h"
#include "formats/safetensors_writer.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

std::string ShardName(size_t number, size_t count) {
  return count == 1 ? "model.safetensors" : fmt::format("model-{:05}-of-{:05}.safetensors", number + 1, count);
}

std::string TorchName(DType dtype) {
  return dtype == DType::kF16 ? "float16" : dtype == DType::kBF16 ? "bfloat16" : "float32";
}

/// How many planned tensors have names that end so.
int64_t CountNames(const std::vector<PlannedTensor>& planned, std::string_view end) {
  return std::ranges::count_if(planned, [&](const PlannedTensor& tensor) { return tensor.spec.name.ends_with(end); });
}

/// Whether every layer has a tensor of each of these names; Unsupported where only some have one, which config.json cannot say.
Result<bool> HaveAll(const std::vector<PlannedTensor>& planned, int64_t layers, std::initializer_list<std::string_view> ends) {
  int64_t found = 0;
  for (const std::string_view end : ends) found += CountNames(planned, end);
  if (found == 0) return false;
  if (found == layers * std::ssize(ends)) return true;
  return Unsupported(
      fmt::format("{} tensors named *{}: expected none or one for each of them in every layer, which is what config.json "
                  "can say",
                  found, fmt::join(ends, ", *")));
}

Result<HuggingFaceForm> FormOf(const ModelConfig& config, const std::vector<PlannedTensor>& planned) {
  HuggingFaceForm form;
  STERNA_ASSIGN_OR_RETURN(
      form.has_linear_norms,
      HaveAll(planned, config.layers,
              {"q_proj.rms_norm.weight", "k_proj.rms_norm.weight", "v_proj.rms_norm.weight", "o_proj.rms_norm.weight",
               "gate_proj.rms_norm.weight", "up_proj.rms_norm.weight", "down_proj.rms_norm.weight"}));
  STERNA_ASSIGN_OR_RETURN(form.has_feed_forward_bias,
                          HaveAll(planned, config.layers, {"gate_proj.bias", "up_proj.bias", "down_proj.bias"}));
  if (config.architecture == "qwen2") {
    STERNA_RETURN_IF_ERROR(HaveAll(planned, config.layers, {"q_proj.bias", "k_proj.bias", "v_proj.bias"}).status());
    if (CountNames(planned, "o_proj.bias") > 0) return Unsupported("Qwen2ForCausalLM has no bias in its output projections");
  } else {
    STERNA_ASSIGN_OR_RETURN(form.has_attention_bias,
                            HaveAll(planned, config.layers, {"q_proj.bias", "k_proj.bias", "v_proj.bias", "o_proj.bias"}));
  }
  for (const PlannedTensor& tensor : planned) {
    if (tensor.role == TensorRole::kWeightScale) form.is_ternary = true;
    if (tensor.role == TensorRole::kHead) form.has_head = true;
    if (tensor.role == TensorRole::kEmbedding) form.torch_dtype = TorchName(tensor.spec.dtype);
  }
  if (form.has_linear_norms && !form.is_ternary) return Unsupported("norms before single projections belong to ternary ones");
  return form;
}

/// model.safetensors.index.json.
std::string IndexText(const std::vector<PlannedTensor>& planned, std::span<const size_t> parts, std::span<const uint64_t> sizes) {
  uint64_t total = 0;
  for (const uint64_t size : sizes) total += size;
  std::string text = fmt::format("{{\n  \"metadata\": {{\"total_size\": {}}},\n  \"weight_map\": {{", total);
  size_t index = 0;
  for (size_t part = 0; part < parts.size(); ++part) {
    for (size_t i = 0; i < parts[part]; ++i, ++index) {
      text += fmt::format("{}\n    {}: {}", index == 0 ? "" : ",", JsonText(planned[index].spec.name),
                          JsonText(ShardName(part, parts.size())));
    }
  }
  return text + "\n  }\n}\n";
}

class DirectoryWriter {
 public:
  DirectoryWriter(OpenCheckpoint* checkpoint, const ConvertOptions& options, const std::vector<PlannedTensor>& planned)
      : checkpoint_(*checkpoint), options_(options), planned_(planned), specs_(SpecsOf(planned)) {}

  Result<ConvertReport> Run(const std::string& directory) {
    STERNA_ASSIGN_OR_RETURN(const std::vector<uint64_t> sizes, SizesOf(specs_));
    const std::vector<size_t> parts = CutIntoParts(sizes, options_.split);
    ConvertReport report{.tensors = static_cast<int64_t>(specs_.size()), .plan = specs_};
    for (const uint64_t size : sizes) report.bytes += static_cast<int64_t>(size);
    for (size_t i = 0; i < parts.size(); ++i) report.files.push_back((fs::path(directory) / ShardName(i, parts.size())).string());
    STERNA_ASSIGN_OR_RETURN(const HuggingFaceForm form, FormOf(checkpoint_.config(), planned_));
    STERNA_ASSIGN_OR_RETURN(const std::string config, MakeHuggingFaceConfig(checkpoint_.config(), checkpoint_.source(), form));
    if (options_.dry_run) return report;
    const fs::path temporary = fmt::format("{}.unfinished-{}", directory, getpid());
    std::error_code error;
    if (!fs::create_directory(temporary, error)) {
      return IoError(fmt::format("cannot make the folder '{}': {}", temporary.string(), error ? error.message() : "it exists"));
    }
    UnfinishedPaths unfinished;
    unfinished.Add(temporary.string(), directory);
    STERNA_RETURN_IF_ERROR(WriteTextFile((temporary / "config.json").string(), config));
    for (const SideFile& file : options_.side_files)
      STERNA_RETURN_IF_ERROR(WriteTextFile((temporary / file.name).string(), file.text));
    for (const SideFile& file : PoolingFiles(checkpoint_.config())) {
      const fs::path path = temporary / file.name;
      fs::create_directories(path.parent_path(), error);
      STERNA_RETURN_IF_ERROR(WriteTextFile(path.string(), file.text));
    }
    STERNA_RETURN_IF_ERROR(WriteShards(temporary, parts, &report));
    if (parts.size() > 1) {
      STERNA_RETURN_IF_ERROR(
          WriteTextFile((temporary / "model.safetensors.index.json").string(), IndexText(planned_, parts, sizes)));
    }
    STERNA_RETURN_IF_ERROR(checkpoint_.source().StillUnchanged());
    if (options_.verify)
      STERNA_RETURN_IF_ERROR(Verify(temporary.string(), &report).WithContext(fmt::format("verifying '{}'", directory)));
    STERNA_RETURN_IF_ERROR(MakeRoomForDirectory(directory));
    STERNA_RETURN_IF_ERROR(unfinished.Publish());
    return report;
  }

 private:
  Status WriteShards(const fs::path& folder, std::span<const size_t> parts, ConvertReport* report) {
    Metadata format;
    format.Set("format", std::string("pt"));  // transformers refuses files that do not say it
    report->bytes = 0;
    size_t begin = 0;
    for (size_t part = 0; part < parts.size(); ++part) {
      const std::span<const TensorSpec> specs = std::span(specs_).subspan(begin, parts[part]);
      STERNA_ASSIGN_OR_RETURN(SafetensorsWriter writer,
                              SafetensorsWriter::Create((folder / ShardName(part, parts.size())).string(), format, specs));
      for (size_t i = begin; i < begin + parts[part]; ++i) {
        STERNA_RETURN_IF_ERROR(WriteTensor(
            checkpoint_.source(), options_, i, specs_[i], report->tensors,
            [&](const PieceSink& sink) { return checkpoint_.Write(planned_[i], sink); },
            [&](std::span<const std::byte> piece) { return writer.Write(specs_[i].name, piece); }));
      }
      STERNA_RETURN_IF_ERROR(writer.Finish());
      report->bytes += static_cast<int64_t>(writer.file_bytes());
      begin += parts[part];
    }
    return Status::Ok();
  }

  Status Verify(const std::string& folder, ConvertReport* report) {
    STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const WeightSource> written, OpenWeights(folder));
    return CompareWithWritten(&checkpoint_, std::move(written), planned_, options_, report);
  }

  OpenCheckpoint& checkpoint_;
  const ConvertOptions& options_;
  const std::vector<PlannedTensor>& planned_;
  std::vector<TensorSpec> specs_;
};

}  // namespace

Result<ConvertReport> ConvertToSafetensors(std::shared_ptr<const WeightSource> source, const ConvertOptions& options,
                                           const std::string& directory) {
  const std::string source_path = source->path();
  const auto convert = [&]() -> Result<ConvertReport> {
    if (!options.overrides.empty()) return InvalidArgument("metadata can be set in GGUF files only");
    STERNA_RETURN_IF_ERROR(MakeRoomForDirectory(directory));
    STERNA_ASSIGN_OR_RETURN(ModelConfig config, ReadModelConfig(source->format(), source->metadata()));
    OpenCheckpoint checkpoint(source, std::move(config));
    STERNA_ASSIGN_OR_RETURN(const std::vector<PlannedTensor> planned, PlanSafetensors(&checkpoint, options.types));
    return DirectoryWriter(&checkpoint, options, planned).Run(directory);
  };
  return convert().WithContext(source_path);
}

}  // namespace sterna
