#include <fmt/format.h>

#include <array>

#include "core/flow/graph.h"
#include "core/flow/graph_layout.h"
#include "core/flow/graph_model.h"

namespace sluice::flow {
namespace {

constexpr std::size_t kIdLength = 25;
constexpr std::size_t kSummaryLength = 31;
constexpr double kCorner = 10;
constexpr double kTagHeight = 16;
constexpr std::size_t kMostTags = 3;  // a node shows

// One colour a node type, the same on both backgrounds; the rest follows the reader's scheme. No CSS variables:
// renderers of pictures do not know them.
constexpr std::string_view kStyle = R"(<style>
  text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2933; }
  .paper { fill: #ffffff; }
  .box { fill: #ffffff; stroke: #d5dbe1; stroke-width: 1.2; }
  .kind { font-size: 9.5px; letter-spacing: 0.06em; }
  .id { font-size: 13px; font-weight: 600; }
  .summary { font-size: 11px; fill: #6b7785; }
  .edge { fill: none; stroke: #9aa5b1; stroke-width: 1.4; }
  .back { stroke-dasharray: 5 4; }
  .tip { fill: #9aa5b1; }
  .halo, .label { font-size: 10px; text-anchor: middle; }
  .halo { stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
  .tag { font-size: 10px; fill: #6b7785; }
  .message .hue { fill: #3b82c4; } .question .hue { fill: #2f9e6e; } .condition .hue { fill: #c98a14; } .action .hue { fill: #7a5fc7; }
  .webhook .hue { fill: #c2517e; } .composite .hue { fill: #4f7d8c; } .script .hue { fill: #b5562f; } .other .hue { fill: #888888; }
  .entry .box { stroke: #52606d; stroke-width: 2.4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6eaee; }
    .paper { fill: #14181d; }
    .box { fill: #1e242b; stroke: #37414c; }
    .entry .box { stroke: #aab4be; }
    .summary, .tag { fill: #97a3af; }
    .edge { stroke: #66727f; }
    .tip { fill: #66727f; }
    .halo { stroke: #14181d; }
  }
</style>
)";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string_view class_of(std::string_view type) {
  constexpr std::array<std::string_view, 7> kTypes{"message", "question",  "condition", "action",
                                                   "webhook", "composite", "script"};
  for (const std::string_view known : kTypes) {
    if (known == type) return known;
  }
  return "other";
}

// Straight down through ranks, curved between them, so that every line leaves and arrives upright.
std::string path_of(const std::vector<Point>& points) {
  std::string path = fmt::format("M{:.1f},{:.1f}", points[0].x, points[0].y);
  for (std::size_t i = 1; i < points.size(); ++i) {
    const Point& from = points[i - 1];
    const Point& to = points[i];
    if (from.x == to.x) {
      path += fmt::format(" L{:.1f},{:.1f}", to.x, to.y);
      continue;
    }
    const double middle = (from.y + to.y) / 2;
    path += fmt::format(" C{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}", from.x, middle, to.x, middle, to.x, to.y);
  }
  return path;
}

class Drawing {
 public:
  explicit Drawing(const Json& flow) : graph_(drawn_graph(flow)), layout_(lay_out(graph_, sizes_)) {}

  std::string draw() {
    const std::string name = graph_.name.empty() ? "flow" : graph_.name;
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" role=\"img\">\n"
        "<title>{2}</title>\n",
        layout_.width, layout_.height + kTagRoom, escaped(name));
    out_ += kStyle;
    out_ +=
        "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
        "orient=\"auto\">"
        "<path class=\"tip\" d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>\n";
    out_ += "<rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n";
    for (std::size_t i = 0; i < graph_.edges.size(); ++i) draw_line(i);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) draw_node(i);
    for (std::size_t i = 0; i < graph_.edges.size(); ++i) draw_label(i);
    draw_tags();
    return out_ + "</svg>\n";
  }

 private:
  static constexpr double kTagRoom = kTagHeight * static_cast<double>(kMostTags + 1);

  void draw_line(std::size_t index) {
    const PlacedEdge& edge = layout_.edges[index];
    if (edge.points.size() < 2) return;
    out_ += fmt::format("<path class=\"edge{}\" d=\"{}\" marker-end=\"url(#tip)\"/>\n", edge.back ? " back" : "",
                        path_of(edge.points));
  }

  // Near the source, where the ways part; lower and lower for neighbours, so that they do not cover each other.
  void draw_label(std::size_t index) {
    const PlacedEdge& edge = layout_.edges[index];
    const std::string& label = graph_.edges[index].label;
    if (edge.points.size() < 2 || label.empty()) return;
    const Point& from = edge.points[0];
    const Point& to = edge.points[1];
    const std::size_t turn = turns_[graph_.edges[index].source]++ % 3;
    const double along = 0.3 + 0.18 * static_cast<double>(turn);
    const double eased = along * along * (3 - 2 * along);
    // Written twice: the first, in the colour of the paper, keeps lines away from the letters of the second.
    for (const std::string_view layer : {"halo", "label"}) {
      out_ += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", layer,
                          from.x + (to.x - from.x) * eased, from.y + (to.y - from.y) * along + 3, escaped(label));
    }
  }

  void draw_node(std::size_t index) {
    const DrawnNode& node = graph_.nodes[index];
    const Point& corner = layout_.nodes[index];
    const double w = sizes_.node_width;
    const double h = sizes_.node_height;
    out_ += fmt::format("<g class=\"{}{}\" transform=\"translate({:.1f},{:.1f})\"><title>{}</title>",
                        class_of(node.type), node.entry ? " entry" : "", corner.x, corner.y,
                        escaped(node.summary.empty() ? node.id : node.id + ": " + node.summary));
    out_ += fmt::format("<rect class=\"box\" width=\"{}\" height=\"{}\" rx=\"{}\"/>", w, h, kCorner);
    out_ += fmt::format("<rect class=\"hue\" x=\"0\" y=\"12\" width=\"4\" height=\"{}\" rx=\"2\"/>", h - 24);
    out_ += fmt::format("<text class=\"kind hue\" x=\"16\" y=\"18\">{}{}</text>", escaped(node.type),
                        node.entry ? " · start" : "");
    out_ += fmt::format("<text class=\"id\" x=\"16\" y=\"36\">{}</text>", escaped(shortened(node.id, kIdLength)));
    out_ += fmt::format("<text class=\"summary\" x=\"16\" y=\"54\">{}</text></g>\n",
                        escaped(shortened(node.summary, kSummaryLength)));
  }

  void draw_tags() {
    std::vector<std::size_t> drawn(graph_.nodes.size(), 0);
    for (std::size_t i = 0; i < graph_.edges.size(); ++i) {
      if (!layout_.edges[i].points.empty()) continue;
      const DrawnEdge& edge = graph_.edges[i];
      const std::size_t place = drawn[edge.source]++;
      if (place >= kMostTags) continue;
      const Point& corner = layout_.nodes[edge.source];
      const std::string target = edge.source == edge.target ? "itself" : graph_.nodes[edge.target].id;
      const std::string text = edge.label.empty() ? "→ " + target : edge.label + " → " + target;
      out_ += fmt::format("<text class=\"tag\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", corner.x + 16,
                          corner.y + sizes_.node_height + 14 + kTagHeight * static_cast<double>(place),
                          escaped(shortened(text, kSummaryLength)));
    }
  }

  LayoutSizes sizes_;
  DrawnGraph graph_;
  Layout layout_;
  std::vector<std::size_t> turns_ = std::vector<std::size_t>(graph_.nodes.size(), 0);
  std::string out_;
};

}  // namespace

std::string to_svg(const Json& flow) {
  return Drawing(flow).draw();
}

}  // namespace sluice::flow
