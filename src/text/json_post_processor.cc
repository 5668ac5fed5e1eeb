// Post-processors of tokenizer.json: what surrounds a text, and what their spans leave out.
#include <fmt/format.h>

#include <string>

#include "text/json_models.h"

namespace sterna {
namespace {

constexpr int kMaxDepth = 8;

/// The members on their way to PipelineParts.
class PostProcessor {
 public:
  explicit PostProcessor(PipelineParts* parts) : parts_(parts) {}

  bool has_template() const { return has_template_; }

  Status Read(const JsonReader& json, int depth) {
    STERNA_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
    if (type == "Sequence") {
      if (depth >= kMaxDepth) return Unsupported(fmt::format("{}: sequences nested too deep", json.place()));
      STERNA_ASSIGN_OR_RETURN(const JsonReader list, json.Get("processors"));
      STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> items, list.Items());
      for (const JsonReader& item : items) STERNA_RETURN_IF_ERROR(Read(item, depth + 1));
      return Status::Ok();
    }
    if (type == "ByteLevel") return ReadTrim(json);
    if (type == "TemplateProcessing") return ReadTemplate(json);
    if (type == "RobertaProcessing") {
      STERNA_RETURN_IF_ERROR(ReadTrim(json));
      return ReadClassifier(json);
    }
    if (type == "BertProcessing") return ReadClassifier(json);
    return Unsupported(fmt::format("{}: post-processor '{}' is not supported", json.place(), type));
  }

 private:
  Status ReadTrim(const JsonReader& json) {
    STERNA_ASSIGN_OR_RETURN(const bool trims, json.GetBool("trim_offsets"));
    STERNA_ASSIGN_OR_RETURN(const bool adds_prefix, json.GetBool("add_prefix_space"));
    if (trims) parts_->span_trims.push_back({adds_prefix, surrounds_in_place_});
    return Status::Ok();
  }

  Status BeginTemplate(const JsonReader& json) {
    if (has_template_) return Unsupported(fmt::format("{}: a second step that surrounds the text", json.place()));
    has_template_ = true;
    return Status::Ok();
  }

  // ["text", id].
  Status ReadPair(const JsonReader& json, std::string_view key, std::vector<TokenId>* ids) {
    STERNA_ASSIGN_OR_RETURN(const JsonReader pair, json.Get(key));
    STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> items, pair.Items());
    if (items.size() != 2 || !items[0].is_string()) return pair.Wrong("[\"token\", id]");
    STERNA_ASSIGN_OR_RETURN(const int64_t id, items[1].Int(0, static_cast<int64_t>(parts_->texts.size()) - 1));
    ids->push_back(static_cast<TokenId>(id));
    return Status::Ok();
  }

  Status ReadClassifier(const JsonReader& json) {
    STERNA_RETURN_IF_ERROR(BeginTemplate(json));
    surrounds_in_place_ = true;
    STERNA_RETURN_IF_ERROR(ReadPair(json, "cls", &parts_->prefix));
    return ReadPair(json, "sep", &parts_->suffix);
  }

  Status ReadTemplate(const JsonReader& json) {
    STERNA_RETURN_IF_ERROR(BeginTemplate(json));
    STERNA_ASSIGN_OR_RETURN(const JsonReader single, json.Get("single"));
    STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> pieces, single.Items());
    STERNA_ASSIGN_OR_RETURN(const JsonReader special_tokens, json.Get("special_tokens"));
    int sequences = 0;
    for (const JsonReader& piece : pieces) {
      if (piece.Find("Sequence")) {
        ++sequences;
        continue;
      }
      STERNA_ASSIGN_OR_RETURN(const JsonReader special, piece.Get("SpecialToken"));
      STERNA_ASSIGN_OR_RETURN(const std::string_view name, special.GetString("id"));
      STERNA_ASSIGN_OR_RETURN(const JsonReader entry, special_tokens.Get(name));
      STERNA_ASSIGN_OR_RETURN(const JsonReader id_list, entry.Get("ids"));
      STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> ids, id_list.Items());
      for (const JsonReader& item : ids) {
        STERNA_ASSIGN_OR_RETURN(const int64_t id, item.Int(0, static_cast<int64_t>(parts_->texts.size()) - 1));
        (sequences == 0 ? parts_->prefix : parts_->suffix).push_back(static_cast<TokenId>(id));
      }
    }
    if (sequences == 1) return Status::Ok();
    return Unsupported(fmt::format("{}: expected the text once, found it {} times", single.place(), sequences));
  }

  PipelineParts* parts_;
  bool has_template_ = false;
  // BertProcessing and RobertaProcessing make one sequence of a text and what surrounds it, so that a later step counts both.
  bool surrounds_in_place_ = false;
};

}  // namespace

Status ReadPostProcessor(const JsonReader& json, PipelineParts* parts, bool* has_template) {
  PostProcessor processor(parts);
  STERNA_RETURN_IF_ERROR(processor.Read(json, 0));
  *has_template = processor.has_template();
  return Status::Ok();
}

}  // namespace sterna
