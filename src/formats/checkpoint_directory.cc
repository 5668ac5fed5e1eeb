#include <fmt/format.h>

#include <filesystem>
#include <iterator>
#include <set>

#include "base/checked_math.h"
#include "formats/checkpoint_directory_internal.h"
#include "formats/file_source_internal.h"
#include "formats/json_metadata.h"
#include "formats/onnx_source_internal.h"
#include "formats/pytorch_reader.h"
#include "formats/quoted.h"
#include "formats/safetensors_reader.h"
#include "formats/shard_index_internal.h"

namespace sterna {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "config.json";
/// Further files that describe the checkpoint, and what goes before their keys.
struct MoreMetadata {
  std::string_view file, prefix;
};
constexpr MoreMetadata kMoreMetadata[] = {{"generation_config.json", "generation_config."}, {"1_Pooling/config.json", "pooling."}};
/// The files one format has in a directory.
struct DirectoryFormat {
  std::string_view name, single_file, index_file;  // index_file: empty where there is none
};
constexpr DirectoryFormat kDirectoryFormats[] = {{"safetensors", "model.safetensors", "model.safetensors.index.json"},
                                                 {"PyTorch", "pytorch_model.bin", "pytorch_model.bin.index.json"},
                                                 {"ONNX", "model.onnx", ""}};

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// " (it holds NAME: HINT)" for files that explain why a directory is no checkpoint; empty where there are none.
std::string HintAt(const fs::path& directory) {
  std::error_code error;
  fs::directory_iterator files(directory, error);
  for (; !error && files != fs::directory_iterator(); files.increment(error)) {
    const std::string file = files->path().filename().string();
    if (file.ends_with(".gguf")) return fmt::format(" (it holds {}: open that file)", Quoted(file));
    if (file.ends_with(".bin") || file.ends_with(".pt") || file.ends_with(".pth")) {
      return fmt::format(" (it holds {}: open that file, or name it pytorch_model.bin)", Quoted(file));
    }
  }
  return {};
}

Result<Metadata> ReadConfigs(const fs::path& directory) {
  const std::string path = (directory / kConfig).string();
  STERNA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kJsonMaxBytes));
  STERNA_ASSIGN_OR_RETURN(Metadata metadata, FlattenJson(text, path));
  for (const auto& [file, prefix] : kMoreMetadata) {
    if (!Exists(directory / file)) continue;
    const std::string more_path = (directory / file).string();
    STERNA_ASSIGN_OR_RETURN(const std::string more, ReadWholeFile(more_path, kJsonMaxBytes));
    STERNA_ASSIGN_OR_RETURN(const Metadata found, FlattenJson(more, more_path, prefix));
    for (const Metadata::Item& item : found.items()) metadata.Set(item.key, item.value);
  }
  return metadata;
}

/// The tensors of one more file. Its __metadata__ is not the model's: config.json speaks for the checkpoint.
Status AddFile(const std::string& path, FileSourceParts& parts) {
  STERNA_ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
  if (parts.format == "ONNX") return AddOnnxWeights(std::move(file), &parts);
  std::vector<TensorEntry> tensors;
  if (parts.format == "PyTorch") {
    STERNA_ASSIGN_OR_RETURN(tensors, ParsePyTorch(file->bytes(), path, &parts.buffers));
  } else {
    STERNA_ASSIGN_OR_RETURN(SafetensorsContents contents, ParseSafetensors(file->bytes(), path));
    tensors = std::move(contents.tensors);
  }
  parts.files.push_back(std::move(file));
  parts.entries.insert(parts.entries.end(), std::make_move_iterator(tensors.begin()), std::make_move_iterator(tensors.end()));
  return Status::Ok();
}

/// An index comes from outside; a link it names must not lead to any file of the machine.
Status CheckShardPath(const fs::path& directory, const std::string& shard, const std::string& index_path) {
  std::error_code error;
  const fs::path home = fs::canonical(directory, error);
  if (error) return IoError(fmt::format("{}: {}", directory.string(), error.message()));
  const fs::path target = fs::canonical(directory / shard, error);
  if (error) return NotFound(fmt::format("{}: weight_map: shard {}: {}", index_path, Quoted(shard), error.message()));
  const fs::path place = target.parent_path();
  const bool is_cache_blob = home.parent_path().filename() == "snapshots" && place == home.parent_path().parent_path() / "blobs";
  if (place == home || is_cache_blob) return Status::Ok();
  return Malformed(fmt::format("{}: weight_map: shard {}: expected a file in the same directory, found a link that leaves it",
                               index_path, Quoted(shard)));
}

/// Each tensor of the shard must be listed for it; `listed` counts them.
Status CheckAgainstIndex(std::span<const TensorEntry> entries, const std::string& shard, const ShardIndex& index,
                         const std::string& index_path, size_t& listed) {
  for (const TensorEntry& entry : entries) {
    const auto found = index.shard_of.find(entry.name);
    if (found == index.shard_of.end() || found->second != shard) {
      return Malformed(fmt::format("{}: weight_map: {}: expected {}, which holds the tensor, found {}", index_path,
                                   Quoted(entry.name), Quoted(shard),
                                   found == index.shard_of.end() ? "no entry" : Quoted(found->second)));
    }
    ++listed;
  }
  return Status::Ok();
}

