// `sterna bench`: how fast a model runs here, beside what the machine allows.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "api/benchmark.h"
#include "cli/bench_output.h"
#include "cli/command.h"
#include "cli/memory_output.h"
#include "cli/shapes.h"

namespace sterna {
namespace {

struct BenchFlags {
  std::string model, shape;
  std::string format = "native";
  std::string head;
  std::string output = "table";
  bool json = false;
  bool memory_report = false;
  bool list_shapes = false;
  BenchmarkOptions options;
  ModelFlags model_flags;
};

Result<LoadedModel> Load(const BenchFlags& flags) {
  LoadOptions options = flags.model_flags.ToLoadOptions();
  options.needs_text = false;
  return flags.shape.empty() ? LoadModel(flags.model, options) : MakeShapedModel(flags.shape, flags.head, options);
}

/// One line that overwrites itself; nothing where standard error is no terminal.
class ProgressLine {
 public:
  ProgressLine() : is_shown_(StandardErrorIsTerminal()) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { Show(""); }

  void Show(const std::string& text) {
    if (!is_shown_ || text == last_) return;
    fmt::print(stderr, "\r\033[K{}", text);
    std::fflush(stderr);
    last_ = text;
  }

 private:
  bool is_shown_;
  std::string last_;
};

std::string Describe(const BenchmarkProgress& progress) {
  const std::string repetition =
      progress.repetition == 0 ? "warm-up" : fmt::format("repetition {} of {}", progress.repetition, progress.repetitions);
  return fmt::format("[{}/{}] {} at depth {}: {}", progress.measurement + 1, progress.measurements, progress.work, progress.depth,
                     repetition);
}

Status RunBench(const BenchFlags& flags) {
  ProgressLine line;
  line.Show("loading");
  STERNA_ASSIGN_OR_RETURN(const LoadedModel loaded, Load(flags));
  Result<BenchmarkReport> report = RunBenchmark(loaded, flags.options, [&](const BenchmarkProgress& progress) {
    line.Show(Describe(progress));
    return !Interrupted();
  });
  line.Show("");
  if (!report.ok()) return report.status();
  const std::string_view output = flags.json ? "json" : std::string_view(flags.output);
  return WriteOutput(output == "json"  ? BenchmarkJson(*report)
                     : output == "csv" ? BenchmarkCsv(*report)
                     : output == "md"  ? BenchmarkMarkdown(*report)
                                       : BenchmarkTable(*report) + (flags.memory_report ? "\n" + MemoryText(report->memory) : ""));
}

}  // namespace

void AddBench(CLI::App& app, Action* action) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app.add_subcommand("bench", "Measure tokens per second, and how near they come to what the machine allows");
  CLI::Option* model = command->add_option("MODEL", flags->model, "GGUF file or Hugging Face directory");
  command->add_option("--shape", flags->shape, "Instead of MODEL, random ternary weights in a named shape: 2b4t, 8b, falcon3-7b, …")
      ->excludes(model);
  command->add_flag("--list-shapes", flags->list_shapes, "Print the named shapes and end");
  command->add_option("--format", flags->format, "Layout of the ternary weights in memory, with --shape: native")
      ->check(CLI::IsMember({"native"}, CLI::ignore_case))
      ->capture_default_str();
  command
      ->add_option("--head", flags->head,
                   "Type of the embedding and output head, with --shape; Q6_K, or Q8_0 where the width is no multiple of 256")
      ->check(CLI::IsMember({"F16", "BF16", "F32", "Q8_0", "Q6_K", "Q4_0", "Q4_1"}, CLI::ignore_case));
  BenchmarkOptions& options = flags->options;
  command->add_option("-p,--prompt", options.prompts, "Prompt lengths: 128,512; 0: no prefill")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("-n,--generate", options.generated, "Tokens to generate; 0: no decode")->capture_default_str();
  command->add_option("-b,--batch", options.batches, "Sequences that decode together: 1,8")->delimiter(',')->capture_default_str();
  command->add_option("-d,--depth", options.depths, "Tokens in the cache before each measurement: 0,2048")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--verify", options.verify, "Lengths of steps that want the logits of every token: 2,4,8")->delimiter(',');
  command->add_option("--top-k", options.top_k, "Most probable tokens that a decoded token needs, as in run; 0: all logits")
      ->capture_default_str();
  command->add_option("-r,--repetitions", options.repetitions, "Repetitions after one warm-up")->capture_default_str();
  command->add_option("-o,--output", flags->output, "Form of the report")
      ->check(CLI::IsMember({"table", "md", "csv", "json"}))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "The same as -o json");
  command->add_flag("--memory-report", flags->memory_report, "Where the memory went, behind the table; JSON has it anyway");
  flags->model_flags.AddTo(*command);
  command->callback([flags, action] {
    if (flags->list_shapes) {
      *action = [flags] { return WriteOutput(flags->json ? ShapesJson() : ShapesTable()); };
      return;
    }
    if (flags->model.empty() && flags->shape.empty()) {
      FailUsage("no model given: sterna bench MODEL, or sterna bench --shape 2b4t for random weights in a real model's shape");
    }
    if (!flags->shape.empty()) CheckShapeName(flags->shape);
    *action = [flags] { return RunBench(*flags); };
  });
}

}  // namespace sterna
