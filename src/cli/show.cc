// `sterna show`: what a repository of the hub has, what of it is cached, and (show_fit.h) the memory it takes.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/hub_output.h"
#include "cli/json_lines.h"
#include "cli/shapes.h"
#include "cli/show_fit.h"
#include "hub/cached_models.h"
#include "hub/file_choice.h"
#include "hub/file_download.h"
#include "hub/pull.h"

namespace sterna {
namespace {

struct ShownFile {
  std::string path;
  uint64_t bytes = 0;
  bool is_cached = false;
  bool is_chosen = false;  ///< a pull of the same name would take it
};

struct Listing {
  std::string repo, revision, commit;
  bool is_remote = false;
  std::vector<ShownFile> files;
  std::vector<std::string> quantizations;
  std::string problem;  ///< why a pull would take nothing
};

Result<Listing> ListCached(const Cache& cache, const ModelReference& model, const std::string& revision) {
  Listing listing{model.repo, revision, {}, false, {}, {}, {}};
  STERNA_ASSIGN_OR_RETURN(const CachedRepo repo, ScanRepo(cache, model.repo));
  const auto is_wanted = [&](const CachedRevision& candidate) {
    return candidate.commit == revision ||
           std::find(candidate.refs.begin(), candidate.refs.end(), revision) != candidate.refs.end();
  };
  const auto found = std::find_if(repo.revisions.begin(), repo.revisions.end(), is_wanted);
  if (found == repo.revisions.end()) return NotFound(fmt::format("{}: no revision '{}' in the cache", model.repo, revision));
  listing.commit = found->commit;
  for (const SnapshotFile& file : found->files) listing.files.push_back({file.path, file.size, file.problem.empty(), false});
  return listing;
}

Result<Listing> ListHub(const HubSettings& settings, const Cache& cache, const ModelReference& model, const std::string& revision) {
  Listing listing{model.repo, revision, {}, true, {}, {}, {}};
  STERNA_ASSIGN_OR_RETURN(const RemoteListing remote, ListRemote(settings, model.repo, revision, [] { return !Interrupted(); }));
  listing.commit = remote.commit;
  for (const RepoFile& file : remote.files) {
    listing.files.push_back({file.path, file.size, HasBlob(cache, model.repo, file), false});
  }
  return listing;
}

void MarkChosen(const std::string& quant, Listing* listing) {
  std::vector<std::string> paths;
  for (const ShownFile& file : listing->files) paths.push_back(file.path);
  listing->quantizations = Quantizations(paths);
  const Result<FileChoice> choice = ChooseModelFiles(paths, quant);
  if (!choice.ok()) {
    listing->problem = choice.status().message();
    return;
  }
  for (ShownFile& file : listing->files) file.is_chosen = std::binary_search(choice->paths.begin(), choice->paths.end(), file.path);
}

std::string ToText(const Listing& listing) {
  std::string text = fmt::format("{} at {} ({}), {}\n", listing.repo, listing.revision, listing.commit,
                                 listing.is_remote ? "on the hub" : "in the cache");
  for (const ShownFile& file : listing.files) {
    text += fmt::format("{} {:>10}  {}  {}\n", file.is_chosen ? '*' : ' ', HumanBytes(file.bytes),
                        file.is_cached ? "cached" : "      ", file.path);
  }
  if (!listing.quantizations.empty()) text += fmt::format("quantizations: {}\n", fmt::join(listing.quantizations, ", "));
  return text + (listing.problem.empty() ? "* what `sterna pull` with this name takes\n" : listing.problem + "\n");
}

nlohmann::ordered_json ToJson(const Listing& listing) {
  nlohmann::ordered_json out = {{"repo", listing.repo},
                                {"revision", listing.revision},
                                {"commit", listing.commit},
                                {"source", listing.is_remote ? "hub" : "cache"},
                                {"quantizations", listing.quantizations},
                                {"files", nlohmann::ordered_json::array()}};
  for (const ShownFile& file : listing.files) {
    out["files"].push_back({{"path", file.path}, {"bytes", file.bytes}, {"cached", file.is_cached}, {"chosen", file.is_chosen}});
  }
  return out;
}

struct ShowFlags {
  std::string model, revision = "main";
  ModelReference reference;
  bool cached = false;
  bool json = false;
  bool fit = false;
  FitFlags plan;
};

Status Run(const ShowFlags& flags) {
  STERNA_ASSIGN_OR_RETURN(const HubSettings settings, ReadHubSettings(ProcessEnvironment));
  const Cache cache(settings.cache);
  Result<Listing> listing = flags.cached || settings.offline ? ListCached(cache, flags.reference, flags.revision)
                                                             : ListHub(settings, cache, flags.reference, flags.revision);
  STERNA_RETURN_IF_ERROR(listing.status());
  MarkChosen(flags.reference.quant, &*listing);
  return WriteOutput(flags.json ? DumpJsonLine(ToJson(*listing)) + "\n" : ToText(*listing));
}

}  // namespace

void AddShow(CLI::App& app, Action* action) {
  auto flags = std::make_shared<ShowFlags>();
  CLI::App* command =
      app.add_subcommand("show", "List the files of a model on the hub and what of it is cached, or plan its memory");
  CLI::Option* model = command->add_option("MODEL", flags->model, "org/repo[:QUANT]; with --fit also a path");
  command->add_option("--revision", flags->revision, "Branch, tag or commit")->capture_default_str();
  command->add_flag("--cached", flags->cached, "Ask the cache alone");
  command->add_flag("--json", flags->json, "Print one JSON object");
  CLI::Option* fit = command->add_flag("--fit", flags->fit, "Plan the memory for each context length, beside what there is");
  flags->plan.AddTo(*command, model, fit);
  command->callback([flags, action] {
    if (flags->fit || !flags->plan.shape.empty()) {
      flags->plan.model = flags->model;
      flags->plan.json = flags->json;
      if (flags->plan.shape.empty() == flags->plan.model.empty()) FailUsage("--fit wants a MODEL, or --shape NAME in its place");
      if (!flags->plan.shape.empty()) CheckShapeName(flags->plan.shape);
      *action = [flags] { return RunFit(flags->plan); };
      return;
    }
    const Result<ModelReference> reference = ParseModelReference(flags->model);
    if (!reference.ok()) FailUsage(std::string(reference.status().message()));
    if (const Status status = CheckRevision(flags->revision); !status.ok()) FailUsage(std::string(status.message()));
    flags->reference = *reference;
    *action = [flags] { return Run(*flags); };
  });
}

}  // namespace sterna
