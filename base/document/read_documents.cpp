#include "base/document/read_documents.h"

#include "base/document/document_builder.h"
#include "base/document/json_text.h"
#include "base/document/yaml_events.h"

namespace wherry::document {

std::optional<SyntaxError> read_documents(std::string_view text, Expect expect,
                                          const Limits& limits,
                                          const std::function<void(Document&&)>& take,
                                          std::vector<SyntaxError>* repeated) {
  text = without_byte_order_mark(text);
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    return SyntaxError{{}, "is UTF-16 text; save it as UTF-8"};
  }
  DocumentBuilder builder(limits, take);
  builder.note_repeated(repeated);
  if (!looks_like_json(text)) return read_yaml(text, builder);

  const auto not_json = check_json(text, limits);
  if (!not_json) return read_json(text, limits, builder);
  const auto not_yaml = read_yaml(text, builder);
  return not_yaml && expect == Expect::Json ? not_json : not_yaml;
}

}  // namespace wherry::document
