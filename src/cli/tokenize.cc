// `sterna tokenize`: text to ids and back; special tokens; training.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "api/loaded_model.h"
#include "cli/command.h"
#include "cli/json_lines.h"
#include "cli/tokenize_special.h"
#include "cli/tokenize_train.h"

namespace sterna {
namespace {

struct TokenizeFlags {
  std::string path;
  TrainFlags train;
  SpecialFlags special;
  SpecialTokenEdit edit;
  bool json = false;
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

Status RunTokenize(const TokenizeFlags& flags) {
  if (!flags.train.output.empty()) {
    return SaveEditedTokenizer(flags.path, flags.edit, flags.train.output, flags.train.overwrite, flags.json);
  }
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const Tokenizer> tokenizer,
                          LoadTokenizer(flags.path, {.vocabulary_cache = VocabularyCacheFolder(), .edit = flags.edit}));
  for (const std::string& warning : tokenizer->warnings()) PrintWarning(warning);
  if (flags.special.list) return WriteOutput(FormatSpecialTokens(flags.path, *tokenizer, flags.json));
  if (flags.json_lines) {
    return ForEachJsonLine([&](const nlohmann::json& line) { return TokenizeLine(*tokenizer, flags.encode, line); });
  }
  STERNA_ASSIGN_OR_RETURN(const std::string text, ReadStandardInput());
  if (flags.json) {
    STERNA_ASSIGN_OR_RETURN(const nlohmann::json line, TokenizeLine(*tokenizer, flags.encode, {{"text", text}}));
    return WriteOutput(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  STERNA_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, tokenizer->Encode(text, flags.encode));
  return WriteOutput(fmt::format("{}\n", fmt::join(ids, " ")));
}

/// In the callback of the command: what the flags mean without --train.
void CheckTokenize(const CLI::App& command, TokenizeFlags* flags) {
  if (flags->path.empty()) FailUsage("PATH is required, in front of the flags");
  const std::vector<std::string>& special = flags->train.special_tokens;
  if (!special.empty() && (special.size() > 1 || (special[0] != "parse" && special[0] != "text"))) {
    FailUsage(fmt::format("--special '{}': expected parse or text (with --train: special tokens)", fmt::join(special, " ")));
  }
  if (flags->no_parse_special && !special.empty() && special[0] == "parse")
    FailUsage("--special parse and --no-parse-special contradict");
  flags->encode.parse_special = !flags->no_parse_special && (special.empty() || special[0] == "parse");
  flags->edit = flags->special.ToEdit();
  if (command.count("--output") > 0 && flags->edit.empty()) {
    FailUsage("--output goes with --train, --add-token, --add-special-token or --map-special");
  }
  if (command.count("--output") > 0 && flags->train.output.empty()) FailUsage("--output: the name is empty");
  if (command.count("--force") > 0 && flags->train.output.empty()) FailUsage("--force goes with --output");
}

}  // namespace

void AddTokenize(CLI::App& app, Action* action) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = app.add_subcommand("tokenize", "Turn text from standard input into token ids");
  command->add_option("PATH", flags->path, "GGUF file, tokenizer.json, tokenizer.model, or directory");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->add_flag("--jsonl", flags->json_lines, R"(Each input line {"text": …} gives {"ids": […], "decoded": …})");
  command->add_flag("--add-special", flags->encode.add_special, "Add the tokens the model expects around a text (BOS)");
  command->add_option("--special", flags->train.special_tokens,
                      "The text of control tokens becomes those tokens (parse, the default) or is ordinary text (text). With "
                      "--train: special tokens, the first ids");
  command->add_flag("--no-parse-special", flags->no_parse_special, "The same as --special text");
  command->add_option("-o,--output", flags->train.output, "tokenizer.json, or directory, to write changed tokens or a training to");
  command->add_flag("-f,--force", flags->train.overwrite, "Replace output files where they exist");
  flags->special.AddTo(*command);
  flags->train.AddTo(*command);
  command->callback([flags, action, command] {
    flags->train.Check(*command);
    if (flags->train.is_given()) {
      *action = [flags] { return RunTrain(flags->train); };
      return;
    }
    CheckTokenize(*command, flags.get());
    *action = [flags] { return RunTokenize(*flags); };
  });
}

}  // namespace sterna
