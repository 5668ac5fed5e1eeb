// `sterna logits`: logits of given token ids, for parity checks.
#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "api/logits.h"
#include "api/output_path.h"
#include "cli/command.h"

namespace sterna {
namespace {

struct LogitsFlags {
  std::string model, token_list, output;
  std::vector<int32_t> tokens;
  int64_t chunk = 0;
  ModelFlags model_flags;
};

/// "1,2,3"; spaces around the numbers are allowed.
Result<std::vector<int32_t>> ParseTokens(std::string_view text) {
  std::vector<int32_t> tokens;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t comma = std::min(text.find(',', at), text.size());
    std::string_view piece = text.substr(at, comma - at);
    while (!piece.empty() && piece.front() == ' ') piece.remove_prefix(1);
    while (!piece.empty() && piece.back() == ' ') piece.remove_suffix(1);
    int32_t value = 0;
    const auto [end, error] = std::from_chars(piece.data(), piece.data() + piece.size(), value);
    if (error != std::errc() || end != piece.data() + piece.size()) {
      return InvalidArgument(
          fmt::format("--tokens: expected ids separated by commas, found '{}' at position {}", piece, tokens.size()));
    }
    tokens.push_back(value);
    at = comma + 1;
  }
  return tokens;
}

Status RunLogits(const LogitsFlags& flags) {
  STERNA_RETURN_IF_ERROR(CheckOutputPath(flags.output, /*overwrite=*/true));
  LoadOptions options = flags.model_flags.ToLoadOptions();
  options.needs_text = false;
  options.screen_head = ScreenHead::kOff;  // every logit is wanted
  STERNA_ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(flags.model, options));
  for (const std::string& warning : loaded.warnings) PrintWarning(warning);
  return WriteLogits(loaded, flags.tokens, flags.chunk, flags.output, [] { return !Interrupted(); });
}

}  // namespace

void AddLogits(CLI::App& app, Action* action) {
  auto flags = std::make_shared<LogitsFlags>();
  flags->model_flags.activations = "f32";  // parity is measured against the weights as they are stored
  CLI::App* command = app.add_subcommand("logits", "Write the logits of a token sequence to a safetensors file");
  command->add_option("MODEL", flags->model, "GGUF file or Hugging Face directory")->required();
  command->add_option("--tokens", flags->token_list, "Token ids: 1,2,3")->required();
  command->add_option("-o,--output", flags->output, "File to write: `logits` [tokens, vocab] F32")->required();
  command->add_option("--chunk", flags->chunk, "Tokens evaluated at once; 0: a default. The result does not depend on it")
      ->check(CLI::Range(0, 65536));
  flags->model_flags.AddTo(*command);
  command->callback([flags, action] {
    Result<std::vector<int32_t>> tokens = ParseTokens(flags->token_list);
    if (!tokens.ok()) FailUsage(std::string(tokens.status().message()));
    flags->tokens = *std::move(tokens);
    *action = [flags] { return RunLogits(*flags); };
  });
}

}  // namespace sterna
