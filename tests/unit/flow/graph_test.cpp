#include "core/flow/graph.h"

#include "core/flow/graph_layout.h"
#include "tests/unit/flow/import_fixture.h"

namespace sluice::flow {
namespace {

Json small_flow() {
  return j(
      "{'name':'a & "
      "b','entry_node_id':'ask','nodes':[{'node_id':'ask','node_type':'question','content':{'question':'Tea < "
      "coffee?','options':['Yes','No']}},"
      "{'node_id':'by','node_type':'condition','content':{'conditions':[{'if':{'var':'user.age','gte':18},'then':'bye'}"
      "],'else':'ask'}},"
      "{'node_id':'bye','node_type':'message','content':{'text':'Say \\'bye\\''}}],"
      "'connections':[{'source_node_id':'ask','target_node_id':'by','connection_type':'$0'},{'source_node_id':'ask','"
      "target_node_id':'bye','connection_type':'$1'},"
      "{'source_node_id':'bye','target_node_id':'nowhere','connection_type':'default'}]}");
}

TEST(Graph, DotHasEveryNodeAndEdge) {
  const std::string dot = to_dot(small_flow());
  EXPECT_TRUE(dot.starts_with("digraph \"a & b\" {"));
  EXPECT_NE(dot.find("\"ask\" -> \"by\" [label=\"Yes\"]"), std::string::npos) << dot;
  EXPECT_NE(dot.find("\"by\" -> \"bye\" [label=\"user.age ≥ 18\"]"), std::string::npos) << dot;
  EXPECT_NE(dot.find("\"by\" -> \"ask\" [label=\"else\"]"), std::string::npos) << dot;
  EXPECT_NE(dot.find("Say \\\"bye\\\""), std::string::npos) << dot;
}

TEST(Graph, SvgEscapesWhatPeopleWrote) {
  const std::string svg = to_svg(small_flow());
  EXPECT_NE(svg.find("<title>a &amp; b</title>"), std::string::npos);
  EXPECT_NE(svg.find("Tea &lt; coffee?"), std::string::npos);
  EXPECT_NE(svg.find(">Yes</text>"), std::string::npos);
  EXPECT_EQ(svg, to_svg(small_flow()));
}

TEST(Graph, NodesOfARankDoNotOverlapAndEdgesLeadDown) {
  const DrawnGraph graph = drawn_graph(small_flow());
  const Layout layout = lay_out(graph);
  const LayoutSizes sizes;
  for (std::size_t a = 0; a < layout.nodes.size(); ++a) {
    for (std::size_t b = a + 1; b < layout.nodes.size(); ++b) {
      const bool apart = std::abs(layout.nodes[a].x - layout.nodes[b].x) >= sizes.node_width ||
                         std::abs(layout.nodes[a].y - layout.nodes[b].y) >= sizes.node_height;
      EXPECT_TRUE(apart) << graph.nodes[a].id << " and " << graph.nodes[b].id;
    }
  }
  for (std::size_t i = 0; i < graph.edges.size(); ++i) {
    if (!layout.edges[i].back) EXPECT_LT(layout.nodes[graph.edges[i].source].y, layout.nodes[graph.edges[i].target].y);
  }
}

TEST(Graph, LongTextsAreCutAtCodePoints) {
  EXPECT_EQ(shortened("héllo", 5), "héllo");
  EXPECT_EQ(shortened("héllo!", 5), "héll…");
  EXPECT_EQ(shortened("a\nb", 5), "a b");
}

TEST(Graph, ADenseFlowStaysBounded) {
  Json flow = make_object();
  Json nodes = make_array();
  Json edges = make_array();
  constexpr int kNodes = 3000;
  for (int i = 0; i < kNodes; ++i) {
    Json node = make_object();
    set(node, "node_id", "n" + std::to_string(i));
    set(node, "node_type", "message");
    push(nodes, std::move(node));
    for (const int target : {i + 1, kNodes - 1}) {
      Json edge = make_object();
      set(edge, "source_node_id", "n" + std::to_string(i));
      set(edge, "target_node_id", "n" + std::to_string(target));
      set(edge, "connection_type", "default");
      push(edges, std::move(edge));
    }
  }
  set(flow, "entry_node_id", "n0");
  set(flow, "nodes", std::move(nodes));
  set(flow, "connections", std::move(edges));
  EXPECT_LT(to_svg(flow).size(), 16U << 20U);
}

TEST(Graph, TheBankIsDrawn) {
  const Json document = shared_flow("watson/bank_simple_workspace.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  const Imported result = import_flow(document, Format::kWatson);
  const std::string svg = to_svg(result.flow);
  for (const Json& node : find(result.flow, "nodes")->GetArray())
    EXPECT_NE(svg.find(std::string(string_member(node, "node_id")).substr(0, 20)), std::string::npos);
}

TEST(Graph, NothingIsAnEmptyPicture) {
  EXPECT_TRUE(to_svg(make_object()).starts_with("<svg"));
  EXPECT_TRUE(to_dot(make_object()).starts_with("digraph"));
}

}  // namespace
}  // namespace sluice::flow