Status AddShards(const fs::path& directory, std::string_view index_file, FileSourceParts& parts) {
  const std::string index_path = (directory / index_file).string();
  STERNA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(index_path, kShardIndexMaxBytes));
  STERNA_ASSIGN_OR_RETURN(const ShardIndex index, ParseShardIndex(text, index_path));
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : index.shard_of) shards.insert(shard);
  // All of them before any is mapped: a missing shard is the commonest fault of a download.
  for (const std::string& shard : shards) STERNA_RETURN_IF_ERROR(CheckShardPath(directory, shard, index_path));
  size_t listed = 0;
  for (const std::string& shard : shards) {
    const size_t before = parts.entries.size();
    STERNA_RETURN_IF_ERROR(AddFile((directory / shard).string(), parts));
    STERNA_RETURN_IF_ERROR(CheckAgainstIndex(std::span(parts.entries).subspan(before), shard, index, index_path, listed));
  }
  if (listed != index.shard_of.size()) {
    // Names in one shard are unique, so one that is listed is in no shard.
    std::set<std::string_view> names;
    for (const TensorEntry& entry : parts.entries) names.insert(entry.name);
    for (const auto& [tensor, shard] : index.shard_of) {
      if (!names.contains(tensor)) {
        return Malformed(
            fmt::format("{}: weight_map: {}: expected the tensor in {}, found none", index_path, Quoted(tensor), Quoted(shard)));
      }
    }
  }
  uint64_t total = 0, total_without_tied = 0;
  std::set<const std::byte*> starts;
  for (const TensorEntry& entry : parts.entries) {
    total += entry.data.size();
    if (starts.insert(entry.data.data()).second) total_without_tied += entry.data.size();
  }
  const bool may_tie = parts.format == "PyTorch" && index.total_bytes == total_without_tied;
  if (index.total_bytes && *index.total_bytes != total && !may_tie) {
    return Malformed(
        fmt::format("{}: metadata.total_size: expected {}, the sum of all tensors, found {} (if the shards are right, remove "
                    "this key)",
                    index_path, total, *index.total_bytes));
  }
  return Status::Ok();
}

}  // namespace

Result<std::shared_ptr<const WeightSource>> OpenSafetensors(std::shared_ptr<const MappedFile> file) {
  STERNA_ASSIGN_OR_RETURN(SafetensorsContents contents, ParseSafetensors(file->bytes(), file->path()));
  std::string path = file->path();
  return MakeFileSource(
      {"safetensors", std::move(path), std::move(contents.metadata), std::move(contents.tensors), {std::move(file)}});
}

Result<std::shared_ptr<const WeightSource>> OpenPyTorch(std::shared_ptr<const MappedFile> file) {
  std::string path = file->path();
  std::vector<std::shared_ptr<const Buffer>> copies;
  STERNA_ASSIGN_OR_RETURN(std::vector<TensorEntry> tensors, ParsePyTorch(file->bytes(), path, &copies));
  return MakeFileSource({"PyTorch", std::move(path), {}, std::move(tensors), {std::move(file)}, std::move(copies)});
}

Result<std::shared_ptr<const WeightSource>> OpenOnnx(std::shared_ptr<const MappedFile> file) {
  const fs::path folder = fs::path(file->path()).parent_path();
  FileSourceParts parts{"ONNX", file->path(), {}, {}, {}};
  if (Exists(folder / kConfig)) {
    STERNA_ASSIGN_OR_RETURN(parts.metadata, ReadConfigs(folder));
  }
  STERNA_RETURN_IF_ERROR(AddOnnxWeights(std::move(file), &parts));
  return MakeFileSource(std::move(parts));
}

Result<std::shared_ptr<const WeightSource>> OpenCheckpointDirectory(const std::string& path) {
  const fs::path directory(path);
  if (!Exists(directory / kConfig)) {
    return NotFound(fmt::format("{}: expected a checkpoint directory with {}, found none{}", path, kConfig, HintAt(directory)));
  }
  const DirectoryFormat* format = nullptr;
  bool has_single_file = false;
  for (const DirectoryFormat& candidate : kDirectoryFormats) {
    has_single_file = Exists(directory / candidate.single_file);
    const bool has_index = !candidate.index_file.empty() && Exists(directory / candidate.index_file);
    if (!has_single_file && !has_index) continue;
    format = &candidate;
    break;
  }
  if (format == nullptr) {
    const DirectoryFormat& wanted = kDirectoryFormats[0];
    return NotFound(fmt::format("{}: expected {} or {} (or {}) beside {}, found neither{}", path, wanted.single_file,
                                wanted.index_file, kDirectoryFormats[1].single_file, kConfig, HintAt(directory)));
  }
  FileSourceParts parts;
  parts.format = format->name;
  parts.path = path;
  STERNA_ASSIGN_OR_RETURN(parts.metadata, ReadConfigs(directory));
  if (has_single_file) {
    STERNA_RETURN_IF_ERROR(AddFile((directory / format->single_file).string(), parts));
  } else {
    STERNA_RETURN_IF_ERROR(AddShards(directory, format->index_file, parts));
  }
  return MakeFileSource(std::move(parts));
}

}  // namespace sterna
