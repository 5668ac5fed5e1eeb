// `sterna run`: one completion, streamed to standard output.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "api/completion.h"
#include "cli/command.h"
#include "cli/memory_output.h"

namespace sterna {
namespace {

struct RunFlags {
  std::string path;
  bool has_prompt = false;  ///< on the command line; otherwise it is read from standard input
  ModelFlags model;
  CompletionRequest request;
  bool json = false;
  bool memory_report = false;
  bool verbose = false;
};

double PerSecond(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string ToJson(const LoadedModel& loaded, const Completion& completion) {
  const Generation& generation = completion.generation;
  const nlohmann::ordered_json out = {
      {"model", loaded.path},
      {"text", completion.text},
      {"finish_reason", FinishReasonName(generation.finish)},
      {"prompt_ids", completion.prompt_ids},
      {"ids", completion.ids},
      {"usage", {{"prompt_tokens", generation.prompt_tokens}, {"completion_tokens", generation.generated_tokens}}},
      {"timings",
       {{"load_seconds", loaded.load_seconds},
        {"prompt_seconds", generation.prompt_seconds},
        {"prompt_tokens_per_second", PerSecond(generation.prompt_tokens, generation.prompt_seconds)},
        {"generate_seconds", generation.generate_seconds},
        {"tokens_per_second", PerSecond(generation.generated_tokens, generation.generate_seconds)}}},
      {"memory", MemoryJson(completion.memory)}};
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void PrintStatistics(const LoadedModel& loaded, const Generation& generation) {
  fmt::print(stderr, "[ load {:.2f} s | prompt {} tokens, {:.1f} t/s | generated {} tokens, {:.1f} t/s | {} | {} ]\n",
             loaded.load_seconds, generation.prompt_tokens, PerSecond(generation.prompt_tokens, generation.prompt_seconds),
             generation.generated_tokens, PerSecond(generation.generated_tokens, generation.generate_seconds),
             FinishReasonName(generation.finish), IsaName(loaded.isa));
}

Status Run(RunFlags* flags) {
  if (!flags->has_prompt) {
    STERNA_ASSIGN_OR_RETURN(flags->request.prompt, ReadStandardInput());
    // The line feed that echo and editors put at the end is no part of the prompt; a second one is meant.
    if (flags->request.prompt.ends_with('\n')) flags->request.prompt.pop_back();
  }
  STERNA_ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(flags->path, flags->model.ToLoadOptions()));
  for (const std::string& warning : loaded.warnings) PrintWarning(warning);
  if (flags->verbose && !flags->request.raw) {
    fmt::print(stderr, "chat template: {}\n", loaded.chat_template == nullptr ? "none" : loaded.chat_template_origin);
  }
  flags->request.keep_reading = [] { return !Interrupted(); };
  Status written;
  const auto on_text = [&](std::string_view text) {
    if (!flags->json && !text.empty()) {
      written = WriteOutput(text);
      if (written.ok()) written = FlushOutput();
    }
    return written.ok() && !Interrupted();
  };
  STERNA_ASSIGN_OR_RETURN(const Completion completion, Complete(loaded, flags->request, on_text));
  STERNA_RETURN_IF_ERROR(written);
  STERNA_RETURN_IF_ERROR(WriteOutput(flags->json ? ToJson(loaded, completion) : "\n"));
  if (flags->verbose || StandardErrorIsTerminal()) PrintStatistics(loaded, completion.generation);
  if (flags->memory_report && !flags->json) fmt::print(stderr, "{}", MemoryText(completion.memory));
  return Interrupted() ? Cancelled("interrupted") : Status::Ok();
}

}  // namespace

void AddRun(CLI::App& app, Action* action) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand("run", "Complete one prompt");
  command->add_option("MODEL", flags->path, "GGUF file, Hugging Face directory, or org/repo[:QUANT] of a downloaded model")
      ->required();
  CLI::Option* prompt =
      command->add_option("PROMPT", flags->request.prompt,
                          "Text to answer; '-' or nothing reads it from standard input, less one line feed at its end");
  flags->model.AddTo(*command);
  CompletionRequest& request = flags->request;
  command->add_option("-n,--predict,--max-tokens", request.max_tokens, "Tokens to generate at most; -1: until the model ends")
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 40));
  command->add_flag("--raw", request.raw, "No chat template: the prompt is the text to continue");
  command->add_option("--system", request.system, "System message");
  command->add_option("--temp,--temperature", request.sampler.temperature, "Temperature; 0: greedy")->capture_default_str();
  command->add_option("--top-k", request.sampler.top_k, "Keep the k most probable tokens; 0: all")->capture_default_str();
  command->add_option("--top-p", request.sampler.top_p, "Keep the most probable tokens up to this probability; 1: all")
      ->capture_default_str();
  command->add_option("--min-p", request.sampler.min_p, "Drop tokens below this share of the most probable one")
      ->capture_default_str();
  command->add_option("--repeat-penalty", request.sampler.repeat_penalty, "Penalty of recent tokens; 1: off")
      ->capture_default_str();
  command->add_option("--repeat-last-n", request.sampler.repeat_last_n, "Tokens the penalties look back on; -1: all")
      ->capture_default_str();
  command->add_option("--presence-penalty", request.sampler.presence_penalty, "Penalty of tokens that occurred")
      ->capture_default_str();
  command->add_option("--frequency-penalty", request.sampler.frequency_penalty, "Penalty per occurrence")->capture_default_str();
  command->add_option("-s,--seed", request.sampler.seed, "Seed of the random draws")->capture_default_str();
  command->add_option("--stop", request.stop, "Stop string; may be given several times")->allow_extra_args(false);
  command->add_flag("--ignore-eos", request.ignore_end, "Go on after the model's end token");
  command->add_flag("--json", flags->json, "Print one JSON object with text, token ids and timings");
  command->add_flag("--memory-report", flags->memory_report, "Where the memory went, on standard error; --json has it anyway");
  command->add_flag("-v,--verbose", flags->verbose, "Print speed and the chat template's origin to standard error");
  command->callback([flags, action, prompt] {
    flags->has_prompt = prompt->count() > 0 && flags->request.prompt != "-";
    if (prompt->count() == 0 && StandardInputIsTerminal()) FailUsage("no prompt given: write it behind the model, or pipe it in");
    if (const Status status = CheckSamplerOptions(flags->request.sampler); !status.ok()) FailUsage(std::string(status.message()));
    *action = [flags] { return Run(flags.get()); };
  });
}

}  // namespace sterna
