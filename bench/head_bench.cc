// How much of a head must be read to find its largest logits exactly: hidden states of real text through the screened head and the
// full one, compared entry by entry.
//
//   sterna_head_bench MODEL TEXT [TYPE] [TOKENS]     TYPE: F16 (default), BF16 or F32, into which the model's head is converted
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "api/loaded_model.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/top_logits.h"
#include "base/file.h"
#include "engine/session.h"
#include "kernels/screen/screen.h"
#include "model/checkpoint_weights.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

constexpr int64_t kChunk = 128;       // hidden states in one step of the full head
constexpr int64_t kTextTokens = 512;  // of a sequence; then the next begins

using Clock = std::chrono::steady_clock;
double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct HiddenStates {
  int64_t count = 0, width = 0;
  std::shared_ptr<std::vector<float>> values = std::make_shared<std::vector<float>>();
};

/// The final norm's outputs for the text, in sequences of kTextTokens.
Result<HiddenStates> Evaluate(const std::string& path, const std::string& text_path, int64_t max_tokens) {
  LoadOptions options;
  options.output = ModelOutput::kHidden;
  STERNA_ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(path, options));
  if (loaded.tokenizer == nullptr) return InvalidArgument(path + ": the checkpoint has no tokenizer");
  constexpr size_t kMaxTextBytes = size_t{1} << 28;
  STERNA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(text_path, kMaxTextBytes));
  STERNA_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, loaded.tokenizer->Encode(text, {}));
  tokens.resize(std::min(tokens.size(), static_cast<size_t>(max_tokens)));
  HiddenStates states;
  states.count = static_cast<int64_t>(tokens.size());
  states.width = loaded.model->output_width();
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Create(loaded.model, {.max_chunk = kChunk, .max_selected = kChunk}));
  for (size_t at = 0; at < tokens.size(); at += kTextTokens) {
    session->Rewind(0);
    const auto sequence = std::span<const int32_t>(tokens).subspan(at, std::min<size_t>(kTextTokens, tokens.size() - at));
    STERNA_RETURN_IF_ERROR(session->EvaluateAll(sequence, [&](size_t, std::span<const float> row) {
      states.values->insert(states.values->end(), row.begin(), row.end());
      return Status::Ok();
    }));
  }
  return states;
}

/// The model's head, converted.
Result<DenseMatrixSource> ReadHead(const std::string& path, DType dtype) {
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source, OpenWeights(path));
  STERNA_ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(source->format(), source->metadata()));
  CheckpointWeights weights(source, config);
  STERNA_ASSIGN_OR_RETURN(std::optional<DenseMatrixSource> head, weights.Head(config.vocab, config.d_model));
  if (!head) {
    STERNA_ASSIGN_OR_RETURN(head, weights.Embedding(config.vocab, config.d_model));
  }
  std::vector<float> values(static_cast<size_t>(head->rows * head->cols));
  STERNA_RETURN_IF_ERROR(Dequantize(head->dtype, head->bytes, head->rows, head->cols, values));
  STERNA_ASSIGN_OR_RETURN(std::vector<std::byte> encoded, Quantize(dtype, values, head->rows, head->cols));
  auto bytes = std::make_shared<const std::vector<std::byte>>(std::move(encoded));
  fmt::print("head     {} x {}, {} in the file, {} here\n", head->rows, head->cols, Name(head->dtype), Name(dtype));
  return DenseMatrixSource{.dtype = dtype, .rows = head->rows, .cols = head->cols, .bytes = *bytes, .keep_alive = bytes};
}

/// A plan of nothing but the head: token i stands for hidden state i.
struct HeadProgram {
  std::shared_ptr<Backend> backend;
  std::unique_ptr<Program> program;
  int64_t head_bytes = 0, screen_bytes = 0;
  int64_t rows = 0;
};

Result<HeadProgram> MakeProgram(const HiddenStates& states, DenseMatrixSource head) {
  HeadProgram made;
  made.rows = head.rows;
  made.head_bytes = static_cast<int64_t>(head.bytes.size());
  made.screen_bytes = head.rows * ScreenRowBytes(head.cols);
  STERNA_ASSIGN_OR_RETURN(made.backend, MakeCpuBackend({.threads = 0, .isa = HostIsa()}));
  Backend& backend = *made.backend;
  STERNA_ASSIGN_OR_RETURN(const WeightId table, backend.AddTable({.dtype = DType::kF32,
                                                                  .rows = states.count,
                                                                  .cols = states.width,
                                                                  .bytes = std::as_bytes(std::span<const float>(*states.values)),
                                                                  .keep_alive = states.values}));
  const int64_t cols = head.cols;
  STERNA_ASSIGN_OR_RETURN(const WeightId weight, backend.AddDense(std::move(head), DenseActivations::kFloat));
  const Clock::time_point start = Clock::now();
  STERNA_ASSIGN_OR_RETURN(const WeightId screen, backend.AddScreen(weight));
  if (screen == kNoWeight) return Unsupported("this head cannot be screened");
  fmt::print("screen   {:.4f} of the head's bytes, made in {:.2f} s by {} threads\n",
             static_cast<double>(made.screen_bytes) / static_cast<double>(made.head_bytes), SecondsSince(start), backend.threads());
  auto plan = std::make_shared<Plan>();
  const SlotView x = plan->AddSlot(Slot::Kind::kFloat, cols);
  const SlotView gathered = plan->AddSlot(Slot::Kind::kFloat, cols, Slot::Rows::kSelected);
  const SlotView logits = plan->AddSlot(Slot::Kind::kFloat, made.rows, Slot::Rows::kSelected);
  plan->ops.push_back(EmbedOp{.table = table, .out = x});
  plan->ops.push_back(GatherOp{.in = x, .out = gathered});
  plan->ops.push_back(DenseLinearOp{.weight = weight, .in = gathered, .out = logits, .screen = screen});
  plan->output = logits.slot;
  STERNA_ASSIGN_OR_RETURN(made.program, backend.Compile(std::move(plan), {.max_tokens = kChunk, .max_selected = kChunk}));
  return made;
}

