"""From images to matches; drives the plugins."""
