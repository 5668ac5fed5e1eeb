// For tests: small checkpoints in memory, whole and correct, of which a test changes one thing before it loads them.
#ifndef STERNA_MODEL_TESTING_TEST_CHECKPOINT_H_
#define STERNA_MODEL_TESTING_TEST_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/weight_source.h"
#include "model/model.h"

namespace sterna::testing {

struct TestTensor {
  DType dtype;
  Shape shape;
  std::vector<std::byte> data;
};

struct TestCheckpoint {
  std::string format;  ///< "GGUF" or "safetensors"
  Metadata metadata;
  std::map<std::string, TestTensor> tensors;
  Status unchanged;  ///< what StillUnchanged answers
};

/// How MakeCheckpoint stores projections. Equal seeds give the same ternary values and factors in all ternary kinds.
enum class Projections : uint8_t {
  kF32,        ///< dense
  kPackedU8,   ///< Hugging Face, with weight_scale
  kMasterF32,  ///< floats that are ternary times a factor
  kTQ1_0,
  kTQ2_0,
  kI2_S,
};

struct TestModel {
  std::string architecture = "bitnet-b1.58";
  bool is_gguf = false;
  Projections projections = Projections::kPackedU8;
  int64_t layers = 2, d_model = 32, d_ff = 48, heads = 4, kv_heads = 2, head_dim = 8, vocab = 40, context = 64;
};

/// Widths that are whole blocks of every ternary encoding.
inline TestModel WideModel(std::string architecture, bool is_gguf, Projections projections) {
  return {.architecture = std::move(architecture),
          .is_gguf = is_gguf,
          .projections = projections,
          .layers = 1,
          .d_model = 256,
          .d_ff = 256,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 64,
          .vocab = 24,
          .context = 64};
}

/// A checkpoint that loads. Values depend on the shape and the tensor's role only, not on the format. q and k of a GGUF `llama` are
/// permuted as llama.cpp's converter does it.
TestCheckpoint MakeCheckpoint(const TestModel& model);

/// F32 bytes.
std::vector<std::byte> FloatBytes(std::span<const float> values);
/// A one-dimensional F32 tensor.
TestTensor FloatTensor(const std::vector<float>& values);
/// Replaces one F32 element.
void SetFloat(TestTensor& tensor, size_t index, float value);

std::shared_ptr<const WeightSource> Open(TestCheckpoint checkpoint);
/// Open, then Model::Load on one thread of the reference kernels.
Result<std::shared_ptr<const Model>> Load(TestCheckpoint checkpoint, const ModelOptions& options = {});
/// Expects the load to end with `code` and a message that holds all of `parts`.
void ExpectLoadError(TestCheckpoint checkpoint, StatusCode code, const std::vector<std::string_view>& parts);

/// Logits after every token, [tokens][vocab], of one step on a fresh sequence.
std::vector<float> Logits(const Model& model, const std::vector<int32_t>& tokens);

}  // namespace sterna::testing

#endif  // STERNA_MODEL_TESTING_TEST_CHECKPOINT_H_
