"""What the environment lacks, each with the line that mends it; works whatever library is broken."""
