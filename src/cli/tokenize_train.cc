#include "cli/tokenize_train.h"

#include <fmt/format.h>

#include <cstdio>

#include "api/output_path.h"
#include "base/file.h"
#include "cli/command.h"
#include "text/training/bpe_trainer.h"
#include "text/training/tokenizer_file.h"

namespace sterna {
namespace {

/// A line on a terminal that each report replaces.
bool ShowProgress(const TrainFlags& flags, const BpeTrainingProgress& progress) {
  if (StandardErrorIsTerminal()) {
    if (progress.stage == BpeTrainingStage::kCountingWords) {
      constexpr int64_t kMegabyte = 1000000;
      fmt::print(stderr, "\r\x1b[Kcounting words: file {} of {}, {} of {} MB", progress.file + 1, flags.files.size(),
                 progress.done / kMegabyte, progress.total > 0 ? fmt::to_string(progress.total / kMegabyte) : "?");
    } else {
      fmt::print(stderr, "\r\x1b[Kmerging: {} of {} tokens", progress.done, progress.total);
    }
  }
  return !Interrupted();
}

BpeTrainingOptions OptionsOf(const TrainFlags& flags) {
  BpeTrainingOptions options;
  options.vocab_size = flags.vocab_size;
  options.min_frequency = flags.min_frequency;
  options.special_tokens = flags.special_tokens;
  options.all_bytes = flags.limit_alphabet == 0;
  if (flags.limit_alphabet > 0) options.limit_alphabet = flags.limit_alphabet;
  if (flags.max_token_length > 0) options.max_token_length = flags.max_token_length;
  options.add_prefix_space = flags.add_prefix_space;
  options.progress = [&flags](const BpeTrainingProgress& progress) { return ShowProgress(flags, progress); };
  return options;
}

}  // namespace

void TrainFlags::AddTo(CLI::App& command) {
  CLI::Option* train = command.add_option("--train", files, "Text files: learn a byte-level BPE vocabulary from them");
  const auto add = [&](CLI::Option* option) { option->needs(train)->group("Training"); };
  train->group("Training");
  add(command.add_option("--vocab-size", vocab_size, "Tokens wanted")->check(CLI::Range(1, INT32_MAX))->capture_default_str());
  add(command.add_option("--min-frequency", min_frequency, "Least count of a pair that is merged")
          ->check(CLI::NonNegativeNumber)
          ->capture_default_str());
  add(command.add_option("--max-token-length", max_token_length, "Merges stay shorter than this many bytes; 0: any length")
          ->check(CLI::NonNegativeNumber));
  add(command.add_option("--limit-alphabet", limit_alphabet, "Single bytes to keep, the most frequent of the text; 0: all 256")
          ->check(CLI::Range(0, 256)));
  add(command.add_flag("--add-prefix-space", add_prefix_space, "Every line begins with a space, added where it lacks one"));
}

void TrainFlags::Check(const CLI::App& command) const {
  if (!is_given()) return;
  if (command.count("--output") == 0) FailUsage("--output is required with --train");
  for (const char* other : {"PATH", "--jsonl", "--json", "--add-special", "--no-parse-special", "--list-special", "--add-token",
                            "--add-special-token", "--map-special"}) {
    if (command.count(other) > 0) FailUsage(fmt::format("{} does not go with --train", other));
  }
}

Status RunTrain(const TrainFlags& flags) {
  STERNA_RETURN_IF_ERROR(CheckOutputPath(flags.output, flags.overwrite));
  auto trained = TrainBpeFromFiles(flags.files, OptionsOf(flags));
  if (StandardErrorIsTerminal()) fmt::print(stderr, "\r\x1b[K");
  if (!trained.ok()) return trained.status();
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(flags.output));
  STERNA_RETURN_IF_ERROR(file->Append(FormatTokenizerJson(*trained)));
  STERNA_RETURN_IF_ERROR(file->Commit());
  return WriteOutput(fmt::format("{}: {} tokens, {} merges; from {} words, {} distinct\n", flags.output, trained->vocab.size(),
                                 trained->merges.size(), trained->words, trained->distinct_words));
}

}  // namespace sterna
