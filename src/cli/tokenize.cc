// `sterna tokenize`: text to ids and back, for checks against other tokenizers.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "api/loaded_model.h"
#include "cli/command.h"
#include "cli/json_lines.h"
#include "cli/tokenize_train.h"

namespace sterna {
namespace {

struct TokenizeFlags {
  std::string path;
  TrainFlags train;
  bool json_lines = false;
  bool no_parse_special = false;
  EncodeOptions encode{.add_special = false, .parse_special = true};
};

Result<nlohmann::json> TokenizeLine(const Tokenizer& tokenizer, const EncodeOptions& options, const nlohmann::json& line) {
  const auto text = line.find("text");
  if (text == line.end() || !text->is_string()) return InvalidArgument("expected an object with a string \"text\"");
  STERNA_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, tokenizer.Encode(text->get_ref<const std::string&>(), options));
  STERNA_ASSIGN_OR_RETURN(const std::string decoded, tokenizer.Decode(ids));
  return nlohmann::json{{"ids", ids}, {"decoded", decoded}};
}

Status RunTokenize(TokenizeFlags flags) {
  flags.encode.parse_special = !flags.no_parse_special;
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const Tokenizer> tokenizer, LoadTokenizer(flags.path));
  if (flags.json_lines) {
    return ForEachJsonLine([&](const nlohmann::json& line) { return TokenizeLine(*tokenizer, flags.encode, line); });
  }
  STERNA_ASSIGN_OR_RETURN(const std::string text, ReadStandardInput());
  STERNA_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, tokenizer->Encode(text, flags.encode));
  return WriteOutput(fmt::format("{}\n", fmt::join(ids, " ")));
}

}  // namespace

void AddTokenize(CLI::App& app, Action* action) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = app.add_subcommand("tokenize", "Turn text from standard input into token ids");
  command->add_option("PATH", flags->path, "GGUF file, tokenizer.json, or directory");
  command->add_flag("--jsonl", flags->json_lines, R"(Each input line {"text": …} gives {"ids": […], "decoded": …})");
  command->add_flag("--add-special", flags->encode.add_special, "Add the tokens the model expects around a text (BOS)");
  command->add_flag("--no-parse-special", flags->no_parse_special, "Read the text of control tokens as ordinary characters");
  flags->train.AddTo(*command);
  command->callback([flags, action, command] {
    flags->train.Check(*command);
    if (flags->train.is_given()) {
      *action = [flags] { return RunTrain(flags->train); };
      return;
    }
    if (flags->path.empty()) FailUsage("PATH is required");
    *action = [flags] { return RunTokenize(*flags); };
  });
}

}  // namespace sterna
