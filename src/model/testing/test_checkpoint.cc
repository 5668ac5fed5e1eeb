#include "model/testing/test_checkpoint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "backend/cpu/cpu_backend.h"
#include "base/rng.h"
#include "model/kv_pool.h"
#include "model/tensor_names.h"
#include "tensor/ternary_rows.h"

namespace sterna::testing {
namespace {

constexpr int64_t kSlidingWindow = 3, kSlidingPattern = 2;  // of gemma3
constexpr float kFactor = 0.0625f;                          // exact in f16, and its inverse too

class MemorySource final : public WeightSource {
 public:
  explicit MemorySource(TestCheckpoint checkpoint) : checkpoint_(std::move(checkpoint)) {
    for (const auto& [name, tensor] : checkpoint_.tensors) {
      entries_.push_back({.name = name, .dtype = tensor.dtype, .shape = tensor.shape, .data = tensor.data});
    }
  }

  std::string_view format() const override { return checkpoint_.format; }
  const std::string& path() const override { return path_; }
  const Metadata& metadata() const override { return checkpoint_.metadata; }
  std::span<const TensorEntry> entries() const override { return entries_; }
  const TensorEntry* Find(std::string_view name) const override {
    for (const TensorEntry& entry : entries_) {
      if (entry.name == name) return &entry;
    }
    return nullptr;
  }
  Status StillUnchanged() const override { return checkpoint_.unchanged; }

 private:
  TestCheckpoint checkpoint_;
  std::string path_ = "test checkpoint";
  std::vector<TensorEntry> entries_;
};

class Maker {
 public:
  explicit Maker(const TestModel& model)
      : model_(model), names_({.is_gguf = model.is_gguf, .has_post_norms = model.architecture == "gemma3"}) {
    out_.format = model.is_gguf ? "GGUF" : "safetensors";
  }

  TestCheckpoint Make() {
    if (model_.is_gguf) {
      GgufKeys();
    } else {
      HuggingFaceKeys();
    }
    const int64_t q_width = model_.heads * model_.head_dim, kv_width = model_.kv_heads * model_.head_dim;
    AddDense(names_.Embedding(), 1000, model_.vocab, model_.d_model);
    AddNorm(names_.FinalNorm(), 1001, model_.d_model);
    for (int64_t layer = 0; layer < model_.layers; ++layer) {
      LayerNormOf(layer, LayerNorm::kAttention, model_.d_model);
      LayerNormOf(layer, LayerNorm::kFeedForward, model_.d_model);
      if (model_.architecture.starts_with("bitnet")) {
        LayerNormOf(layer, LayerNorm::kAttentionSub, q_width);
        LayerNormOf(layer, LayerNorm::kFeedForwardSub, model_.d_ff);
      }
      if (model_.architecture == "gemma3") {
        LayerNormOf(layer, LayerNorm::kAttentionPost, model_.d_model);
        LayerNormOf(layer, LayerNorm::kFeedForwardPost, model_.d_model);
      }
      if (model_.architecture == "qwen3" || model_.architecture == "gemma3") {
        LayerNormOf(layer, LayerNorm::kQueryHead, model_.head_dim);
        LayerNormOf(layer, LayerNorm::kKeyHead, model_.head_dim);
      }
      AddProjection(layer, Projection::kQuery, q_width, model_.d_model);
      AddProjection(layer, Projection::kKey, kv_width, model_.d_model);
      AddProjection(layer, Projection::kValue, kv_width, model_.d_model);
      AddProjection(layer, Projection::kOutput, model_.d_model, q_width);
      AddProjection(layer, Projection::kGate, model_.d_ff, model_.d_model);
      AddProjection(layer, Projection::kUp, model_.d_ff, model_.d_model);
      AddProjection(layer, Projection::kDown, model_.d_model, model_.d_ff);
      if (model_.architecture == "qwen2") {
        AddBias(layer, Projection::kQuery, q_width);
        AddBias(layer, Projection::kKey, kv_width);
        AddBias(layer, Projection::kValue, kv_width);
      }
    }
    return std::move(out_);
  }

 private:
  void GgufKeys() {
    Metadata& m = out_.metadata;
    const auto key = [&](std::string_view suffix) { return fmt::format("{}.{}", model_.architecture, suffix); };
    const auto set = [&](std::string_view suffix, int64_t value) { m.Set(key(suffix), static_cast<uint32_t>(value)); };
    m.Set("general.architecture", model_.architecture);
    set("block_count", model_.layers);
    set("embedding_length", model_.d_model);
    set("feed_forward_length", model_.d_ff);
    set("attention.head_count", model_.heads);
    set("attention.head_count_kv", model_.kv_heads);
    set("attention.key_length", model_.head_dim);
    set("attention.value_length", model_.head_dim);
    set("context_length", model_.context);
    set("vocab_size", model_.vocab);
    m.Set(key("rope.freq_base"), 10000.0f);
    m.Set(key("attention.layer_norm_rms_epsilon"), 0x1p-17f);
    if (model_.architecture == "gemma3") {
      set("attention.sliding_window", kSlidingWindow);
      set("attention.sliding_window_pattern", kSlidingPattern);
    }
  }