struct Measured {
  int64_t equal = 0;
  std::vector<int64_t> rescored;  // of states that did not fall back
  double screened_seconds = 0, full_seconds = 0;
};

int64_t Percentile(std::vector<int64_t> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

Status Compare(HeadProgram& head, int64_t states, const std::vector<int64_t>& counts) {
  std::vector<Measured> measured(counts.size());
  std::vector<int32_t> all(kChunk);
  std::iota(all.begin(), all.end(), 0);
  for (int64_t first = 0; first < states; first += kChunk) {
    const int64_t chunk = std::min(kChunk, states - first);
    std::vector<StepToken> step;
    for (int64_t i = first; i < first + chunk; ++i)
      step.push_back({.token = static_cast<int32_t>(i), .sequence = 0, .position = i});
    STERNA_ASSIGN_OR_RETURN(
        const std::span<const float> logits,
        head.program->Run({.tokens = step, .sequences = {}, .selected = std::span(all).first(static_cast<size_t>(chunk))}));
    const std::vector<float> full(logits.begin(), logits.end());
    for (size_t c = 0; c < counts.size(); ++c) {
      std::vector<TokenLogit> expected(static_cast<size_t>(counts[c]));
      for (int64_t i = 0; i < chunk; ++i) {
        SelectTopLogits(std::span(full).subspan(static_cast<size_t>(i * head.rows), static_cast<size_t>(head.rows)), expected);
        const ScreenCounts before = head.program->screen_counts();
        const StepBatch one{.tokens = {&step[static_cast<size_t>(i)], 1}, .sequences = {}, .selected = {all.data(), 1}};
        const Clock::time_point start = Clock::now();
        STERNA_ASSIGN_OR_RETURN(const std::span<const TokenLogit> top, head.program->RunTop(one, counts[c]));
        measured[c].screened_seconds += SecondsSince(start);
        measured[c].equal += std::ranges::equal(top, expected) ? 1 : 0;
        const ScreenCounts after = head.program->screen_counts();
        if (after.fallbacks == before.fallbacks) measured[c].rescored.push_back(after.rescored - before.rescored);
      }
    }
    const Clock::time_point start = Clock::now();
    STERNA_RETURN_IF_ERROR(head.program->Run({.tokens = {step.data(), 1}, .sequences = {}, .selected = {all.data(), 1}}).status());
    for (Measured& one : measured) one.full_seconds += SecondsSince(start) * static_cast<double>(chunk);
  }
  fmt::print(
      "\n| first | states equal | rows re-scored, median | p99 | most | fell back | bytes of the full head | time of it |\n"
      "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  const double screen = static_cast<double>(head.screen_bytes) / static_cast<double>(head.head_bytes);
  for (size_t c = 0; c < counts.size(); ++c) {
    const Measured& of = measured[c];
    const auto fallbacks = states - static_cast<int64_t>(of.rescored.size());
    const auto rows = static_cast<double>(std::accumulate(of.rescored.begin(), of.rescored.end(), int64_t{0}));
    const double bytes =
        screen + (rows / static_cast<double>(head.rows) + static_cast<double>(fallbacks)) / static_cast<double>(states);
    fmt::print("| {} | {} of {} | {} | {} | {} | {} | {:.4f} | {:.3f} |\n", counts[c], of.equal, states,
               Percentile(of.rescored, 0.5), Percentile(of.rescored, 0.99), Percentile(of.rescored, 1), fallbacks, bytes,
               of.screened_seconds / of.full_seconds);
  }
  return Status::Ok();
}

Status RunAll(const std::string& model, const std::string& text, DType dtype, int64_t tokens) {
  STERNA_ASSIGN_OR_RETURN(const HiddenStates states, Evaluate(model, text, tokens));
  fmt::print("states   {} of {} numbers\n", states.count, states.width);
  STERNA_ASSIGN_OR_RETURN(DenseMatrixSource head, ReadHead(model, dtype));
  STERNA_ASSIGN_OR_RETURN(HeadProgram program, MakeProgram(states, std::move(head)));
  return Compare(program, states.count, {1, 40});
}

}  // namespace
}  // namespace sterna

int main(int argc, char** argv) {
  constexpr long long kDefaultTokens = 20480;
  const auto dtype = sterna::DTypeFromName(argc > 3 ? argv[3] : "F16");
  const long long tokens = argc > 4 ? std::atoll(argv[4]) : kDefaultTokens;
  if (argc < 3 || !dtype || tokens < 1) {
    fmt::print(stderr, "usage: sterna_head_bench MODEL TEXT [F16|BF16|F32] [TOKENS]\n");
    return 2;
  }
  const sterna::Status status = sterna::RunAll(argv[1], argv[2], *dtype, tokens);
  if (!status.ok()) fmt::print(stderr, "error: {}\n", status.message());
  return status.ok() ? 0 : 1;
}
