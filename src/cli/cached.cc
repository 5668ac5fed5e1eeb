// `sterna ls`, `rm`, `prune` and `verify`: the models in the cache.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/hub_output.h"
#include "cli/json_lines.h"
#include "hub/cache_cleanup.h"
#include "hub/cache_verify.h"
#include "hub/cached_models.h"
#include "hub/settings.h"

namespace sterna {
namespace {

using Json = nlohmann::ordered_json;

Result<Cache> OpenCache() {
  STERNA_ASSIGN_OR_RETURN(std::string folder, HubCacheFolder(ProcessEnvironment));
  return Cache(std::move(folder));
}

Status WriteJson(const Json& value) {
  return WriteOutput(DumpJsonLine(value) + "\n");
}

Json ToJson(const CachedRepo& repo) {
  Json out = {
      {"repo", repo.repo},      {"folder", repo.folder},     {"bytes", repo.bytes},       {"partial_bytes", repo.partial_bytes},
      {"last_used", repo.used}, {"problems", repo.problems}, {"revisions", Json::array()}};
  for (const CachedRevision& revision : repo.revisions) {
    out["revisions"].push_back({{"commit", revision.commit},
                                {"refs", revision.refs},
                                {"bytes", revision.bytes},
                                {"files", revision.files.size()},
                                {"last_changed", revision.changed}});
  }
  return out;
}

Status RunLs(bool json) {
  STERNA_ASSIGN_OR_RETURN(const Cache cache, OpenCache());
  STERNA_ASSIGN_OR_RETURN(const std::vector<CachedRepo> repos, ScanCache(cache));
  uint64_t total = 0;
  size_t width = 5;
  for (const CachedRepo& repo : repos) {
    total += repo.bytes;
    width = std::max(width, repo.repo.size());
  }
  if (json) {
    Json out = {{"cache", cache.root()}, {"bytes", total}, {"models", Json::array()}};
    for (const CachedRepo& repo : repos) out["models"].push_back(ToJson(repo));
    return WriteJson(out);
  }
  std::string text;
  if (!repos.empty())
    text = fmt::format("{}  {:>10}  {:>5}  {}  {}\n", Padded("MODEL", width), "SIZE", "FILES", "LAST USED       ", "REVISIONS");
  for (const CachedRepo& repo : repos) {
    size_t files = 0;
    std::string revisions;
    for (const CachedRevision& revision : repo.revisions) {
      files += revision.files.size();
      revisions += fmt::format("{}{}", revisions.empty() ? "" : ", ", revision.commit.substr(0, 8));
      if (!revision.refs.empty()) revisions += fmt::format(" ({})", fmt::join(revision.refs, ", "));
    }
    text += fmt::format("{}  {:>10}  {:>5}  {}  {}\n", Padded(repo.repo, width), HumanBytes(repo.bytes), files,
                        Padded(HumanTime(repo.used), 16), revisions);
    if (repo.partial_bytes > 0)
      text += fmt::format("  of that {} of a download that has not ended\n", HumanBytes(repo.partial_bytes));
    for (const std::string& problem : repo.problems) text += fmt::format("  problem: {}\n", problem);
  }
  return WriteOutput(text + fmt::format("{} models, {} in {}\n", repos.size(), HumanBytes(total), cache.root()));
}

Status WriteRemoval(const Removal& removal, bool dry_run, bool json) {
  if (json) return WriteJson({{"dry_run", dry_run}, {"bytes", removal.bytes}, {"paths", removal.paths}});
  std::string text;
  if (dry_run) {
    for (const std::string& path : removal.paths) text += path + "\n";
  }
  return WriteOutput(text + fmt::format("{} {} files and folders, {}\n", dry_run ? "would remove" : "removed", removal.paths.size(),
                                        HumanBytes(removal.bytes)));
}

struct RemovalFlags {
  std::vector<std::string> models;
  std::vector<ModelReference> references;
  std::string revision;
  bool dry_run = false;
  bool json = false;
};

Status RunRm(const RemovalFlags& flags) {
  STERNA_ASSIGN_OR_RETURN(const Cache cache, OpenCache());
  Removal all;
  for (const ModelReference& reference : flags.references) {
    STERNA_ASSIGN_OR_RETURN(const Removal removal, RemoveModel(cache, reference, flags.revision, flags.dry_run));
    all.paths.insert(all.paths.end(), removal.paths.begin(), removal.paths.end());
    all.bytes += removal.bytes;
  }
  return WriteRemoval(all, flags.dry_run, flags.json);
}

Status RunPrune(const RemovalFlags& flags) {
  STERNA_ASSIGN_OR_RETURN(const Cache cache, OpenCache());
  STERNA_ASSIGN_OR_RETURN(const Removal removal, PruneCache(cache, flags.dry_run));
  return WriteRemoval(removal, flags.dry_run, flags.json);
}

std::string_view StateName(BlobState state) {
  switch (state) {
    case BlobState::kGood:
      return "good";
    case BlobState::kDamaged:
      return "damaged";
    case BlobState::kUnreadable:
      return "unreadable";
    case BlobState::kUnknownName:
      return "unknown";
  }
  return "unknown";
}

struct VerifyFlags {
  std::string model;
  std::string repo;
  bool remove = false;
  bool json = false;
};

Status RunVerify(const VerifyFlags& flags) {
  STERNA_ASSIGN_OR_RETURN(const HubSettings settings, ReadHubSettings(ProcessEnvironment));
  ProgressBar bar(StandardErrorIsTerminal() && !flags.json && !settings.no_progress_bars);
  const auto progress = [&](uint64_t done, uint64_t total) {
    bar.Draw("hashing", done, total);
    return !Interrupted();
  };
  const auto checks = VerifyCache(Cache(settings.cache), flags.repo, flags.remove, progress);
  bar.Clear();
  STERNA_RETURN_IF_ERROR(checks.status());
  size_t bad = 0;
  std::string text;
  Json out = Json::array();
  for (const BlobCheck& check : *checks) {
    const bool is_bad = check.state == BlobState::kDamaged || check.state == BlobState::kUnreadable;
    bad += is_bad ? 1 : 0;
    out.push_back({{"repo", check.repo},
                   {"blob", check.blob},
                   {"bytes", check.bytes},
                   {"state", StateName(check.state)},
                   {"detail", check.detail},
                   {"files", check.usages}});
    if (check.state == BlobState::kGood) continue;
    text += fmt::format("{}: {}: {} ({})\n", check.repo, check.blob, StateName(check.state), check.detail);
    for (const std::string& usage : check.usages) text += fmt::format("  {}\n", usage);
  }
  text += fmt::format("{} blobs, {} bad\n", checks->size(), bad);
  STERNA_RETURN_IF_ERROR(flags.json ? WriteJson(out) : WriteOutput(text));
  if (bad == 0) return Status::Ok();
  return Malformed(
      fmt::format("{} of {} blobs are bad{}", bad, checks->size(), flags.remove ? "; the damaged ones are removed" : ""));
}

}  // namespace

void AddLs(CLI::App& app, Action* action) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("ls", "List the cached models");
  command->add_flag("--json", *json, "Print one JSON object");
  command->callback([json, action] { *action = [json] { return RunLs(*json); }; });
}

