// The built-in templates render as the authors' own do, and none is taken without evidence.
#include "text/template/default_templates.h"

#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "text/template/chat_template.h"

namespace sterna {
namespace {

TemplateEvidence Evidence(std::string architecture, std::string name, std::string eos, std::set<std::string, std::less<>> tokens) {
  return {.architecture = std::move(architecture),
          .name = std::move(name),
          .eos = std::move(eos),
          .has_token = [tokens = std::move(tokens)](std::string_view token) { return tokens.contains(token); }};
}

std::string ChosenName(const TemplateEvidence& evidence) {
  const DefaultTemplate* chosen = ChooseDefaultTemplate(evidence);
  return chosen == nullptr ? "none" : std::string(chosen->name);
}

const std::set<std::string, std::less<>> kChatMlTokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
const std::set<std::string, std::less<>> kLlama3Tokens = {"<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>",
                                                          "<|end_header_id|>", "<|eot_id|>"};
const std::set<std::string, std::less<>> kFalcon3Tokens = {"<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>"};

std::shared_ptr<const ChatTemplate> Parsed(const TemplateEvidence& evidence) {
  const DefaultTemplate* chosen = ChooseDefaultTemplate(evidence);
  if (chosen == nullptr) return nullptr;
  auto parsed = ChatTemplate::Parse(chosen->source);
  EXPECT_TRUE(parsed.ok()) << chosen->name << ": " << parsed.status().message();
  return parsed.ok() ? *parsed : nullptr;
}

std::shared_ptr<const ChatTemplate> ChatMl() {
  return Parsed(Evidence("qwen2", "", "<|im_end|>", kChatMlTokens));
}

std::shared_ptr<const ChatTemplate> Llama3() {
  return Parsed(Evidence("llama", "", "<|eot_id|>", kLlama3Tokens));
}

/// The renders of one real template without tools.
std::vector<TemplateValue> GoldenRenders(const std::string& file) {
  std::vector<TemplateValue> out;
  const Result<std::string> cases = ReadWholeFile(STERNA_FIXTURES "/templates/cases.jsonl", size_t{1} << 20);
  EXPECT_TRUE(cases.ok()) << cases.status().message();
  for (size_t start = 0; cases.ok() && start < cases->size();) {
    const size_t end = cases->find('\n', start);
    Result<TemplateValue> record = TemplateValue::FromJson(std::string_view(*cases).substr(start, end - start));
    EXPECT_TRUE(record.ok());
    start = end + 1;
    const bool plain = record->Find("tools")->is(TemplateValue::Kind::kNone) &&
                       record->Find("conversation")->text().find("tool") == std::string::npos;
    if (plain && record->Find("template")->text() == file) out.push_back(*std::move(record));
  }
  return out;
}

std::string Rendered(const ChatTemplate& chat_template, const TemplateValue& record) {
  std::vector<TemplateValue::Member> variables;
  for (const char* key : {"messages", "tools", "add_generation_prompt", "bos_token", "eos_token"}) {
    variables.emplace_back(key, *record.Find(key));
  }
  const Result<std::string> text = chat_template.Render(TemplateValue::Dict(std::move(variables)));
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : std::string();
}

bool StartsWithSystem(const TemplateValue& record) {
  return record.Find("messages")->items().at(0).Find("role")->text() == "system";
}

TEST(DefaultTemplates, ChatMlEqualsQwen3) {
  int renders = 0;
  for (const TemplateValue& record : GoldenRenders("Qwen-Qwen3-0.6B.jinja")) {
    EXPECT_EQ(Rendered(*ChatMl(), record), record.Find("text")->text());
    ++renders;
  }
  EXPECT_EQ(renders, 8);
}

TEST(DefaultTemplates, ChatMlEqualsQwen25WhereItAddsNoSystemMessage) {
  int renders = 0;
  for (const TemplateValue& record : GoldenRenders("Qwen-Qwen2.5-7B-Instruct.jinja")) {
    if (!StartsWithSystem(record)) continue;
    EXPECT_EQ(Rendered(*ChatMl(), record), record.Find("text")->text());
    ++renders;
  }
  EXPECT_EQ(renders, 4);
}

TEST(DefaultTemplates, Llama3EqualsLlama31WithoutItsDates) {
  const std::string dates = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
  const std::string header = "<|start_header_id|>system<|end_header_id|>\n\n";
  int renders = 0;
  for (const char* file : {"meta-llama-Llama-3.1-8B-Instruct.jinja", "meta-llama-Llama-3.3-70B-Instruct.jinja"}) {
    for (const TemplateValue& record : GoldenRenders(file)) {
      std::string expected = record.Find("text")->text();
      // Without a system message those releases still write one, empty but for the dates.
      const std::string added = StartsWithSystem(record) ? dates : header + dates + "<|eot_id|>";
      const size_t at = expected.find(added);
      ASSERT_NE(at, std::string::npos) << expected;
      expected.erase(at, added.size());
      EXPECT_EQ(Rendered(*Llama3(), record), expected);
      ++renders;
    }
  }
  EXPECT_EQ(renders, 16);
}

const ChatMessage kConversation[] = {{"system", "Be brief. "}, {"user", "Hi"}, {"assistant", " Hello!"}, {"user", "Who are\nyou?"}};

TEST(DefaultTemplates, BitNetWritesNamedTurns) {
  const auto chat = Parsed(Evidence("bitnet-b1.58", "bitnet2b_2501", "<|end_of_text|>", kLlama3Tokens));
  ASSERT_NE(chat, nullptr);
  EXPECT_EQ(*RenderChat(*chat, kConversation, true, "<|begin_of_text|>", "<|end_of_text|>"),
            "<|begin_of_text|>System: Be brief.<|eot_id|>User: Hi<|eot_id|>Assistant: Hello!<|eot_id|>User: Who are\nyou?<|eot_id|>"
            "Assistant: ");
  EXPECT_EQ(*RenderChat(*chat, std::span(kConversation).subspan(1, 1), false, "<|begin_of_text|>", ""),
            "<|begin_of_text|>User: Hi<|eot_id|>");
}

TEST(DefaultTemplates, Falcon3EndsAnswersWithEos) {
  const auto chat = Parsed(Evidence("llama", "Falcon3 7B Instruct 1.58bit", "<|endoftext|>", kFalcon3Tokens));
  ASSERT_NE(chat, nullptr);
  EXPECT_EQ(*RenderChat(*chat, kConversation, true, "", "<|endoftext|>"),
            "<|system|>\nBe brief. \n<|user|>\nHi\n<|assistant|>\n Hello!<|endoftext|>\n<|user|>\nWho are\nyou?\n<|assistant|>\n");
  EXPECT_EQ(*RenderChat(*chat, std::span(kConversation).subspan(1, 2), false, "", "<|endoftext|>"),
            "<|user|>\nHi\n<|assistant|>\n Hello!<|endoftext|>");
}

TEST(DefaultTemplates, Falcon3EqualsThePublishedTemplate) {
  const Result<std::string> source = ReadWholeFile(STERNA_FIXTURES "/templates/falcon3_without_tools.jinja", size_t{1} << 20);
  ASSERT_TRUE(source.ok()) << source.status().message();
  const auto published = ChatTemplate::Parse(*source);
  ASSERT_TRUE(published.ok()) << published.status().message();
  const auto chat = Parsed(Evidence("llama", "Falcon3-7B-Instruct", "<|endoftext|>", kFalcon3Tokens));
  ASSERT_NE(chat, nullptr);
  for (size_t begin = 0; begin < std::size(kConversation); ++begin) {
    for (size_t size = 1; begin + size <= std::size(kConversation); ++size) {
      for (const bool prompt : {false, true}) {
        const auto part = std::span(kConversation).subspan(begin, size);
        EXPECT_EQ(*RenderChat(*chat, part, prompt, "", "<|endoftext|>"),
                  *RenderChat(**published, part, prompt, "", "<|endoftext|>"));
      }
    }
  }
  const ChatMessage tool[] = {{"tool", "x"}};
  const Result<std::string> text = RenderChat(*chat, tool, true, "", "<|endoftext|>");
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.status().message(), "the built-in template falcon3 has no place for the role tool");
}

TEST(DefaultTemplates, ToolsAreRefusedNotDropped) {
  const TemplateValue variables = *TemplateValue::FromJson(R"({"messages": [], "tools": [{"name": "f"}], "bos_token": ""})");
  for (const TemplateEvidence& evidence :
       {Evidence("bitnet", "", "", kLlama3Tokens), Evidence("llama", "falcon3", "", kFalcon3Tokens),
        Evidence("qwen2", "", "<|im_end|>", kChatMlTokens), Evidence("llama", "", "<|eot_id|>", kLlama3Tokens)}) {
    const Result<std::string> text = Parsed(evidence)->Render(variables);
    ASSERT_FALSE(text.ok()) << ChosenName(evidence);
    EXPECT_EQ(text.status().message(), "the built-in template " + ChosenName(evidence) + " has no place for tools");
  }
}

TEST(DefaultTemplates, EvidenceDecides) {
  EXPECT_EQ(ChosenName(Evidence("bitnet", "", "<|end_of_text|>", kLlama3Tokens)), "bitnet-b1.58");
  EXPECT_EQ(ChosenName(Evidence("bitnet-b1.58", "", "", kLlama3Tokens)), "bitnet-b1.58");
  EXPECT_EQ(ChosenName(Evidence("llama", "Falcon3-1B-Instruct", "", kFalcon3Tokens)), "falcon3");
  EXPECT_EQ(ChosenName(Evidence("falcon3", "tiiuae/Falcon-3 10B", "", kFalcon3Tokens)), "falcon3");
  EXPECT_EQ(ChosenName(Evidence("llama", "Falcon-E-1B-Instruct", "<|end_of_text|>", kChatMlTokens)), "chatml");
  EXPECT_EQ(ChosenName(Evidence("", "", "<|im_end|>", kChatMlTokens)), "chatml");
  EXPECT_EQ(ChosenName(Evidence("llama", "SmolLM2 360M Instruct", "<|endoftext|>", kChatMlTokens)), "chatml");
  EXPECT_EQ(ChosenName(Evidence("llama", "", "<|eot_id|>", kLlama3Tokens)), "llama-3");
  EXPECT_EQ(ChosenName(Evidence("llama", "Meta Llama 3 8B Instruct", "<|end_of_text|>", kLlama3Tokens)), "llama-3");
}

TEST(DefaultTemplates, NothingWithoutEvidence) {
  EXPECT_EQ(ChosenName({}), "none");
  EXPECT_EQ(ChosenName(Evidence("bitnet", "bitnet_b1_58-large", "</s>", {"<s>", "</s>"})), "none");
  EXPECT_EQ(ChosenName(Evidence("bitnet-b1.58", "2B base", "", kLlama3Tokens)), "none");
  EXPECT_EQ(ChosenName(Evidence("llama", "SmolLM2-360M", "<|endoftext|>", kChatMlTokens)), "none");
  EXPECT_EQ(ChosenName(Evidence("llama", "Meta-Llama-3-8B", "<|end_of_text|>", kLlama3Tokens)), "none");
  EXPECT_EQ(ChosenName(Evidence("llama", "Falcon3-7B-Base", "<|endoftext|>", kFalcon3Tokens)), "none");
  EXPECT_EQ(ChosenName(Evidence("llama", "zephyr-7b-chat", "</s>", kFalcon3Tokens)), "none");
  EXPECT_EQ(ChosenName(Evidence("qwen2", "qwen2-instruct", "<|im_end|>", {"<|im_end|>"})), "none");
  EXPECT_EQ(ChosenName(Evidence("llama", "database-instruct", "", kChatMlTokens)), "chatml");
}

}  // namespace
}  // namespace sterna
