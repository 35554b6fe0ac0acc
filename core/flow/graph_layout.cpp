#include "core/flow/graph_layout.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace sluice::flow {
namespace {

constexpr int kOrderSweeps = 16;
constexpr int kPlaceSweeps = 12;
constexpr std::size_t kLongRanks = 4;         // an edge to a hub over so many ranks is a tag
constexpr std::size_t kMostPassing = 50'000;  // ranks that long edges pass, all told; the rest are tags

// A place in a rank: a node, or where a long edge passes.
struct Place {
  std::size_t node;  // kPassing for an edge's
  double width;
  double x = 0;  // centre
  std::vector<std::size_t> above;
  std::vector<std::size_t> below;
};
constexpr std::size_t kPassing = std::numeric_limits<std::size_t>::max();

class Layouter {
 public:
  Layouter(const DrawnGraph& graph, const LayoutSizes& sizes) : graph_(graph), sizes_(sizes), out_(graph.nodes.size()) {
    for (std::size_t i = 0; i < graph.edges.size(); ++i) out_[graph.edges[i].source].push_back(i);
  }

  Layout run() {
    cut_rings();
    rank();
    choose_tags();
    make_places();
    for (int sweep = 0; sweep < kOrderSweeps; ++sweep) order(sweep % 2 == 0);
    for (int sweep = 0; sweep < kPlaceSweeps; ++sweep) spread(sweep % 2 == 0);
    return finish();
  }

 private:
  // Depth first from the entry, without recursion; an edge to a node still open goes back.
  void cut_rings() {
    back_.assign(graph_.edges.size(), false);
    enum class Seen : char { kNo, kOpen, kDone };
    std::vector<Seen> seen(graph_.nodes.size(), Seen::kNo);
    std::vector<std::pair<std::size_t, std::size_t>> stack;  // node, next edge
    std::vector<std::size_t> finished;
    const auto visit = [&](std::size_t root) {
      if (seen[root] != Seen::kNo) return;
      seen[root] = Seen::kOpen;
      stack.emplace_back(root, 0);
      while (!stack.empty()) {
        const std::size_t node = stack.back().first;
        if (stack.back().second == out_[node].size()) {
          seen[node] = Seen::kDone;
          finished.push_back(node);
          stack.pop_back();
          continue;
        }
        const std::size_t edge = out_[node][stack.back().second++];
        const std::size_t target = graph_.edges[edge].target;
        if (seen[target] == Seen::kOpen) {
          back_[edge] = true;
        } else if (seen[target] == Seen::kNo) {
          seen[target] = Seen::kOpen;
          stack.emplace_back(target, 0);
        }
      }
    };
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (graph_.nodes[i].entry) visit(i);
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) visit(i);
    topological_.assign(finished.rbegin(), finished.rend());
  }

  void rank() {
    ranks_.assign(graph_.nodes.size(), 0);
    for (const std::size_t node : topological_) {
      for (const std::size_t edge : out_[node]) {
        const std::size_t target = graph_.edges[edge].target;
        if (!back_[edge] && target != node) ranks_[target] = std::max(ranks_[target], ranks_[node] + 1);
      }
    }
  }

  void choose_tags() {
    std::vector<std::size_t> arrivals(graph_.nodes.size(), 0);
    for (const DrawnEdge& edge : graph_.edges) ++arrivals[edge.target];
    tag_.assign(graph_.edges.size(), false);
    std::size_t passing = 0;
    for (std::size_t i = 0; i < graph_.edges.size(); ++i) {
      const DrawnEdge& edge = graph_.edges[i];
      const bool far = back_[i] || ranks_[edge.target] > ranks_[edge.source] + kLongRanks;
      tag_[i] = edge.source == edge.target || (far && arrivals[edge.target] >= sizes_.hub);
      const std::size_t span =
          std::max(ranks_[edge.source], ranks_[edge.target]) - std::min(ranks_[edge.source], ranks_[edge.target]);
      if (tag_[i]) continue;
      passing += span;
      tag_[i] = passing > kMostPassing;
    }
  }

  std::size_t add_place(std::size_t rank, std::size_t node) {
    places_.push_back({node, node == kPassing ? sizes_.lane_width : sizes_.node_width, 0, {}, {}});
    layers_[rank].push_back(places_.size() - 1);
    return places_.size() - 1;
  }

