// `sterna embed`: texts to vectors.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "api/embedding.h"
#include "cli/command.h"
#include "cli/json_lines.h"

namespace sterna {
namespace {

struct EmbedFlags {
  std::string model, pooling;
  std::vector<std::string> texts;
  bool json = false;
  bool json_lines = false;
  bool no_normalize = false;
  bool truncate = false;
  ModelFlags model_flags;
};

Pooling ToPooling(std::string_view name) {
  if (name == "mean") return Pooling::kMean;
  if (name == "cls") return Pooling::kFirst;
  if (name == "last") return Pooling::kLast;
  return Pooling::kNone;
}

/// The shape of OpenAI's /v1/embeddings.
nlohmann::json ToJson(const std::string& model, const std::vector<Embedding>& embeddings) {
  nlohmann::json data = nlohmann::json::array();
  int64_t tokens = 0;
  for (size_t i = 0; i < embeddings.size(); ++i) {
    data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", embeddings[i].values}});
    tokens += embeddings[i].tokens;
  }
  return {{"object", "list"},
          {"data", std::move(data)},
          {"model", model},
          {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}};
}

Status EmbedTexts(Embedder& embedder, const EmbedFlags& flags) {
  std::vector<std::string> texts = flags.texts;
  if (texts.empty()) {
    STERNA_ASSIGN_OR_RETURN(std::string text, ReadStandardInput());
    if (text.ends_with('\n')) text.pop_back();
    texts.push_back(std::move(text));
  }
  std::vector<Embedding> embeddings;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (Interrupted()) return Cancelled("interrupted");
    STERNA_ASSIGN_OR_RETURN(Embedding embedding, embedder.Embed(texts[i]).WithContext(fmt::format("text {}", i + 1)));
    embeddings.push_back(std::move(embedding));
  }
  if (flags.json) return WriteOutput(DumpJsonLine(ToJson(flags.model, embeddings)) + "\n");
  for (const Embedding& embedding : embeddings) {
    STERNA_RETURN_IF_ERROR(WriteOutput(fmt::format("{}\n", fmt::join(embedding.values, " "))));
  }
  return Status::Ok();
}

Status RunEmbed(const EmbedFlags& flags) {
  LoadOptions options = flags.model_flags.ToLoadOptions();
  options.output = ModelOutput::kHidden;
  STERNA_ASSIGN_OR_RETURN(const LoadedModel loaded, LoadModel(flags.model, options));
  const EmbeddingOptions embedding{
      .pooling = ToPooling(flags.pooling), .normalize = !flags.no_normalize, .truncate = flags.truncate};
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<Embedder> embedder, Embedder::Create(loaded, embedding));
  if (!flags.json_lines) return EmbedTexts(*embedder, flags);
  return ForEachJsonLine([&](const nlohmann::json& line) -> Result<nlohmann::json> {
    const auto text = line.find("text");
    if (text == line.end() || !text->is_string()) return InvalidArgument("expected an object with a string \"text\"");
    STERNA_ASSIGN_OR_RETURN(const Embedding found, embedder->Embed(text->get_ref<const std::string&>()));
    return nlohmann::json{{"embedding", found.values}, {"tokens", found.tokens}};
  });
}

}  // namespace

void AddEmbed(CLI::App& app, Action* action) {
  auto flags = std::make_shared<EmbedFlags>();
  CLI::App* command = app.add_subcommand("embed", "Turn texts into embedding vectors");
  command->add_option("MODEL", flags->model, "GGUF file or Hugging Face directory")->required();
  command->add_option("TEXT", flags->texts, "Texts; without one, standard input is one text");
  command->add_option("--pooling", flags->pooling, "mean, cls or last; without it the model's own, or mean where it names none")
      ->check(CLI::IsMember({"mean", "cls", "last"}));
  command->add_flag("--no-normalize", flags->no_normalize, "Leave the vectors at the length they have");
  command->add_flag("--truncate", flags->truncate, "Cut texts that are longer than the context, instead of refusing them");
  CLI::Option* json = command->add_flag("--json", flags->json, "One object in the shape of OpenAI's /v1/embeddings");
  command->add_flag("--jsonl", flags->json_lines, R"(Each input line {"text": …} gives {"embedding": […], "tokens": n})")
      ->excludes(json);
  flags->model_flags.AddTo(*command);
  command->callback([flags, action] {
    if (flags->json_lines && !flags->texts.empty()) FailUsage("--jsonl reads its texts from standard input; TEXT is not allowed");
    *action = [flags] { return RunEmbed(*flags); };
  });
}

}  // namespace sterna
