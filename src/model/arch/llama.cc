// Llama: dense models, and the ternary ones without sub-norms (Llama3-8B-1.58, Falcon3-1.58bit, Falcon-E).
#include <array>

#include "model/arch/architecture.h"

namespace sterna {
namespace {

constexpr std::array<std::string_view, 1> kNames = {"llama"};

Status Adapt(const Metadata&, bool is_gguf, ModelConfig* config) {
  // llama.cpp's converter permutes q and k rows so that rotated pairs are neighbours.
  config->rope_is_interleaved = is_gguf;
  return Status::Ok();
}

}  // namespace

const Architecture kLlamaArchitecture = {kNames, Adapt};

}  // namespace sterna