  void HuggingFaceKeys() {
    Metadata& m = out_.metadata;
    m.Set("model_type", model_.architecture == "bitnet-b1.58" ? std::string("bitnet") : model_.architecture);
    m.Set("num_hidden_layers", model_.layers);
    m.Set("hidden_size", model_.d_model);
    m.Set("intermediate_size", model_.d_ff);
    m.Set("num_attention_heads", model_.heads);
    m.Set("num_key_value_heads", model_.kv_heads);
    m.Set("head_dim", model_.head_dim);
    m.Set("max_position_embeddings", model_.context);
    m.Set("vocab_size", model_.vocab);
    m.Set("rope_theta", 10000.0);
    m.Set("rms_norm_eps", 0x1p-17);
    m.Set("tie_word_embeddings", true);
    m.Set("hidden_act", std::string(model_.architecture == "bitnet-b1.58" ? "relu2" : "silu"));
    if (model_.architecture == "gemma3") {
      m.Set("model_type", std::string("gemma3_text"));
      m.Set("hidden_activation", std::string("gelu_pytorch_tanh"));
      m.Set("query_pre_attn_scalar", model_.head_dim);
      m.Set("sliding_window", kSlidingWindow);
      m.Set("sliding_window_pattern", kSlidingPattern);
    }
    if (model_.projections == Projections::kPackedU8) m.Set("quantization_config.quant_method", std::string("bitnet"));
  }

  std::vector<float> Normal(uint64_t stream, int64_t count, double scale) {
    RngStream rng{.key = 20, .stream = stream, .counter = 0};
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = static_cast<float>(rng.NextNormal() * scale);
    return values;
  }
  void AddDense(const std::string& name, uint64_t stream, int64_t rows, int64_t cols) {
    out_.tensors[name] = {DType::kF32, {rows, cols}, FloatBytes(Normal(stream, rows * cols, 0.5))};
  }
  void AddNorm(const std::string& name, uint64_t stream, int64_t size) {
    // Whole steps of 2^-10, so that Gemma's weights less 1 are exact.
    std::vector<float> values = Normal(stream, size, 0.1);
    const bool is_less_one = model_.architecture == "gemma3" && !model_.is_gguf;
    for (float& value : values) value = std::nearbyint(value * 1024) / 1024 + (is_less_one ? 0.0f : 1.0f);
    out_.tensors[name] = FloatTensor(values);
  }
  void LayerNormOf(int64_t layer, LayerNorm norm, int64_t size) {
    AddNorm(names_.Norm(layer, norm).front(), static_cast<uint64_t>(layer * 16) + static_cast<uint64_t>(norm) + 500, size);
  }

  void AddBias(int64_t layer, Projection projection, int64_t rows) {
    const uint64_t stream = static_cast<uint64_t>(layer * 16) + static_cast<uint64_t>(projection) + 700;
    out_.tensors[names_.Base(layer, projection) + ".bias"] = FloatTensor(Normal(stream, rows, 0.3));
  }

  /// What llama.cpp's convert_hf_to_gguf.py does to q and k: reshape to [heads, 2, half, cols] and swap the middle axes.
  template <class T>
  std::vector<T> Permuted(const std::vector<T>& values, int64_t rows, int64_t cols) const {
    std::vector<T> out;
    const int64_t half = model_.head_dim / 2;
    for (int64_t head = 0; head < rows / model_.head_dim; ++head) {
      for (int64_t i = 0; i < half; ++i) {
        for (int64_t part = 0; part < 2; ++part) {
          const auto row = values.begin() + ((head * 2 + part) * half + i) * cols;
          out.insert(out.end(), row, row + cols);
        }
      }
    }
    return out;
  }

  void AddProjection(int64_t layer, Projection projection, int64_t rows, int64_t cols) {
    const uint64_t stream = static_cast<uint64_t>(layer * 16) + static_cast<uint64_t>(projection);
    const std::string base = names_.Base(layer, projection);
    const bool permuted =
        model_.is_gguf && model_.architecture == "llama" && (projection == Projection::kQuery || projection == Projection::kKey);
    if (model_.projections == Projections::kF32) {
      std::vector<float> values = Normal(stream, rows * cols, 0.1);
      if (permuted) values = Permuted(values, rows, cols);
      out_.tensors[base + ".weight"] = {DType::kF32, {rows, cols}, FloatBytes(values)};
      return;
    }
    RngStream rng{.key = 21, .stream = stream, .counter = 0};
    std::vector<int8_t> values(static_cast<size_t>(rows * cols));
    for (int8_t& value : values) value = static_cast<int8_t>(static_cast<int>(rng.NextUint32() % 3) - 1);
    if (permuted) values = Permuted(values, rows, cols);
    AddTernary(base, values, rows, cols);
  }

