"""Where people come from: topics, cameras and bags, joined to the graph."""
