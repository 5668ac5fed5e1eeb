// BitNet b1.58 with sub-norms: 1bitLLM's models (`bitnet`, SiLU) and Microsoft's 2B-4T (`bitnet-b1.58`, `bitnet-25`, relu^2).
#include <array>

#include "model/arch/architecture.h"

namespace sterna {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"bitnet", "bitnet-25", "bitnet-b1.58"};

Status Adapt(const Metadata& metadata, bool is_gguf, ModelConfig* config) {
  config->has_sub_norms = true;
  if (is_gguf) {
    // The tensor names are the same in both generations: only the architecture string tells which activation was trained.
    STERNA_ASSIGN_OR_RETURN(const std::string_view name, metadata.GetString("general.architecture"));
    config->activation = name == "bitnet" ? Activation::kSilu : Activation::kReluSquared;
  }
  // Float projections of a BitNet model are master weights, in GGUF files and in checkpoints without a quantization_config too.
  config->float_projection = FloatProjection::kTernaryMaster;
  return Status::Ok();
}

}  // namespace

const Architecture kBitnetArchitecture = {kNames, Adapt};

}  // namespace sterna