  void AddTernary(const std::string& base, const std::vector<int8_t>& values, int64_t rows, int64_t cols) {
    const float scale = kFactor;
    const TernaryRows matrix = TernaryRows::OpenValues(values, {&scale, 1}, rows, cols).value();
    if (model_.projections == Projections::kPackedU8) {
      const int64_t packed_rows = (rows + 3) / 4;
      std::vector<std::byte> bytes(static_cast<size_t>(packed_rows * cols));
      float multiply_scale = 0;
      EXPECT_TRUE(EncodePacked(matrix, bytes, &multiply_scale).ok());
      out_.tensors[base + ".weight"] = {DType::kU8, {packed_rows, cols}, std::move(bytes)};
      out_.tensors[base + ".weight_scale"] = FloatTensor({1 / multiply_scale});
    } else if (model_.projections == Projections::kMasterF32) {
      std::vector<float> floats;
      for (const int8_t value : values) floats.push_back(static_cast<float>(value) * kFactor);
      out_.tensors[base + ".weight"] = {DType::kF32, {rows, cols}, FloatBytes(floats)};
    } else {
      const DType dtype = model_.projections == Projections::kTQ1_0   ? DType::kTQ1_0
                          : model_.projections == Projections::kTQ2_0 ? DType::kTQ2_0
                                                                      : DType::kI2_S;
      const Shape shape = {rows, cols};
      std::vector<std::byte> bytes(static_cast<size_t>(TensorBytes(dtype, shape).value()));
      EXPECT_TRUE(EncodeTernary(dtype, matrix, bytes).ok());
      out_.tensors[base + ".weight"] = {dtype, shape, std::move(bytes)};
    }
  }

  TestModel model_;
  TensorNames names_;
  TestCheckpoint out_;
};

}  // namespace

TestCheckpoint MakeCheckpoint(const TestModel& model) {
  return Maker(model).Make();
}

std::vector<std::byte> FloatBytes(std::span<const float> values) {
  std::vector<std::byte> bytes(values.size_bytes());
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TestTensor FloatTensor(const std::vector<float>& values) {
  return {DType::kF32, {static_cast<int64_t>(values.size())}, FloatBytes(values)};
}

void SetFloat(TestTensor& tensor, size_t index, float value) {
  std::memcpy(tensor.data.data() + index * sizeof(float), &value, sizeof(float));
}

std::shared_ptr<const WeightSource> Open(TestCheckpoint checkpoint) {
  return std::make_shared<const MemorySource>(std::move(checkpoint));
}

Result<std::shared_ptr<const Model>> Load(TestCheckpoint checkpoint, const ModelOptions& options) {
  STERNA_ASSIGN_OR_RETURN(std::shared_ptr<Backend> backend, MakeCpuBackend({.threads = 1, .isa = Isa::kRef}));
  return Model::Load(Open(std::move(checkpoint)), std::move(backend), options);
}

void ExpectLoadError(TestCheckpoint checkpoint, StatusCode code, const std::vector<std::string_view>& parts) {
  const auto model = Load(std::move(checkpoint));
  ASSERT_FALSE(model.ok()) << "loaded; expected an error with " << (parts.empty() ? "" : parts.front());
  const std::string message(model.status().message());
  EXPECT_EQ(model.status().code(), code) << message;
  EXPECT_THAT(message, ::testing::StartsWith("test checkpoint: "));
  for (const std::string_view part : parts) EXPECT_THAT(message, ::testing::HasSubstr(std::string(part)));
}

std::vector<float> Logits(const Model& model, const std::vector<int32_t>& tokens) {
  const auto count = static_cast<int64_t>(tokens.size());
  const auto program = model.NewProgram({.max_tokens = count, .max_selected = count});
  EXPECT_TRUE(program.ok()) << program.status().message();
  if (!program.ok()) return {};
  KvSequence cache(std::make_shared<KvPool>(model.shared_backend(), model.kv_shape(), count));
  EXPECT_TRUE(cache.Reserve(count).ok());
  std::vector<StepToken> step;
  for (int64_t i = 0; i < count; ++i) step.push_back({.token = tokens[static_cast<size_t>(i)], .sequence = 0, .position = i});
  std::vector<int32_t> selected(tokens.size());
  std::iota(selected.begin(), selected.end(), 0);
  const SequenceBlocks blocks = cache.blocks();
  const auto logits = (*program)->Run({.tokens = step, .sequences = {&blocks, 1}, .selected = selected});
  EXPECT_TRUE(logits.ok()) << logits.status().message();
  return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
}

}  // namespace sterna::testing
