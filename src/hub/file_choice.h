// Which files of a repository make one model: a GGUF file by its quantization, or a whole checkpoint.
#ifndef STERNA_HUB_FILE_CHOICE_H_
#define STERNA_HUB_FILE_CHOICE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

struct FileChoice {
  std::vector<std::string> paths;  ///< all files of the model, sorted
  std::string entry;               ///< what to open: a GGUF file (the first part of a split one); empty: the folder
};

/// Chooses among the paths of one repository (or of the cached part of it).
///
/// With a quantization: the GGUF file whose path has it between '-', '_', '.' or '/' (or the ends), whatever the case, as llama.cpp
/// matches tags: "q8_0" finds model-Q8_0.gguf, and "Q4_K" does not find Q4_K_M. A file's own name is taken, too. Of several the one
/// with the shortest path, then the first by name.
/// Without one: where there are GGUF files, the first of I2_S, TQ2_0, TQ1_0, Q4_K_M, Q4_0, Q8_0, BF16, F16 that is there, else the
/// first by name; where there are none, the checkpoint of the top folder: config and tokenizer files and *.safetensors, or *.bin,
/// *.pt and
/// *.pth where there is no safetensors file.
/// Files whose names say mmproj or imatrix are no models. All parts of a split GGUF file belong to it.
/// InvalidArgument, with what there is, where nothing fits.
Result<FileChoice> ChooseModelFiles(std::span<const std::string> paths, std::string_view quant);

/// What ChooseModelFiles could be asked for: a quantization of each GGUF file, sorted, without repetitions.
std::vector<std::string> Quantizations(std::span<const std::string> paths);

}  // namespace sterna

#endif  // STERNA_HUB_FILE_CHOICE_H_