  void join(std::size_t upper, std::size_t lower) {
    places_[upper].below.push_back(lower);
    places_[lower].above.push_back(upper);
  }

  // Nodes take their places in the order the search found them, so that what belongs together begins together.
  void make_places() {
    const std::size_t deepest = ranks_.empty() ? 0 : *std::ranges::max_element(ranks_);
    layers_.assign(deepest + 1, {});
    place_of_.assign(graph_.nodes.size(), 0);
    for (const std::size_t node : topological_) place_of_[node] = add_place(ranks_[node], node);
    lanes_.assign(graph_.edges.size(), {});
    for (std::size_t i = 0; i < graph_.edges.size(); ++i) {
      if (tag_[i]) continue;
      std::size_t upper = graph_.edges[i].source;
      std::size_t lower = graph_.edges[i].target;
      if (ranks_[upper] > ranks_[lower]) std::swap(upper, lower);
      std::size_t previous = place_of_[upper];
      for (std::size_t rank = ranks_[upper] + 1; rank < ranks_[lower]; ++rank) {
        const std::size_t lane = add_place(rank, kPassing);
        lanes_[i].push_back(lane);
        join(previous, lane);
        previous = lane;
      }
      if (ranks_[upper] != ranks_[lower]) join(previous, place_of_[lower]);
    }
    for (const std::vector<std::size_t>& layer : layers_) pack(layer);
  }

  void pack(const std::vector<std::size_t>& layer) {
    double x = 0;
    for (const std::size_t place : layer) {
      places_[place].x = x + places_[place].width / 2;
      x += places_[place].width + gap(place);
    }
  }

  [[nodiscard]] double gap(std::size_t place) const {
    return places_[place].node == kPassing ? sizes_.lane_width / 2 : sizes_.node_gap;
  }

  [[nodiscard]] double wish(std::size_t place, bool down) const {
    const std::vector<std::size_t>& neighbours = down ? places_[place].above : places_[place].below;
    if (neighbours.empty()) return places_[place].x;
    double sum = 0;
    for (const std::size_t neighbour : neighbours) sum += places_[neighbour].x;
    return sum / static_cast<double>(neighbours.size());
  }