void AddRm(CLI::App& app, Action* action) {
  auto flags = std::make_shared<RemovalFlags>();
  CLI::App* command = app.add_subcommand("rm", "Remove models from the cache");
  command->add_option("MODEL", flags->models, "org/repo, or org/repo:QUANT for one of its GGUF files; several are allowed")
      ->required();
  command->add_option("--revision", flags->revision, "Only this branch, tag or commit");
  command->add_flag("--dry-run", flags->dry_run, "Show what would be removed");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, action] {
    for (const std::string& model : flags->models) {
      const Result<ModelReference> reference = ParseModelReference(model);
      if (!reference.ok()) FailUsage(std::string(reference.status().message()));
      if (!reference->quant.empty() && !flags->revision.empty()) FailUsage("--revision removes a whole revision: leave :QUANT out");
      flags->references.push_back(*reference);
    }
    *action = [flags] { return RunRm(*flags); };
  });
}

void AddPrune(CLI::App& app, Action* action) {
  auto flags = std::make_shared<RemovalFlags>();
  CLI::App* command = app.add_subcommand("prune", "Remove what nothing in the cache refers to, and partial downloads");
  command->add_flag("--dry-run", flags->dry_run, "Show what would be removed");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, action] { *action = [flags] { return RunPrune(*flags); }; });
}

void AddVerify(CLI::App& app, Action* action) {
  auto flags = std::make_shared<VerifyFlags>();
  CLI::App* command = app.add_subcommand("verify", "Hash the cached files again and compare them with their names");
  command->add_option("MODEL", flags->model, "org/repo; all models where it is left out");
  command->add_flag("--remove", flags->remove, "Remove damaged files, so that the next pull fetches them");
  command->add_flag("--json", flags->json, "Print one JSON array");
  command->callback([flags, action] {
    if (!flags->model.empty()) {
      const Result<ModelReference> reference = ParseModelReference(flags->model);
      if (!reference.ok()) FailUsage(std::string(reference.status().message()));
      flags->repo = reference->repo;
    }
    *action = [flags] { return RunVerify(*flags); };
  });
}

}  // namespace sterna
