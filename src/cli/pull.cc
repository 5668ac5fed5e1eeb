// `sterna pull`: a model from the hub into the cache.
#include "hub/pull.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/hub_output.h"
#include "cli/json_lines.h"

namespace sterna {
namespace {

struct PullFlags {
  std::string model;
  PullRequest request;
  bool json = false;
};

nlohmann::ordered_json ToJson(const PullReport& report, bool dry_run) {
  nlohmann::ordered_json out = {{"repo", report.repo},
                                {"revision", report.revision},
                                {"commit", report.commit},
                                {"snapshot", report.snapshot},
                                {"model", dry_run ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(report.model)},
                                {"bytes", report.bytes},
                                {"bytes_to_fetch", report.bytes_to_fetch},
                                {"bytes_received", report.bytes_received},
                                {"files", nlohmann::ordered_json::array()}};
  for (const PulledFile& pulled : report.files) {
    out["files"].push_back(
        {{"path", pulled.file.path}, {"bytes", pulled.file.size}, {"hash", pulled.file.blob}, {"was_cached", pulled.was_cached}});
  }
  return out;
}

std::string DryRunText(const PullReport& report) {
  std::string text = fmt::format("{} at {} ({})\n", report.repo, report.revision, report.commit);
  for (const PulledFile& pulled : report.files) {
    text += fmt::format("{:>10}  {}  {}\n", HumanBytes(pulled.file.size), pulled.was_cached ? "cached  " : "to fetch",
                        pulled.file.path);
  }
  return text + fmt::format("{} to fetch of {}\n", HumanBytes(report.bytes_to_fetch), HumanBytes(report.bytes));
}

Status Run(PullFlags* flags) {
  STERNA_ASSIGN_OR_RETURN(const HubSettings settings, ReadHubSettings(ProcessEnvironment));
  const bool is_quiet = flags->json || settings.no_progress_bars;
  ProgressBar bar(StandardErrorIsTerminal() && !is_quiet);
  PullRequest& request = flags->request;
  request.keep_going = [] { return !Interrupted(); };
  request.progress = [&](const PullProgress& progress) { bar.Draw(progress.activity, progress.bytes_done, progress.bytes_total); };
  request.on_file = [&](const RepoFile& file) {
    if (is_quiet) return;
    bar.Clear();
    const std::string line = fmt::format("{}  {}\n", file.path, HumanBytes(file.size));
    std::fwrite(line.data(), 1, line.size(), stderr);
  };
  Result<PullReport> report = Pull(settings, request);
  bar.Clear();
  STERNA_RETURN_IF_ERROR(report.status());
  if (flags->json) return WriteOutput(DumpJsonLine(ToJson(*report, request.dry_run)) + "\n");
  return WriteOutput(request.dry_run ? DryRunText(*report) : report->model + "\n");
}

}  // namespace

void AddPull(CLI::App& app, Action* action) {
  auto flags = std::make_shared<PullFlags>();
  CLI::App* command = app.add_subcommand("pull", "Download a model from the Hugging Face Hub");
  PullRequest& request = flags->request;
  command->add_option("MODEL", flags->model, "org/repo, or org/repo:QUANT for one of its GGUF files")->required();
  command->add_option("--revision", request.revision, "Branch, tag or commit")->capture_default_str();
  command->add_option("--include", request.include, "Only files that match this pattern; may be given several times")
      ->allow_extra_args(false);
  command->add_option("--exclude", request.exclude, "No files that match this pattern; may be given several times")
      ->allow_extra_args(false);
  command->add_flag("--dry-run", request.dry_run, "Show what would be downloaded, and its size");
  command->add_flag("-f,--force", request.force, "Download files that are cached, too");
  command->add_option("-j,--connections", request.connections, "Connections at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--part-bytes", request.part_bytes, "Bytes of one request; larger files are fetched in such parts")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, action] {
    const Result<ModelReference> model = ParseModelReference(flags->model);
    if (!model.ok()) FailUsage(std::string(model.status().message()));
    if (const Status status = CheckRevision(flags->request.revision); !status.ok()) FailUsage(std::string(status.message()));
    flags->request.model = *model;
    *action = [flags] { return Run(flags.get()); };
  });
}

}  // namespace sterna