  template <typename Visit>
  void for_each_layer(bool down, const Visit& visit) {
    if (down) {
      for (std::vector<std::size_t>& layer : layers_) visit(layer);
    } else {
      for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) visit(*layer);
    }
  }

  void order(bool down) {
    for_each_layer(down, [&](std::vector<std::size_t>& layer) {
      std::vector<std::tuple<double, std::size_t, std::size_t>> wishes;  // equals keep their order
      wishes.reserve(layer.size());
      for (std::size_t i = 0; i < layer.size(); ++i) wishes.emplace_back(wish(layer[i], down), i, layer[i]);
      std::ranges::sort(wishes);
      for (std::size_t i = 0; i < layer.size(); ++i) layer[i] = std::get<2>(wishes[i]);
      pack(layer);
    });
  }

  // The places nearest to their wishes, by squares, that keep order and distance: pooled adjacent violators.
  void spread(bool down) {
    struct Pool {
      double sum;
      double count;
      std::size_t first;
      [[nodiscard]] double mean() const { return sum / count; }
    };
    for_each_layer(down, [&](std::vector<std::size_t>& layer) {
      std::vector<double> offsets(layer.size(), 0);
      std::vector<Pool> pools;
      double offset = 0;
      for (std::size_t i = 0; i < layer.size(); ++i) {
        if (i > 0) offset += (places_[layer[i - 1]].width + places_[layer[i]].width) / 2 + gap(layer[i - 1]);
        offsets[i] = offset;
        pools.push_back({wish(layer[i], down) - offset, 1, i});
        while (pools.size() > 1 && pools[pools.size() - 2].mean() > pools.back().mean()) {
          const Pool last = pools.back();
          pools.pop_back();
          pools.back().sum += last.sum;
          pools.back().count += last.count;
        }
      }
      for (std::size_t pool = 0; pool < pools.size(); ++pool) {
        const std::size_t end = pool + 1 < pools.size() ? pools[pool + 1].first : layer.size();
        for (std::size_t i = pools[pool].first; i < end; ++i) places_[layer[i]].x = pools[pool].mean() + offsets[i];
      }
    });
  }

  Layout finish() {
    Layout layout;
    double left = std::numeric_limits<double>::max();
    double right = std::numeric_limits<double>::lowest();
    for (const Place& place : places_) {
      left = std::min(left, place.x - place.width / 2);
      right = std::max(right, place.x + place.width / 2);
    }
    if (places_.empty()) left = right = 0;
    for (Place& place : places_) place.x += sizes_.margin - left;
    layout.width = right - left + 2 * sizes_.margin;
    layout.height = static_cast<double>(layers_.size()) * (sizes_.node_height + sizes_.rank_gap) - sizes_.rank_gap +
                    2 * sizes_.margin;
    for (std::size_t node = 0; node < graph_.nodes.size(); ++node) {
      layout.nodes.push_back({places_[place_of_[node]].x - sizes_.node_width / 2, top(ranks_[node])});
    }
    for (std::size_t i = 0; i < graph_.edges.size(); ++i) layout.edges.push_back(placed_edge(i));
    share_sides(layout);
    return layout;
  }

  [[nodiscard]] double top(std::size_t rank) const {
    return sizes_.margin + static_cast<double>(rank) * (sizes_.node_height + sizes_.rank_gap);
  }

  PlacedEdge placed_edge(std::size_t edge) {
    PlacedEdge placed;
    if (tag_[edge]) return placed;
    const std::size_t source = graph_.edges[edge].source;
    const std::size_t target = graph_.edges[edge].target;
    const bool up = ranks_[source] > ranks_[target];
    placed.back = up;
    const double x = places_[place_of_[source]].x;
    placed.points.push_back({x, top(ranks_[source]) + (up ? 0 : sizes_.node_height)});
    std::vector<std::size_t> lanes = lanes_[edge];
    if (up) std::ranges::reverse(lanes);
    std::size_t rank = ranks_[source];
    for (const std::size_t lane : lanes) {
      rank = up ? rank - 1 : rank + 1;
      const double middle = top(rank) + (up ? sizes_.node_height : 0);
      placed.points.push_back({places_[lane].x, middle});
      placed.points.push_back({places_[lane].x, top(rank) + (up ? 0 : sizes_.node_height)});
    }
    placed.points.push_back({places_[place_of_[target]].x, top(ranks_[target]) + (up ? sizes_.node_height : 0)});
    return placed;
  }

  // Edges that meet a node on the same side share its width, in the order of where they come from.
  void share_sides(Layout& layout) {
    struct End {
      std::size_t edge;
      bool source;
      double toward;
    };
    std::vector<std::vector<End>> upper(graph_.nodes.size());
    std::vector<std::vector<End>> lower(graph_.nodes.size());
    for (std::size_t i = 0; i < layout.edges.size(); ++i) {
      const PlacedEdge& edge = layout.edges[i];
      if (edge.points.size() < 2) continue;
      (edge.back ? upper : lower)[graph_.edges[i].source].push_back({i, true, edge.points[1].x});
      (edge.back ? lower : upper)[graph_.edges[i].target].push_back({i, false, edge.points[edge.points.size() - 2].x});
    }
    for (auto* sides : {&upper, &lower}) {
      for (std::size_t node = 0; node < sides->size(); ++node) {
        std::vector<End>& ends = (*sides)[node];
        std::ranges::sort(
            ends, [](const End& a, const End& b) { return std::tie(a.toward, a.edge) < std::tie(b.toward, b.edge); });
        const double step = sizes_.node_width * 0.8 / static_cast<double>(ends.size() + 1);
        const double begin = layout.nodes[node].x + sizes_.node_width * 0.1;
        for (std::size_t i = 0; i < ends.size(); ++i) {
          std::vector<Point>& points = layout.edges[ends[i].edge].points;
          (ends[i].source ? points.front() : points.back()).x = begin + step * static_cast<double>(i + 1);
        }
      }
    }
  }

  const DrawnGraph& graph_;
  const LayoutSizes& sizes_;
  std::vector<std::vector<std::size_t>> out_;
  std::vector<bool> back_;
  std::vector<bool> tag_;
  std::vector<std::size_t> topological_;
  std::vector<std::size_t> ranks_;
  std::vector<Place> places_;
  std::vector<std::vector<std::size_t>> layers_;
  std::vector<std::size_t> place_of_;
  std::vector<std::vector<std::size_t>> lanes_;
};

}  // namespace

Layout lay_out(const DrawnGraph& graph, const LayoutSizes& sizes) {
  return Layouter(graph, sizes).run();
}

}  // namespace sluice::flow
