// The sizes of published models by name: what a benchmark or a memory plan needs to know of a model that is not there.
#ifndef STERNA_MODEL_NAMED_SHAPES_H_
#define STERNA_MODEL_NAMED_SHAPES_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "model/config.h"
#include "tensor/dtype.h"

namespace sterna {

enum class ShapeFamily : uint8_t {
  kBitnetReluSquared,  ///< sub-norms, relu^2
  kBitnetSilu,         ///< sub-norms, SiLU
  kLlama,
  kQwen2,            ///< biases of q, k and v
  kQwen3,            ///< norms of query and key heads
  kQwen3Embedding,   ///< and a norm before each projection
  kGemma3,           ///< norms behind attention and feed-forward too, sliding windows
  kGemma3Embedding,  ///< and a norm before each projection
};

struct NamedShape {
  std::string_view name;   ///< as `--shape` takes it
  std::string_view model;  ///< whose sizes these are
  ShapeFamily family;
  int64_t layers, d_model, d_ff, heads, kv_heads, head_dim, vocab, context;
  double rope_theta;
  bool tied_head;
  double published_millions;  ///< parameters its makers or the hub count, in millions; 0 for a shape of our own
};

/// All of them, in families, the small ones first.
std::span<const NamedShape> NamedShapes();

/// The configuration of a name of NamedShapes. InvalidArgument for another.
Result<ModelConfig> ShapeConfig(std::string_view name);

/// The type called `name` (InvalidArgument where there is none), or, where it is empty, Q6_K where the model's width allows it and
/// Q8_0 elsewhere: what published files give their embedding and head.
Result<DType> ShapeHeadType(const ModelConfig& config, std::string_view name);

/// Weights of a model with this configuration: matrices, norms and biases; a tied head counts once.
int64_t ParameterCount(const ModelConfig& config);

}  // namespace sterna

#endif  // STERNA_MODEL_NAMED_SHAPES_H_
