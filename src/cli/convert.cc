// `sterna convert`: any readable checkpoint to GGUF.
#include "api/convert.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"

namespace sterna {
namespace {

struct ConvertFlags {
  std::string source, output, type, embedding_type;
  bool json = false, overwrite = false, verify = true;
};

Status RunConvert(const ConvertFlags& flags) {
  ConvertRequest request{.source = flags.source,
                         .output = flags.output,
                         .type = flags.type,
                         .embedding_type = flags.embedding_type,
                         .overwrite = flags.overwrite,
                         .verify = flags.verify,
                         .progress = nullptr};
  request.progress = [](int64_t done, int64_t total, const std::string& name) {
    if (StandardErrorIsTerminal()) fmt::print(stderr, "\r\x1b[K[{}/{}] {}", done + 1, total, name);
    return !Interrupted();
  };
  const auto report = Convert(request);
  if (StandardErrorIsTerminal()) fmt::print(stderr, "\r\x1b[K");
  if (!report.ok()) return report.status();
  if (flags.json) {
    const nlohmann::ordered_json out = {{"output", flags.output},
                                        {"tensors", report->tensors},
                                        {"bytes", report->bytes},
                                        {"max_scale_error", report->max_scale_error},
                                        {"verified", flags.verify}};
    return WriteOutput(out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  }
  const std::string check = flags.verify
                                ? fmt::format("read back and compared: ternary values equal, largest relative scale error {:.1e}",
                                              report->max_scale_error)
                                : std::string("not verified");
  return WriteOutput(fmt::format("{}: {} tensors, {} bytes; {}\n", flags.output, report->tensors, report->bytes, check));
}

}  // namespace

void AddConvert(CLI::App& app, Action* action) {
  auto flags = std::make_shared<ConvertFlags>();
  CLI::App* command = app.add_subcommand("convert", "Convert a checkpoint to GGUF");
  command->add_option("SRC", flags->source, "Hugging Face directory or GGUF file")->required();
  command->add_option("-o,--output", flags->output, "GGUF file to write")->required();
  command
      ->add_option("--type,--outtype", flags->type,
                   "Type of the projections: I2_S, TQ1_0, TQ2_0 for ternary models; F32, F16, BF16, Q8_0, Q4_0, "
                   "Q4_1, Q6_K for dense ones (default: I2_S, or the source's own)")
      ->check(CLI::IsMember({"I2_S", "TQ1_0", "TQ2_0", "F32", "F16", "BF16", "Q8_0", "Q6_K", "Q4_0", "Q4_1"}, CLI::ignore_case));
  command->add_option("--embedding-type", flags->embedding_type, "Type of embedding and head (default: the source's own)")
      ->check(CLI::IsMember({"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q4_0", "Q4_1"}, CLI::ignore_case));
  command->add_flag("-f,--force", flags->overwrite, "Replace the output file where it exists");
  command->add_flag("--verify,!--no-verify", flags->verify, "Read the file back and compare it with the source (default)");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, action] { *action = [flags] { return RunConvert(*flags); }; });
}

}  // namespace sterna
