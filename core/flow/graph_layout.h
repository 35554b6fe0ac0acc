// A layered layout (after Sugiyama): rings are cut, nodes get ranks by the longest way from the entry, long edges get a
// place in every rank between, ranks are ordered by the middle of their neighbours, and places move as near to those as
// room allows.
#pragma once

#include <vector>

#include "core/flow/graph_model.h"

namespace sluice::flow {

struct Point {
  double x = 0;
  double y = 0;
};

struct PlacedEdge {
  std::vector<Point> points;  // from source to target; empty: drawn as a tag at the source
  bool back = false;          // against the direction of the layers
};

struct Layout {
  std::vector<Point> nodes;       // upper left corners
  std::vector<PlacedEdge> edges;  // in the order of the graph's
  double width = 0;
  double height = 0;
};

struct LayoutSizes {
  double node_width = 220;
  double node_height = 66;
  double node_gap = 36;  // between nodes of one rank
  double rank_gap = 56;
  double lane_width = 18;  // of an edge that passes through a rank
  double margin = 28;
  std::size_t hub = 8;  // edges to a node that at least so many lead to are tags when they are long or go back
};

[[nodiscard]] Layout lay_out(const DrawnGraph& graph, const LayoutSizes& sizes = {});

}  // namespace sluice::flow
