"""What it takes to say that one run repeats another."""
