// `sterna run`: one completion, streamed to standard output.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "api/completion.h"
#include "cli/command.h"

namespace sterna {
namespace {

struct RunFlags {
  std::vector<std::string> positional;
  ModelFlags model;
  CompletionRequest request;
  bool json = false;
  bool verbose = false;
};

/// `run MODEL PROMPT`, `run MODEL` with the prompt piped in.
Status ReadPositional(RunFlags* flags, std::string* path) {
  if (flags->positional.empty())
    return InvalidArgument("no model given: sterna run MODEL \"PROMPT\", MODEL a GGUF file or a directory");
  *path = flags->positional[0];
  if (flags->positional.size() > 1 && flags->positional[1] != "-") {
    flags->request.prompt = flags->positional[1];
    return Status::Ok();
  }
  if (flags->positional.size() == 1 && StandardInputIsTerminal()) {
    return InvalidArgument("no prompt given: write it behind the model, or pipe it in");
  }
  STERNA_ASSIGN_OR_RETURN(flags->request.prompt, ReadStandardInput());
  return Status::Ok();
}

double PerSecond(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

void PrintJson(const LoadedModel& loaded, const Completion& completion) {
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
        {"tokens_per_second", PerSecond(generation.generated_tokens, generation.generate_seconds)}}}};
  fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void PrintStatistics(const LoadedModel& loaded, const Generation& generation) {
  fmt::print(stderr, "[ load {:.2f} s | prompt {} tokens, {:.1f} t/s | generated {} tokens, {:.1f} t/s | {} | {} ]\n",
             loaded.load_seconds, generation.prompt_tokens, PerSecond(generation.prompt_tokens, generation.prompt_seconds),
             generation.generated_tokens, PerSecond(generation.generated_tokens, generation.generate_seconds),
             FinishReasonName(generation.finish), IsaName(loaded.isa));
}

Status Run(RunFlags* flags) {
  std::string path;
  STERNA_RETURN_IF_ERROR(ReadPositional(flags, &path));
  STERNA_RETURN_IF_ERROR(CheckSamplerOptions(flags->request.sampler));
  STERNA_ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(path, flags->model.ToLoadOptions()));
  const auto on_text = [&](std::string_view text) {
    if (!flags->json) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
    }
    return !Interrupted();
  };
  STERNA_ASSIGN_OR_RETURN(const Completion completion, Complete(loaded, flags->request, on_text));
  if (flags->json) {
    PrintJson(loaded, completion);
  } else {
    fmt::print("\n");
  }
  if (flags->verbose || StandardErrorIsTerminal()) PrintStatistics(loaded, completion.generation);
  return Interrupted() ? Cancelled("interrupted") : Status::Ok();
}

}  // namespace

void AddRun(CLI::App& app, Action* action) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand("run", "Complete one prompt");
  command
      ->add_option("MODEL_PROMPT", flags->positional,
                   "MODEL (GGUF file or Hugging Face directory) and PROMPT; '-' or nothing reads the "
                   "prompt from standard input")
      ->expected(0, 2);
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
  command->add_flag("-v,--verbose", flags->verbose, "Print speed to standard error");
  command->callback([flags, action] { *action = [flags] { return Run(flags.get()); }; });
}

}  // namespace sterna
