// Opens safetensors and PyTorch weights: a single file, or the checkpoint directory of a Hugging Face model.
#ifndef STERNA_FORMATS_CHECKPOINT_DIRECTORY_INTERNAL_H_
#define STERNA_FORMATS_CHECKPOINT_DIRECTORY_INTERNAL_H_

#include <memory>
#include <string>

#include "base/file.h"
#include "formats/weight_source.h"

namespace sterna {

/// Metadata: the strings of __metadata__.
Result<std::shared_ptr<const WeightSource>> OpenSafetensors(std::shared_ptr<const MappedFile> file);

/// A zip file of torch.save. Metadata: none.
Result<std::shared_ptr<const WeightSource>> OpenPyTorch(std::shared_ptr<const MappedFile> file);

/// Metadata: config.json beside the file, as below, or the model's own strings. Weights: AddOnnxWeights.
Result<std::shared_ptr<const WeightSource>> OpenOnnx(std::shared_ptr<const MappedFile> file);

/// Metadata: config.json flattened, then, where they are, generation_config.json under "generation_config." and
/// 1_Pooling/config.json (sentence-transformers) under "pooling.". Tensors: those of
/// model.safetensors, else of the shards that model.safetensors.index.json names, else of pytorch_model.bin, else of the shards of
/// pytorch_model.bin.index.json, else of model.onnx. Index and shards must agree exactly: each tensor
/// in the shard named for it, no other tensor, total_size equal to the sum of the tensors (PyTorch: with or without tied
/// ones). A shard may be a symbolic link only to a
/// file in the directory or, as in a Hugging Face cache (SNAPSHOTS/REVISION beside BLOBS), to its blobs. Errors: NotFound naming
/// what was expected and what lies there instead; Malformed.
Result<std::shared_ptr<const WeightSource>> OpenCheckpointDirectory(const std::string& path);

}  // namespace sterna

#endif  // STERNA_FORMATS_CHECKPOINT_DIRECTORY_INTERNAL_H_
